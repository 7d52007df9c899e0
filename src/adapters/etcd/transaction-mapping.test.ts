import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { revision } from '../../core/base/ids.ts';
import { alarm, memberList, status, txn, watch } from './etcd-messages.ts';
import { keyLayout } from './key-layout.ts';
import {
  ForeignValue,
  rangeAnswer,
  transactionAnswer,
  transactionProblem,
  transactionRequest,
  watchEvents,
} from './transaction-mapping.ts';

const layout = keyLayout('holdfast/');
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/etcd-3.4.23.json'), 'utf8')) as {
  readonly responses: Readonly<Record<string, string>>;
};
const bytes = (name: string) => Buffer.from(recorded.responses[name]!, 'base64');
const creation = {
  compare: ['group/a', 'group/none'].map((key) => ({ key, revision: revision(0) })),
  put: [{ key: 'group/a', value: 1 }],
};

test('a recorded commit is a commit at its own revision', () => {
  const answer = transactionAnswer(creation, txn.responseDeserialize(bytes('committed')));
  assert.deepEqual(answer, { kind: 'committed', revision: 3, cluster: '14841639068965178418' });
});

test('a recorded conflict shows every compared key, absent ones too, and which data it came from', () => {
  const answer = transactionAnswer(creation, txn.responseDeserialize(bytes('conflict')));
  assert.ok(answer.kind === 'not-committed');
  assert.deepEqual(answer.current, { 'group/a': { value: { epoch: 7 }, revision: 3 }, 'group/none': null });
  assert.deepEqual([answer.sign.incarnation, answer.sign.tip], ['first-incarnation', 3]);
});

test('a recorded range holds entries under their own names and the tip', () => {
  const answer = rangeAnswer(layout, txn.responseDeserialize(bytes('range')));
  assert.deepEqual(answer.entries, { 'group/b': { value: 'ü', revision: 3 }, 'group/c': { value: 3, revision: 4 } });
  assert.deepEqual([answer.revision, answer.sign.tip], [4, 4]);
});

test('two transactions in one recorded watch response are two events', () => {
  assert.deepEqual(watchEvents(layout, watch.responseDeserialize(bytes('watchEvents'))), [
    {
      kind: 'changed',
      revision: 3,
      changes: [
        { key: 'group/a', value: { epoch: 7 } },
        { key: 'group/b', value: 'ü' },
      ],
    },
    {
      kind: 'changed',
      revision: 4,
      changes: [
        { key: 'group/c', value: 3 },
        { key: 'group/a', value: null },
      ],
    },
  ]);
  const created = watch.responseDeserialize(bytes('watchCreated'));
  assert.deepEqual([created.created, created.watch_id, created.compact_revision], [true, '0', '0']);
});

test('recorded maintenance answers are understood', () => {
  const found = status.responseDeserialize(bytes('status'));
  assert.deepEqual([found.version, found.leader === found.header.member_id, found.errors], ['3.4.23', true, []]);
  assert.equal(memberList.responseDeserialize(bytes('memberList')).members[0]?.name, 'default');
  assert.deepEqual(alarm.responseDeserialize(bytes('alarm')).alarms, []);
});

test('every write demands the incarnation and a tip not older than the one seen, and moves the tip', () => {
  const request = transactionRequest(layout, creation, { incarnation: 'i', tip: revision(40) });
  const [incarnation, tip, ...own] = request.compare;
  assert.equal(incarnation?.value?.toString(), 'i');
  assert.deepEqual([tip?.key.toString(), tip?.mod_revision, tip?.result], ['holdfast/tip', 39, 1]);
  assert.equal(own.length, 2);
  assert.ok(request.success.some((item) => 'request_put' in item && item.request_put.key.equals(layout.tip)));
});

test('a transaction that only compares writes nothing, not even the tip', () => {
  const request = transactionRequest(layout, { ...creation, put: [] }, { incarnation: 'i', tip: revision(40) });
  assert.deepEqual(request.success, []);
});

test('a key written twice, or without a name, is a problem of the caller', () => {
  assert.notEqual(transactionProblem({ compare: [], put: [{ key: 'a', value: 1 }], remove: ['a'] }), null);
  assert.notEqual(transactionProblem({ compare: [], put: [{ key: '', value: 1 }] }), null);
  assert.equal(transactionProblem(creation), null);
});

test('a value that is not JSON is never passed on', () => {
  const response = watch.responseDeserialize(bytes('watchEvents'));
  const events = response.events.map((event) => ({ ...event, type: 0, kv: { ...event.kv, value: Buffer.from('{') } }));
  assert.throws(() => watchEvents(layout, { ...response, events }), ForeignValue);
});

test('the end of a prefix comes after every key below it and before every other key', () => {
  const { key, range_end: end } = layout.below('group/ü');
  const inside = layout.key('group/ü\u{10ffff}zz');
  assert.ok(Buffer.compare(key, inside) < 0 && Buffer.compare(inside, end) < 0);
  assert.ok(Buffer.compare(end, layout.key('group/ý')) <= 0);
});
