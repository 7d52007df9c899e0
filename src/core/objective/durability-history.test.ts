import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder } from '../../../test/builders/facts.ts';
import type { DurabilityMode } from '../authority/group-record.ts';
import { epoch, instanceId } from '../base/ids.ts';
import { exposureLedger } from './durability-exposure.ts';
import { durabilityChangesIn } from './durability-history.ts';

const STANDBY = instanceId('bravo-db');
const strict: DurabilityMode = { kind: 'strict' };
const degraded: DurabilityMode = { kind: 'degraded', sinceEpoch: epoch(1), lost: [STANDBY] };

const seen = (atMs: number, mode: DurabilityMode, inEpoch = 1) => {
  const { record } = new FactsBuilder().grant(DB, { mode });
  return { atMs, record: { ...record, epoch: epoch(inEpoch) } };
};

test('strict all the time is no change, however often the record is written', () =>
  assert.deepEqual(durabilityChangesIn([seen(0, strict), seen(10, strict), seen(20, strict, 2)]), []));

test('a stretch without a copy begins and ends with the records that say so, and is timed, not counted', () => {
  const changes = durabilityChangesIn([
    seen(0, strict),
    seen(1000, degraded),
    seen(1500, degraded),
    seen(4000, strict),
  ]);
  const { intervals } = exposureLedger(changes, { nowMs: 9000, acknowledged: {} });
  assert.deepEqual(
    intervals.map(({ component, sinceMs, untilMs, elapsedMs, atRisk, lost }) => [
      component,
      sinceMs,
      untilMs,
      elapsedMs,
      atRisk,
      lost,
    ]),
    [[DB, 1000, 4000, 3000, null, [STANDBY]]],
  );
});

test('a record that is degraded when it is first seen is a stretch that is open; another epoch begins the next', () => {
  const changes = durabilityChangesIn([seen(0, degraded), seen(2000, degraded, 2)]);
  const { intervals } = exposureLedger(changes, { nowMs: 5000, acknowledged: {} });
  assert.deepEqual(
    intervals.map(({ untilMs, elapsedMs, endedBy }) => [untilMs, elapsedMs, endedBy]),
    [
      [2000, 2000, 'degraded-further'],
      [null, 3000, null],
    ],
  );
});

test('a record that was removed changes no mode', () =>
  assert.deepEqual(durabilityChangesIn([seen(0, strict), { atMs: 5, record: null }]), []));
