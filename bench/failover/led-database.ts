import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { labBreak, labHeal, labRestart } from '../../lab/cli.ts';
import type { Platform } from '../../lab/demo/platform.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { patroniSecret } from '../../lab/netns/servers/patroni-members.ts';
import { serverSecrets } from '../../lab/netns/servers/server-secrets.ts';
import { waitFor } from '../../lab/wait.ts';
import { hostMonoMs } from '../../src/adapters/process/host-clock.ts';
import type { GroupId, SiteId } from '../../src/core/base/ids.ts';
import type { Component, Topology } from '../../src/core/topology/topology.ts';
import { DatabaseUnderTest } from '../../test/integration/netns-database/database-under-test.ts';
import { NamespaceLabUnderTest } from '../../test/integration/netns-lab.under-test.ts';
import type { ClientWish } from './client.ts';
import { ClientProcess } from './client-process.ts';
import {
  type ClientReport,
  type Fault,
  firstSuccessMs,
  longestPauseMs,
  missingWrites,
  staleWrites,
} from './client-report.ts';
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
import { acknowledged, type FirmLab, firmUp } from './led-firm.ts';

/** A move is played first: it wants the group where its database is. */
export const databaseFaults = ['database-moved', 'database-killed', 'database-isolated'] as const;
type DatabaseFault = (typeof databaseFaults)[number];

const takenOverWithinMs = 90_000;
/** If this process dies; it ends each of them before. */
const faultLastsMs = 300_000;
const settledWithinMs = 120_000;
/** Of successes, before anything heals. */
const steadyMs = 1_000;

/** A firm whose database is under Patroni, at the timers that it comes with, and whose controllers ask it. */
export class LedDatabase {
  readonly #options: Pick<BaselineOptions, 'rounds' | 'say'>;
  readonly #platform: Platform;
  readonly #component: Component;
  readonly #under: NamespaceLabUnderTest;
  readonly #database: DatabaseUnderTest;
  readonly #directory = mkdtempSync(join(tmpdir(), 'led-database-'));
  readonly #password: string;
  #nextWrite = 0;

  static async up(
    lab: FirmLab,
    topology: Topology,
    options: Pick<BaselineOptions, 'rounds' | 'say'>,
  ): Promise<LedDatabase> {
    return new LedDatabase(await firmUp(lab, topology, options), options);
  }

  private constructor(platform: Platform, options: Pick<BaselineOptions, 'rounds' | 'say'>) {
    const { lab, topology } = platform;
    this.#options = options;
    this.#platform = platform;
    this.#component = topology.components.find(({ kind }) => kind === 'patroni')!;
    this.#under = new NamespaceLabUnderTest(lab);
    this.#database = new DatabaseUnderTest(this.#under, topology, this.#directory);
    const secret = serverSecrets(new LabDirectory(lab.root, lab.name).secrets);
    this.#password = secret(patroniSecret(this.#component, 'application'));
  }

  close(): void {
    this.#database.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async measured(fault: DatabaseFault): Promise<Series> {
    const ledger =
      'create table if not exists ledger (id bigint primary key); truncate ledger; grant insert on ledger to application; select 1';
    const primary = await this.#settled();
    if ((await this.#database.query(primary, ledger)) !== '1') throw new Error('the primary does not answer');
    const lockTtlMs = (await this.#view(primary))?.delegate?.lockTtlMs;
    const play = fault === 'database-moved' ? () => this.#moveRound() : () => this.#lossRound(fault);
    const rounds = await playRounds(this.#options, `${fault}, holdfast`, play);
    const timers = lockTtlMs == null ? null : `Patroni, ttl ${lockTtlMs / 1000} s, as its members say`;
    return { fault, by: 'holdfast', side: 'ours', timers, rounds };
  }

  #client(node: string, members: DatabaseUnderTest['members'], first: number): ClientProcess {
    const wish: ClientWish = {
      service: { kind: 'postgres', user: 'application', password: this.#password },
      places: members
        .filter(({ instance }) => instance.eligible)
        .map(({ name, address, postgresPort }) => ({ name, host: address, port: postgresPort })),
      first,
    };
    return new ClientProcess(this.#under, node, wish);
  }

  async #counted(written: readonly ClientReport[], primary: string, fault: Fault | null): Promise<Counts | null> {
    const text = await this.#database.query(primary, 'select id from ledger');
    if (text === null) return null;
    return {
      acknowledged: written.reduce((sum, { acknowledged: all }) => sum + all.length, 0),
      missing: missingWrites(written, new Set(text.split('\n').map(Number))),
      stale: fault === null ? null : staleWrites(written, fault),
    };
  }

  /** @returns when it began, and what ends it */
  async #break(fault: DatabaseFault, primary: string): Promise<{ atMs: number; heal: () => Promise<unknown> }> {
    const { lab } = this.#platform;
    if (fault === 'database-isolated') {
      const site = this.#database.member(primary).node.site as SiteId;
      const report = await labBreak(lab, { kind: 'site-isolated', site }, faultLastsMs);
      return { atMs: beganAtMs(report), heal: () => labHeal(lab, report.id) };
    }
    // Its Patroni and all of its PostgreSQL.
    const key = this.#database.keyOf(primary);
    const report = await labBreak(lab, { kind: 'kill', target: { kind: 'process', key } }, null);
    return { atMs: beganAtMs(report), heal: () => labRestart(lab, key) };
  }

  /** Until somebody else takes a write; one client is outside every site, one beside the primary. */
  async #lossRound(fault: DatabaseFault): Promise<Round> {
    const primary = await this.#settled();
    await acknowledged(this.#platform);
    const { node } = this.#database.member(primary);
    const inside = this.#database.members.filter(({ name }) => name === primary);
    const clients = [
      this.#client('client', this.#database.members, this.#nextWrite),
      this.#client(`observer/${node.site}`, inside, insideFrom + this.#nextWrite),
    ] as const;
    let heal: (() => Promise<unknown>) | null = null;
    try {
      for (const client of clients) await client.serving();
      const broken = await this.#break(fault, primary);
      heal = broken.heal;
      const seen = { atMs: broken.atMs, former: primary };
      const taken = await clients[0].servedElsewhere(primary, takenOverWithinMs);
      if (taken) await pause(steadyMs);
      heal = null;
      await broken.heal();
      const now = await this.#settled();
      const written = await Promise.all([clients[0].end(), clients[1].end()]);
      this.#nextWrite += Math.max(...written.map(({ sent }) => sent));
      const counts = await this.#counted(written, now, seen);
      const firstMs = firstSuccessMs(written[0], seen);
      if (!taken || firstMs === null)
        return { ...notSeen(`nobody else took a write within ${takenOverWithinMs / 1000} s`), counts };
      return { seconds: firstMs / 1000, why: null, counts };
    } finally {
      for (const client of clients) client.close();
      await heal?.();
    }
  }

  /** The group with its database to the other site and back: the longer pause of the two. */
  async #moveRound(): Promise<Round> {
    await this.#settled();
    await acknowledged(this.#platform);
    const client = this.#client('client', this.#database.members, this.#nextWrite);
    try {
      await client.serving();
      const begunMs: number[] = [];
      for (let move = 0; move < 2; move++) {
        begunMs.push(hostMonoMs());
        await this.#moved();
        await client.serving();
      }
      const written = await client.end();
      this.#nextWrite += written.sent;
      const [thereMs, backMs] = [pauseMs(written, begunMs[0]!, begunMs[1]!), pauseMs(written, begunMs[1]!)];
      const shown = (ms: number | null) => (ms === null ? 'ever' : `${(ms / 1000).toFixed(2)} s`);
      this.#options.say(`no write for ${shown(thereMs)} there, ${shown(backMs)} back`);
      const counts = await this.#counted([written], await this.#settled(), null);
      if (thereMs === null || backMs === null) return { ...notSeen('writes did not go on'), counts };
      return { seconds: Math.max(thereMs, backMs) / 1000, why: null, counts };
    } finally {
      client.close();
    }
  }

  /** As an operator asks for it, until it has settled there. */
  async #moved(): Promise<void> {
    const { record } = await this.#platform.group();
    const from = record!.activeSite!;
    const toSite = this.#platform.topology.sites.find(
      ({ id, capabilities }) => id !== from && capabilities.some((each) => each === 'serve' || each === 'standby'),
    )!.id;
    await this.#platform.demand('Omar Operator', moveTo(toSite, this.#platform.topology.groups[0]!.id));
    await this.#platform.until(
      `the group is at ${toSite}`,
      (view) => (view.record?.activeSite === toSite && view.record.run === null ? null : 'it is not there yet'),
      takenOverWithinMs,
    );
    await this.#settled();
  }

  async #view(instance: string) {
    const { instances } = await this.#platform.group();
    return instances.find((each) => each.instance === instance)?.observation ?? null;
  }

  /** The primary that the record leads to, wherever that is, once no run is open and whoever may be primary as well has everything. */
  async #settled(): Promise<string> {
    let primary = '';
    const isSettled = async () => {
      const { record, instances } = await this.#platform.group();
      primary = record?.delegates?.[this.#component.id]?.holder ?? '';
      const seen = (id: string) => instances.find(({ instance }) => instance === id)?.observation;
      const others = this.#component.instances.filter(({ id, eligible }) => eligible && id !== primary);
      const { delegate, health } = seen(primary) ?? {};
      return (
        record?.run === null &&
        health === 'ok' &&
        others.every(({ id }) => delegate?.withoutLoss.includes(id) === true && seen(id)?.health === 'ok')
      );
    };
    await waitFor('a primary with its synchronous standby', isSettled, settledWithinMs);
    const isBehindStandby = async () => {
      const standby = this.#component.instances.find(({ id, eligible }) => eligible && id !== primary)!;
      const senders = await this.#database.query(
        standby.id,
        "select count(*) from pg_stat_replication where state = 'streaming'",
      );
      return Number(senders) === this.#component.instances.filter(({ upstream }) => upstream !== null).length;
    };
    await waitFor('archives behind the synchronous standby', isBehindStandby, settledWithinMs);
    return primary;
  }
}

const pauseMs = ({ acknowledged: all }: ClientReport, sinceMs: number, untilMs = Number.POSITIVE_INFINITY) =>
  longestPauseMs({ sent: 0, unknown: [], acknowledged: all.filter(({ atMs }) => atMs < untilMs) }, sinceMs);

const moveTo = (toSite: SiteId, group: GroupId) =>
  ({
    kind: 'move',
    group,
    move: 'switchover',
    toSite,
    digest: null,
    overrides: [],
    reason: 'planned work',
    acceptDataLoss: null,
  }) as const;
