import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { labBreak, labRestart } from '../../lab/cli.ts';
import type { Platform } from '../../lab/demo/platform.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { patroniSecret } from '../../lab/netns/servers/patroni-members.ts';
import { serverSecrets } from '../../lab/netns/servers/server-secrets.ts';
import { waitFor } from '../../lab/wait.ts';
import type { Component, Topology } from '../../src/core/topology/topology.ts';
import { DatabaseUnderTest } from '../../test/integration/netns-database/database-under-test.ts';
import { NamespaceLabUnderTest } from '../../test/integration/netns-lab.under-test.ts';
import type { ClientWish } from './client.ts';
import { ClientProcess } from './client-process.ts';
import { firstSuccessMs, missingWrites, staleWrites } from './client-report.ts';
import { type BaselineOptions, notSeen, playRounds, type Round, type Series } from './failover-run.ts';
import { beganAtMs } from './fault-clock.ts';
import { acknowledged, type FirmLab, firmUp } from './led-firm.ts';

export const databaseFaults = ['database-killed'] as const;

const takenOverWithinMs = 90_000;
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

  /** SIGKILL of the primary's Patroni and of all of its PostgreSQL. */
  async killed(): Promise<Series> {
    const ledger =
      'create table if not exists ledger (id bigint primary key); truncate ledger; grant insert on ledger to application; select 1';
    const primary = await this.#settled();
    if ((await this.#database.query(primary, ledger)) !== '1') throw new Error('the primary does not answer');
    const lockTtlMs = (await this.#view(primary))?.delegate?.lockTtlMs;
    const rounds = await playRounds(this.#options, 'database-killed, holdfast', () => this.#round());
    const timers = lockTtlMs == null ? null : `Patroni, ttl ${lockTtlMs / 1000} s, as its members say`;
    return { fault: 'database-killed', by: 'holdfast', side: 'ours', timers, rounds };
  }

  async #round(): Promise<Round> {
    const { lab } = this.#platform;
    const primary = await this.#settled();
    await acknowledged(this.#platform);
    const wish: ClientWish = {
      service: { kind: 'postgres', user: 'application', password: this.#password },
      places: this.#database.members
        .filter(({ instance }) => instance.eligible)
        .map(({ name, address, postgresPort }) => ({ name, host: address, port: postgresPort })),
      first: this.#nextWrite,
    };
    const client = new ClientProcess(this.#under, 'client', wish);
    const key = this.#database.keyOf(primary);
    let isDown = false;
    try {
      await client.serving();
      isDown = true;
      const report = await labBreak(lab, { kind: 'kill', target: { kind: 'process', key } }, null);
      const seen = { atMs: beganAtMs(report), former: primary };
      const taken = await client.servedElsewhere(primary, takenOverWithinMs);
      if (taken) await pause(steadyMs);
      await labRestart(lab, key);
      isDown = false;
      const now = await this.#settled();
      const written = await client.end();
      this.#nextWrite += written.sent;
      const text = await this.#database.query(now, 'select id from ledger');
      const counts =
        text === null
          ? null
          : {
              acknowledged: written.acknowledged.length,
              missing: missingWrites([written], new Set(text.split('\n').map(Number))),
              stale: staleWrites([written], seen),
            };
      const firstMs = firstSuccessMs(written, seen);
      if (!taken || firstMs === null)
        return { ...notSeen(`nobody else took a write within ${takenOverWithinMs / 1000} s`), counts };
      return { seconds: firstMs / 1000, why: null, counts };
    } finally {
      client.close();
      if (isDown) await labRestart(lab, key);
    }
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
    return primary;
  }
}
