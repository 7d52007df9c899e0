import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { instanceId } from '../../core/base/ids.ts';
import { Fields } from '../../wire/fields.ts';
import { parseStatus, silentObservation } from './parse.ts';

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', 'engine-statuses.json'), 'utf8')) as {
  statuses: Record<string, unknown>;
};
const statusOf = (name: string) => parseStatus(instanceId('engine-a'), Fields.of(recorded.statuses[name], 'status'));

test('a primary of the reference engine is read with its position, acknowledgement set and replicas', () => {
  const { observation, routes } = statusOf('primary');
  assert.equal(observation.role, 'primary');
  assert.equal(observation.process, 'running');
  assert.equal(observation.epoch, 3);
  assert.equal(observation.releasing, true);
  assert.deepEqual(observation.position, { generation: 3, sequence: 11 });
  assert.deepEqual(observation.ackSet, ['engine-b']);
  assert.equal(observation.replicas[0]?.state, 'in-sync');
  assert.equal(observation.figures.orders, 3);
  assert.equal(routes, null);
});

test('a lost replica shows, and the primary that waits for it does not count as releasing', () => {
  const { observation } = statusOf('primaryWithLostReplica');
  assert.equal(observation.replicas[0]?.state, 'lost');
  assert.equal(observation.releasing, false);
  assert.equal(observation.health, 'degraded');
});

test('a standby names its upstream; a fenced one is not primary', () => {
  assert.deepEqual(statusOf('standby').observation.upstream?.instance, 'engine-a');
  const fenced = statusOf('fenced').observation;
  assert.notEqual(fenced.role, 'primary');
  assert.equal(fenced.epoch, 4);
});

test('a standby that found the state of its primary wrong says of whom, where and in which reign', () => {
  const difference = { sequence: 2048, upstream: 'engine-a', epoch: 3, wrong: 'upstream' };
  const read = (more: object) =>
    parseStatus(instanceId('engine-b'), Fields.of({ ...(recorded.statuses.standby as object), ...more }, 'status'));
  assert.deepEqual(read({ difference }).observation.difference, difference);
  assert.equal(read({ difference: null }).observation.difference, undefined);
  assert.throws(() => read({ difference: { ...difference, wrong: 'perhaps' } }), /"status.difference.wrong" must be/);
});

test('a status with an unknown role is refused rather than guessed', () => {
  const strange = { ...(recorded.statuses.primary as object), role: 'leader' };
  assert.throws(
    () => parseStatus(instanceId('engine-a'), Fields.of(strange, 'status')),
    /"status.role" must be one of/,
  );
});

test('a frozen primary keeps its role and releases nothing; one that ended is closed', () => {
  const last = statusOf('primary').observation;
  const frozen = silentObservation(last.instance, last, { process: 'frozen', reason: 'silent' });
  assert.deepEqual([frozen.role, frozen.releasing, frozen.health], ['primary', false, 'bad']);
  const exited = silentObservation(last.instance, last, { process: 'exited', reason: 'ended' });
  assert.deepEqual([exited.role, exited.releasing, exited.replicas.length], ['closed', false, 0]);
  assert.deepEqual(exited.position, last.position);
});
