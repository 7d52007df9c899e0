import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeConnectFile } from '../../../bin/commands/lab-connect.ts';
import type { GroupView } from '../../../lab/demo/status-view.ts';
import { patroniMembers } from '../../../lab/netns/servers/patroni-members.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import type { InstanceObservation } from '../../../src/core/health/instance-observation.ts';
import type { Component } from '../../../src/core/topology/topology.ts';
import { indexOf } from '../../../src/core/topology/topology-index.ts';
import type { LabUnderTest } from '../../lab/lab-under-test.ts';
import { projectRoot } from '../../lab/lab-under-test.ts';
import { NamespaceLabUnderTest } from '../netns-lab.under-test.ts';

export interface CommandEnd {
  readonly code: number;
  readonly text: string;
}

/** The database of a whole lab under Patroni: as its controllers see it, as its record leads to it, and as a fault is aimed at it. */
export class PatroniFirm {
  readonly #lab: LabUnderTest;
  readonly #component: Component;
  readonly #under: NamespaceLabUnderTest;

  constructor(lab: LabUnderTest) {
    this.#lab = lab;
    this.#component = lab.component('patroni');
    this.#under = new NamespaceLabUnderTest(lab.directory);
  }

  /** Whom the record leads to; null while nobody is confirmed. */
  adopted({ record }: GroupView): string | null {
    return record?.delegates?.[this.#component.id]?.holder ?? null;
  }

  siteOf(instance: string): string {
    return indexOf(this.#lab.topology).siteOfInstance.get(instance as never)!;
  }

  /** What keeps it from being the primary of that site with a copy that has everything; null = nothing. */
  lacks(view: GroupView, site: string): string | null {
    const holder = this.adopted(view);
    if (holder === null || this.siteOf(holder) !== site) return `${holder ?? 'nobody'} is adopted`;
    const seen = (name: string): InstanceObservation | null =>
      view.instances.find(({ instance }) => instance === name)?.observation ?? null;
    for (const { id } of this.#component.instances)
      if (seen(id)?.health !== 'ok') return `${id} is ${seen(id)?.health ?? 'not seen'}: ${seen(id)?.reason ?? ''}`;
    const others = this.#component.instances.filter(({ id, eligible }) => eligible && id !== holder);
    const { delegate, replicas } = seen(holder)!;
    const missing = others.find(
      ({ id }) =>
        delegate?.withoutLoss.includes(id) !== true ||
        !replicas.some((each) => each.instance === id && each.state === 'in-sync'),
    );
    return missing === undefined ? null : `${missing.id} has not everything`;
  }

  /** As the platform is wanted, and its database at the active site. */
  async settled(site: string): Promise<GroupView> {
    await this.#lab.settled();
    return this.#lab.platform.until('the database is settled', (view) => this.lacks(view, site), 90_000);
  }

  /** Patroni of a member, by the key that faults take. */
  keyOf(instance: string): string {
    const { server, node } = this.#member(instance);
    return serverKey({ name: server, node });
  }

  /** Neither Patroni nor any process of its PostgreSQL is there. */
  async isDead(instance: string): Promise<boolean> {
    const { node } = this.#member(instance);
    const lines = await this.#under.run(node.id, 'ps', '-eo', 'user:20,args');
    return lines !== '' && !/^postgres\s.*(?:patroni |bin\/postgres|postgres:)/m.test(lines);
  }

  /** The command line as a person would use it, as the lab's operator. */
  async command(...words: readonly string[]): Promise<CommandEnd> {
    const connect = writeConnectFile(this.#lab.platform.context);
    const args = ['--connect', connect, '--as', 'Omar Operator', ...words];
    return new Promise((resolve) => {
      execFile(join(projectRoot, 'bin', 'holdfast'), args, { timeout: 120_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, text: `${stdout}${stderr}` });
      });
    });
  }

  /** Asks for the plan, then for exactly that one, and follows the run to its end. */
  async switchover(site: string): Promise<CommandEnd> {
    const planned = await this.command('--json', 'plan', 'switchover', site);
    assert.equal(planned.code, 0, planned.text);
    const { digest } = JSON.parse(planned.text) as { readonly digest: string };
    return this.command('switchover', site, '--yes', '--plan', digest, '--reason', 'planned work');
  }

  /** Files of the lab that are not secrets themselves and have one of Patroni's in them. */
  secretsTold(): readonly string[] {
    const { path, secrets, logs } = this.#lab.directory;
    const known = globSync(join(secrets, '{server-patroni-*.secret,database-*.password}')).map((file) =>
      readFileSync(file, 'utf8').trim(),
    );
    assert.ok(known.length > 3, 'the lab has secrets');
    const told = [join(logs, '*'), join(path, '*.ndjson'), join(path, '{evidence,sites,hosts}/**/*')]
      .flatMap((pattern) => globSync(pattern))
      .filter((file) => statSync(file).isFile());
    assert.ok(told.length > 50);
    return told.filter((file) => {
      const text = readFileSync(file, 'latin1');
      return known.some((secret) => text.includes(secret));
    });
  }

  #member(instance: string) {
    const placement = { topology: this.#lab.topology, plan: this.#under.context.plan };
    return patroniMembers(placement, this.#component).find(({ name }) => name === instance)!;
  }
}
