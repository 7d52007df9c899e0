import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal } from '../journal/journal.ts';
import { StandbyCore, type StandbyEvent } from '../replication/standby-core.ts';
import { applyEntries, journalEntries } from '../testing/journalled.ts';
import { randomEntries } from '../testing/random-entries.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Entry } from './entry.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';
import { OrderState } from './order-state.ts';
import { ReplayedState } from './replayed-state.ts';
import type { DifferenceReport } from './state-difference.ts';
import { StateRecovery } from './state-recovery.ts';
import { ENGINE_VERSION } from './version.ts';

const ENTRIES = 2500;
const AT = 2048;

const stateOf = (entries: readonly Entry[]): OrderState => {
  const state = new OrderState();
  applyEntries(state, entries);
  return state;
};

interface Bench {
  /** What the journal amounts to at `AT`, and at its end. */
  readonly right: string;
  readonly rightNow: string;
  readonly replayed: ReplayedState;
  readonly recovery: StateRecovery;
  readonly core: StandbyCore;
  /** The primary compared and found another hash. */
  told(primary: string): void;
  reports(): DifferenceReport[];
}

/** A standby that streams; `altered`: its memory was, before the last entries came. */
const withStandby = (name: string, altered: boolean, body: (bench: Bench) => Promise<void>): void => {
  test(name, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast differs é-'));
    const directory = join(dataDir, 'journal');
    const entries = randomEntries(21, ENTRIES);
    await journalEntries(directory, entries);
    const onFailure = (error: Error) => assert.fail(error);
    const ends: { sequence: number; crc: number }[] = [];
    const options = { directory, sync: 'none', onDurable: () => {}, onFailure } as const;
    const first = await Journal.open(options, ({ header }) => {
      ends.push({ sequence: header.firstSequence + header.count - 1, crc: header.crc });
    });
    first.close();
    const base = ends.find(({ sequence }) => sequence > 1500)!;
    const forged: Checkpoint = {
      file: 'memory',
      provenance: {
        instance: 'b',
        sequence: base.sequence,
        epoch: 1,
        chainCrc: base.crc,
        stateHash: '',
        codeVersion: ENGINE_VERSION,
        takenAt: 1,
      },
      state: stateOf(randomEntries(22, base.sequence)),
      sessions: new KeptFixSessions('every'),
    };
    const replayed = new ReplayedState(altered ? forged : null);
    const journal = await Journal.open(options, (block) => replayed.apply(block));
    const epochs = { highest: 1 };
    const core = new StandbyCore({
      instance: 'b',
      epochs,
      log: journal,
      dialDeadlineMs: 1000,
      silenceLimitMs: 1000,
      stateHash: () => replayed.state.hashes.newest,
    });
    const recovery: StateRecovery = new StateRecovery({
      instance: 'b',
      dataDir,
      journal,
      epochs,
      replayed,
      upstream: () => ({ core, step }),
      onWarning: () => {},
      onChanged: () => {},
    });
    let connection = 0;
    const step = (event: StandbyEvent): void => {
      for (const effect of core.step(event)) {
        if (effect.kind === 'upstream-changed') recovery.look();
        if (effect.kind !== 'dial') continue;
        connection = effect.connection;
        core.step({ kind: 'connected', connection, nowMs: 1 });
        const message = { t: 'matched', at: journal.end.sequence, epoch: 1, instance: 'a' } as const;
        core.step({ kind: 'message', connection, message, nowMs: 1 });
      }
    };
    step({ kind: 'follow', upstream: { instance: 'a', address: 'a' }, nowMs: 1 });
    assert.ok(core.connected);
    const all = join(dataDir, 'differences');
    try {
      await body({
        right: stateOf(entries.slice(0, AT)).hash,
        rightNow: stateOf(entries).hash,
        replayed,
        recovery,
        core,
        told: (hash) => {
          const message = { t: 'state-differs', epoch: 1, sequence: AT, hash } as const;
          step({ kind: 'message', connection, message, nowMs: 2 });
        },
        reports: () =>
          readdirSync(all)
            .sort()
            .map((each) => JSON.parse(readFileSync(join(all, each, 'report.json'), 'utf8')) as DifferenceReport),
      });
    } finally {
      journal.close();
      rmSync(dataDir, { recursive: true });
    }
  });
};

withStandby(
  'a standby whose state was altered computes it anew, follows again, and keeps what differed',
  true,
  async (bench) => {
    const { right, rightNow, replayed, recovery, core } = bench;
    const wrong = replayed.state.hashes.at(AT)!;
    assert.notEqual(wrong, right);
    bench.told(right);
    assert.match(recovery.problem ?? '', /^HF-7209 .*at 2048 \(here \w+, there \w+\): the journal is being replayed/);
    await waitUntil('it follows again', () => core.connected && recovery.problem === null);
    assert.equal(replayed.state.hash, rightNow);
    const [report] = bench.reports();
    assert.deepEqual(
      [report!.sequence, report!.primary, report!.replica, report!.replayed, report!.verdict],
      [AT, right, wrong, right, 'replica-wrong'],
    );
  },
);

withStandby(
  'where a replay agrees with the standby the primary is said to be wrong, and nothing is computed anew',
  false,
  async (bench) => {
    const { right, recovery, core } = bench;
    bench.told('0123456789abcdef');
    await waitUntil('it is decided', () => recovery.verdict !== null);
    assert.equal(recovery.verdict, 'primary-wrong');
    assert.match(recovery.problem ?? '', /agrees with this instance: the primary's state is wrong/);
    assert.deepEqual([core.differsAt, core.connected], [AT, false]);
    assert.equal(bench.reports()[0]!.replica, right);
    assert.deepEqual(recovery.told, { sequence: AT, upstream: 'a', epoch: 1, wrong: 'upstream' });
    recovery.followed(1);
    assert.equal(core.connected, false, 'the same reign is as wrong as it was');
    recovery.followed(2);
    assert.deepEqual([core.connected, recovery.told, recovery.problem], [true, null, null]);
  },
);

withStandby(
  'where a replay agrees with neither it is inconclusive, and the state is computed anew',
  true,
  async (bench) => {
    const { recovery, core, rightNow, replayed } = bench;
    bench.told('0123456789abcdef');
    await waitUntil('it follows again', () => core.connected);
    assert.equal(bench.reports()[0]!.verdict, 'inconclusive');
    assert.equal(replayed.state.hash, rightNow);
    // The second time the standby is right, by the replay, and the primary still says otherwise.
    bench.told('0123456789abcdef');
    await waitUntil('it is decided', () => recovery.verdict !== null && bench.reports().length === 2);
    assert.equal(recovery.verdict, 'primary-wrong');
    assert.equal(core.connected, false);
  },
);

withStandby('a state that was computed anew twice and is said to differ again stays out', false, async (bench) => {
  const { right, recovery, core } = bench;
  // Nothing can be made of a difference between equals.
  for (let attempt = 1; attempt <= 2; attempt++) {
    bench.told(right);
    await waitUntil('it follows again', () => core.connected && bench.reports().length === attempt);
  }
  bench.told(right);
  await waitUntil('it is decided', () => recovery.verdict !== null && bench.reports().length === 3);
  assert.match(recovery.problem ?? '', /inconclusive; it was computed anew in vain and stays out: start it again/);
  assert.equal(core.connected, false);
});
