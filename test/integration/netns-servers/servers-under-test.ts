import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LabName, labBreak, labDown, labHeal, labRestart } from '../../../lab/cli.ts';
import { LabDirectory } from '../../../lab/lab-directory.ts';
import { namespaceLabUp } from '../../../lab/netns/namespace-lab-up.ts';
import type { ProbeReport } from '../../../lab/netns/path-probe.ts';
import { findResidue } from '../../../lab/netns/residue.ts';
import type { ServerGround } from '../../../lab/netns/servers/placement.ts';
import type { ServerChoice } from '../../../lab/netns/servers/plan-servers.ts';
import { serverSecrets } from '../../../lab/netns/servers/server-secrets.ts';
import { waitFor } from '../../../lab/wait.ts';
import type { Dial } from '../../../src/adapters/system/dial.ts';
import { GuardedEpochs } from '../../../src/adapters/system/guarded-epochs.ts';
import type { Epoch, SiteId } from '../../../src/core/base/ids.ts';
import { exampleFirm, NamespaceLabUnderTest, projectRoot } from '../netns-lab.under-test.ts';
import { FlowUnderTest } from './flow-under-test.ts';
import { NamespaceDial } from './namespace-dial.ts';
import type { SessionReport } from './session-probe.ts';

/** In a session of its own: between sessions, a share of its own counts for nothing. */
export const probe = [
  'setsid',
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, 'session-probe.ts'),
];

export const epoch = (value: number): Epoch => value as Epoch;

export const codeOf = (outcome: { readonly kind: string; readonly code?: string }): string | undefined =>
  outcome.kind === 'failed' ? outcome.code : outcome.kind;

/** The servers of one lab of namespaces, and what every test of them needs. */
export class ServersUnderTest {
  readonly lab: LabName;
  readonly under: NamespaceLabUnderTest;
  readonly ground: ServerGround;
  /** Gone with the lab. */
  readonly directory: string;
  readonly #dials = new Map<string, NamespaceDial>();
  #names = 0;

  /** @param options.servers all of them unless told; `say`: what is being done */
  static async up(
    name: string,
    {
      servers = 'all',
      say = () => {},
    }: { readonly servers?: ServerChoice; readonly say?: (line: string) => void } = {},
  ): Promise<ServersUnderTest> {
    const lab = { root: projectRoot, name };
    await namespaceLabUp(
      { ...lab, topology: exampleFirm(), topologyFile: null, ifThere: 'replace', platform: false, servers },
      (event) => {
        if (event.kind === 'step') say(event.text);
      },
    );
    return new ServersUnderTest(lab);
  }

  private constructor(lab: LabName) {
    this.lab = lab;
    this.under = new NamespaceLabUnderTest(lab);
    const secret = serverSecrets(new LabDirectory(lab.root, lab.name).secrets);
    this.ground = { topology: exampleFirm(), plan: this.under.context.plan, secret };
    this.directory = mkdtempSync(join(tmpdir(), 'netns-servers-'));
  }

  /** Ends the lab. @throws AssertionError when something of it is left */
  async down(): Promise<void> {
    for (const dial of this.#dials.values()) dial.close();
    await labDown(this.lab);
    rmSync(this.directory, { recursive: true, force: true });
    const { id } = new LabDirectory(this.lab.root, this.lab.name);
    assert.deepEqual(findResidue(id), { namespaces: [], controlGroups: [] });
  }

  newName(what: string): string {
    this.#names += 1;
    return join(this.directory, `${what}-${this.#names}`);
  }

  newEpochs(): GuardedEpochs {
    return new GuardedEpochs(this.newName('epochs'));
  }

  /** How somebody on that machine opens connections. */
  dialFrom(node: string): Dial {
    const { namespace } = this.ground.plan.nodes.find(({ id }) => id === node)!;
    const dial = this.#dials.get(namespace) ?? new NamespaceDial(namespace);
    this.#dials.set(namespace, dial);
    return dial.dial;
  }

  /** Resolves when none of its processes runs. */
  async freeze(key: string): Promise<string> {
    return (await labBreak(this.lab, { kind: 'freeze', target: { kind: 'process', key } }, 60_000)).id;
  }

  /** Nobody reaches that site any more, and it reaches nobody. */
  async isolate(site: string): Promise<string> {
    const fault = { kind: 'site-isolated', site: site as SiteId } as const;
    return (await labBreak(this.lab, fault, 120_000)).id;
  }

  async heal(fault: string): Promise<void> {
    await labHeal(this.lab, fault);
  }

  async thaw(fault: string): Promise<void> {
    await this.heal(fault);
  }

  async kill(key: string): Promise<void> {
    await labBreak(this.lab, { kind: 'kill', target: { kind: 'process', key } }, null);
  }

  async restart(key: string): Promise<void> {
    await labRestart(this.lab, key);
  }

  /** Reports of new sessions from one machine to an address while the work is done. */
  asked(from: string, to: { readonly host: string; readonly port: number }, work: () => Promise<void>) {
    return this.#reported<SessionReport>(from, ['ask', to.host, String(to.port)], work);
  }

  /** Opens a session every 5 ms while the work is done, and says which were not answered. */
  opened(from: string, to: { readonly host: string; readonly port: number }, work: () => Promise<void>) {
    return this.#reported<ProbeReport>(from, ['open', to.host, String(to.port), '5'], work);
  }

  /** Asks over four kept sessions, each 2 ms after its last answer, until it is ended. */
  async flow(from: string, to: { readonly host: string; readonly port: number }): Promise<FlowUnderTest> {
    return new FlowUnderTest(
      this.under,
      await this.under.start(from, ...probe, 'flow', to.host, String(to.port), '2', '4'),
    );
  }

  async #reported<Report>(from: string, words: readonly string[], work: () => Promise<void>): Promise<Report> {
    const child = await this.under.start(from, ...probe, ...words);
    let report = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      report += bytes.toString('utf8');
    });
    try {
      await work();
      child.stdin?.end();
      await waitFor('the report', () => report.includes('\n'), 5_000);
      return JSON.parse(report) as Report;
    } finally {
      await this.under.end(child);
    }
  }
}

/** A frozen server must not make anybody late. */
export async function withinDeadline<Result>(deadlineMs: number, work: Promise<Result>): Promise<Result> {
  const begun = performance.now();
  const result = await work;
  assert.ok(performance.now() - begun < deadlineMs + 500, `it took ${performance.now() - begun} ms`);
  return result;
}
