import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gate } from '../../src/adapters/gate/gate.ts';
import { locateBinaries, type PostgresBinaries } from '../../src/adapters/postgres/binaries.ts';
import { PostgresDriver } from '../../src/adapters/postgres/driver.ts';
import { type Row, Session } from '../../src/adapters/postgres/session.ts';
import { Deadline } from '../../src/adapters/process/deadline.ts';
import { hostMonoMs } from '../../src/adapters/process/host-clock.ts';
import { epoch, instanceId, type MonoMs } from '../../src/core/base/ids.ts';
import type { InstanceObservation } from '../../src/core/health/instance-observation.ts';
import type { InstanceAction, ProcessExit } from '../../src/engine/driver-port.ts';
import { freePort } from '../../trading/testing/free-ports.ts';

export interface PostgresSite {
  readonly driver: PostgresDriver;
  readonly port: number;
  readonly dataDir: string;
  readonly observations: InstanceObservation[];
  readonly exits: ProcessExit[];
}

/** Some instances on one machine, each with its own driver; `a` makes the cluster, the others clone. */
export class PostgresWorld {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast pé-')));
  readonly sites = new Map<string, PostgresSite>();
  readonly ports = new Map<string, number>();

  readonly #gate: Gate | null;
  readonly #options: { readonly listDiverged?: boolean };
  #binaries: PostgresBinaries | null = null;

  constructor(gate: Gate | null = null, options: { readonly listDiverged?: boolean } = {}) {
    this.#gate = gate;
    this.#options = options;
    for (const user of ['holdfast', 'replicator', 'app'])
      writeFileSync(join(this.root, `${user}.pw`), `pw ${user}:\\'é`, { mode: 0o600 });
  }

  async add(names: readonly string[], overrides: Readonly<Record<string, string>> = {}): Promise<void> {
    // Another installation to try: its directory with `postgres` and `initdb`.
    const binDir = process.env['HOLDFAST_TEST_POSTGRES'] ?? null;
    this.#binaries ??= await locateBinaries({ binDir, workDir: this.root });
    for (const name of names) this.ports.set(name, await freePort());
    for (const name of names) {
      const site = this.build(name, overrides[name] ?? null);
      this.sites.set(name, site);
      await site.driver.start({
        observed: (observation) => site.observations.push(observation),
        exited: (exit) => site.exits.push(exit),
      });
    }
  }

  build(name: string, upstreamOverride: string | null): PostgresSite {
    const credential = (user: string) => ({ user, passwordFile: join(this.root, `${user}.pw`) });
    const dataDir = join(this.root, name, 'data');
    const driver = new PostgresDriver({
      binaries: this.#binaries ?? assert.fail('no instance was added yet'),
      gate: this.#gate,
      config: {
        instance: instanceId(name),
        dataDir,
        stateDir: join(this.root, name, 'state'),
        listen: { host: '127.0.0.1', port: this.ports.get(name) ?? 0 },
        roles: {
          superuser: credential('holdfast'),
          replication: credential('replicator'),
          application: credential('app'),
        },
        peers: Object.fromEntries([...this.ports].map(([peer, port]) => [peer, { host: '127.0.0.1', port }])),
        initial: name === 'a',
        upstreamOverride: upstreamOverride === null ? null : instanceId(upstreamOverride),
        database: 'trading',
        networks: ['127.0.0.0/8'],
        initialStatements: ['create table trades (id bigint primary key, note text)'],
        rebuildDiverged: true,
        listDiverged: this.#options.listDiverged ?? false,
        tailKinds: { 'public.trades': 'execution', 'public.orders': 'order' },
        cutUpstreamOnFence: false,
        memory: 'small',
        extraSettings: {},
        observeEveryMs: 100,
        observeDeadlineMs: 800,
      },
    });
    return { driver, port: this.ports.get(name) ?? 0, dataDir, observations: [], exits: [] };
  }

  site(name: string): PostgresSite {
    return this.sites.get(name) ?? assert.fail(`no instance ${name}`);
  }

  perform(name: string, action: InstanceAction, deadlineMs = 20_000) {
    return this.site(name).driver.perform(action, { deadlineMs });
  }

  async ok(name: string, action: InstanceAction): Promise<Readonly<Record<string, string | number | boolean>>> {
    const outcome = await this.perform(name, action);
    assert.equal(outcome.kind, 'ok', `${action.kind} at ${name}: ${JSON.stringify(outcome)}`);
    return outcome.kind === 'ok' ? outcome.detail : {};
  }

  promote(name: string, at: number, ackSet: readonly string[]) {
    return this.ok(name, {
      kind: 'promote',
      epoch: epoch(at),
      leaseUntil: (hostMonoMs() + 300_000) as MonoMs,
      ackSet: ackSet.map(instanceId),
      tradingEnabled: true,
    });
  }

  /** Asked again while the outcome is unknown, as an agent does: a busy machine is slow to show that it streams. */
  follow(name: string, at: number, upstream: string): Promise<Readonly<Record<string, string | number | boolean>>> {
    const action = { kind: 'follow', epoch: epoch(at), upstream: instanceId(upstream), mode: 'sync' } as const;
    return this.until(
      `${name} follows ${upstream}`,
      async () => {
        const outcome = await this.perform(name, action);
        assert.notEqual(outcome.kind, 'failed', JSON.stringify(outcome));
        return outcome.kind === 'ok' ? outcome.detail : null;
      },
      60_000,
    );
  }

  connect(name: string): Promise<Session> {
    const password = `pw app:\\'é`;
    return Session.connect(
      {
        host: '127.0.0.1',
        port: this.site(name).port,
        user: 'app',
        password,
        database: 'trading',
        applicationName: 'test',
      },
      new Deadline({ afterMs: 15_000 }),
    );
  }

  /** `within` is for the statement alone: what nobody confirms has been sent by then, however slow the machine is. */
  async sql(name: string, text: string, within = 15_000): Promise<readonly Row[]> {
    const session = await this.connect(name);
    try {
      return await session.query(text, new Deadline({ afterMs: within }));
    } finally {
      session.cut();
    }
  }

  async look(name: string): Promise<InstanceObservation> {
    return (await this.site(name).driver.observe({ deadlineMs: 2_000 })) ?? assert.fail('no observation');
  }

  until<Value>(what: string, ask: () => Promise<Value | null>, within = 30_000): Promise<Value> {
    return new Deadline({ afterMs: within }).until(what, ask, 30);
  }

  untilSeen(name: string, what: string, holds: (seen: InstanceObservation) => boolean): Promise<InstanceObservation> {
    return this.until(what, async () => {
      const seen = await this.look(name);
      return holds(seen) ? seen : null;
    });
  }

  async down(): Promise<void> {
    for (const site of this.sites.values()) {
      // A busy machine is slow to show that a server is gone; one that is left would keep the tests from ending.
      await this.until(
        'a server is gone',
        async () => ((await site.driver.perform({ kind: 'kill' }, { deadlineMs: 5_000 })).kind === 'ok' ? true : null),
        60_000,
      ).finally(() => site.driver.close());
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}
