import { setTimeout as pause } from 'node:timers/promises';
import { labBreak } from '../../lab/cli.ts';
import { etcdVoters } from '../../lab/netns/servers/etcd.ts';
import { patroniSecrets } from '../../lab/netns/servers/patroni.ts';
import { restUser, scopeOf } from '../../lab/netns/servers/patroni-members.ts';
import { serverDirectory } from '../../lab/netns/servers/server.ts';
import { waitFor } from '../../lab/wait.ts';
import type { SiteId } from '../../src/core/base/ids.ts';
import { DatabaseUnderTest } from '../../test/integration/netns-database/database-under-test.ts';
import type { ClientWish } from './client.ts';
import { ClientProcess } from './client-process.ts';
import { type ClientReport, type Fault, firstSuccessMs, missingWrites, staleWrites } from './client-report.ts';
import {
  type BaselineOptions,
  type Counts,
  insideFrom,
  notSeen,
  playRounds,
  type Round,
  type Series,
} from './failover-run.ts';
import { beganAtMs } from './fault-clock.ts';
import { describePatroni, type PatroniTimers, patroniDefaults, patroniTimersIn } from './live-timers.ts';
import { PatroniDesk } from './patroni-desk.ts';

/** With these everything is as before sooner. */
const betweenRounds: PatroniTimers = { ttl: 10, loop_wait: 1, retry_timeout: 4 };
const takenOverWithinMs = 90_000;
const settledWithinMs = 120_000;
const stuckForMs = 20_000;
const faultLastsMs = 240_000;
const lockedWithinMs = 40_000;
/** Of successes, before anything heals. */
const steadyMs = 1_000;
/** Numbers of whoever writes inside a site. */

/** PostgreSQL under Patroni alone, at its defaults; nobody else watches or leads it. */
export class PatroniBaseline {
  readonly #options: BaselineOptions;
  readonly #database: DatabaseUnderTest;
  readonly #desk: PatroniDesk;
  readonly #application: string;
  #nextWrite = 0;
  #timers: string | null = null;

  private constructor(options: BaselineOptions) {
    const { servers } = options;
    const { ground, under, directory } = servers;
    const component = ground.topology.components.find(({ kind }) => kind === 'postgres')!;
    const { rest, application } = patroniSecrets(ground, component);
    this.#options = options;
    this.#application = application;
    this.#database = new DatabaseUnderTest(under, ground.topology, directory);
    this.#desk = new PatroniDesk(this.#database.members, servers.dialFrom('client'), {
      user: restUser,
      password: rest,
    });
  }

  static async measured(
    fault: 'database-killed' | 'database-isolated',
    options: BaselineOptions,
  ): Promise<readonly Series[]> {
    const baseline = new PatroniBaseline(options);
    try {
      const primary = await baseline.#settled();
      // The repositories are not there, and nothing that is measured reads from them.
      await baseline.#desk.configure({ postgresql: { parameters: { archive_command: 'true' } } });
      const ledger =
        'create table if not exists ledger (id bigint primary key); truncate ledger; grant insert on ledger to application; select 1';
      if ((await baseline.#database.query(primary, ledger)) !== '1') throw new Error('the primary does not answer');
      return [await baseline.#series(fault, baseline.#breaks[fault])];
    } finally {
      baseline.#database.close();
    }
  }

  readonly #breaks: Readonly<Record<'database-killed' | 'database-isolated', Break>> = {
    /** Its Patroni and all of its PostgreSQL. */
    'database-killed': async (primary) => {
      const { servers } = this.#options;
      const key = this.#database.keyOf(primary);
      const report = await labBreak(servers.lab, { kind: 'kill', target: { kind: 'process', key } }, null);
      return { atMs: beganAtMs(report), heal: () => servers.restart(key) };
    },
    /** Nothing gets into the primary's site or out of it. */
    'database-isolated': async (primary) => {
      const { servers } = this.#options;
      const site = this.#database.member(primary).node.site as SiteId;
      const report = await labBreak(servers.lab, { kind: 'site-isolated', site }, faultLastsMs);
      return { atMs: beganAtMs(report), heal: () => servers.heal(report.id) };
    },
  };

  async #series(fault: 'database-killed' | 'database-isolated', break_: Break): Promise<Series> {
    const rounds = await playRounds(this.#options, `${fault}, Patroni alone`, (index) => this.#round(index, break_));
    return { fault, by: 'patroni', side: 'theirs', timers: this.#timers, rounds };
  }

  async #round(index: number, break_: Break): Promise<Round> {
    const primary = await this.#settled();
    await this.#locked(patroniDefaults);
    const lockedAt = performance.now();
    this.#timers = await this.#desk.configuration().then((text) => (text === null ? null : describePatroni(text)));
    const { node } = this.#database.member(primary);
    const inside = this.#database.members.filter(({ name }) => name === primary);
    const clients = [
      this.#client('client', this.#database.members, this.#nextWrite),
      this.#client(`observer/${node.site}`, inside, insideFrom + this.#nextWrite),
    ] as const;
    let heal: (() => Promise<void>) | null = null;
    try {
      for (const client of clients) await client.serving();
      // Each loop has a fault as often at its beginning as at its end.
      const phaseMs = (index + 0.5) * (1_000 / this.#options.rounds) * patroniDefaults.loop_wait;
      await pause(Math.max(0, phaseMs - (performance.now() - lockedAt)));
      const fault = await break_(primary);
      heal = fault.heal;
      const taken = await clients[0].servedElsewhere(primary, takenOverWithinMs);
      if (taken) await pause(steadyMs);
      await heal();
      heal = null;
      await this.#desk.configure(betweenRounds);
      const now = await this.#settled();
      const reports = await Promise.all([clients[0].end(), clients[1].end()]);
      this.#nextWrite += Math.max(...reports.map(({ sent }) => sent));
      const seen = { atMs: fault.atMs, former: primary };
      const counts = await this.#counted(now, reports, seen);
      const firstMs = firstSuccessMs(reports[0], seen);
      if (!taken || firstMs === null)
        return { ...notSeen(`nobody else took a write within ${takenOverWithinMs / 1000} s`), counts };
      return { seconds: firstMs / 1000, why: null, counts };
    } finally {
      for (const client of clients) client.close();
      await heal?.().catch(() => {});
    }
  }

  /** Null when the primary does not say what it has. */
  async #counted(primary: string, reports: readonly ClientReport[], fault: Fault): Promise<Counts | null> {
    const text = await this.#database.query(primary, 'select id from ledger');
    if (text === null) return null;
    return {
      acknowledged: reports.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0),
      missing: missingWrites(reports, new Set(text.split('\n').map(Number))),
      stale: staleWrites(reports, fault),
    };
  }

  #client(node: string, members: DatabaseUnderTest['members'], first: number): ClientProcess {
    const wish: ClientWish = {
      service: { kind: 'postgres', user: 'application', password: this.#application },
      places: members
        .filter(({ instance }) => instance.eligible)
        .map(({ name, address, postgresPort, restPort }) => ({ name, host: address, port: postgresPort, restPort })),
      first,
    };
    return new ClientProcess(this.#options.servers.under, node, wish);
  }

  /** The primary, once everybody else that may be primary acknowledges for it and the archive streams. */
  async #settled(): Promise<string> {
    const { members } = this.#database;
    let leader: string | undefined;
    let stuckSince: number | null = null;
    const isSettled = async () => {
      const cluster = await this.#desk.cluster();
      leader = cluster.find(({ role }) => role === 'leader')?.name;
      const stuck = cluster.find(({ state }) => state === 'start failed');
      stuckSince = stuck === undefined ? null : (stuckSince ?? performance.now());
      if (stuck !== undefined && performance.now() - stuckSince! > stuckForMs) {
        this.#options.say(`${stuck.name} cannot come back by itself and is copied anew`);
        await this.#desk.reinitialise(stuck.name);
        stuckSince = null;
      }
      const standbys = members.filter(({ name, instance }) => instance.eligible && name !== leader);
      const follow = standbys.every(({ name }) =>
        cluster.some((each) => each.name === name && each.role === 'sync_standby'),
      );
      if (leader === undefined || !follow) return false;
      const archives = members.filter(({ instance }) => !instance.eligible);
      const streams = "select count(*) from pg_stat_wal_receiver where status = 'streaming'";
      const said = await Promise.all(archives.map(({ name }) => this.#database.query(name, streams)));
      return said.every((count) => count === '1');
    };
    await waitFor('a primary with its synchronous standby and its archive', isSettled, settledWithinMs);
    return leader!;
  }

  /** Resolves when the primary has taken the lock for the new time: from then on it goes by the new timers. */
  async #locked(timers: PatroniTimers): Promise<void> {
    await this.#desk.configure(timers);
    // A member says what it read in its last loop.
    const isTaken = async () => {
      const text = await this.#desk.configuration();
      return text !== null && patroniTimersIn(text)?.ttl === timers.ttl;
    };
    await waitFor('the cluster to have other timers', isTaken, lockedWithinMs);
    const { ground, under } = this.#options.servers;
    const component = ground.topology.components.find(({ kind }) => kind === 'postgres')!;
    const [voter] = etcdVoters(ground);
    const pem = (name: string) => `${serverDirectory('etcd')}/${name}.pem`;
    const ask = [
      ...['env', 'ETCDCTL_API=2', 'etcdctl', `--endpoints=https://${voter!.client}`],
      ...[`--ca-file=${pem('ca')}`, `--cert-file=${pem('cert')}`, `--key-file=${pem('key')}`],
      ...['-o', 'extended', 'get', `/service/${scopeOf(component)}/leader`],
    ];
    const hasLock = async () => {
      const left = /^TTL: (\d+)$/m.exec(await under.run(voter!.node.id, ...ask))?.[1];
      return left !== undefined && Number(left) > timers.ttl - timers.loop_wait;
    };
    await waitFor('the primary to take the lock anew', hasLock, lockedWithinMs);
  }
}

type Break = (primary: string) => Promise<{ readonly atMs: number; readonly heal: () => Promise<void> }>;
