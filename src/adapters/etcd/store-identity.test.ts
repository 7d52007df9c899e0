import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revision } from '../../core/base/ids.ts';
import { failureMeans } from './etcd-endpoint.ts';
import { versionConcerns } from './etcd-maintenance.ts';
import { rollBackProof, type SeenMark, StoreIdentity } from './store-identity.ts';

const mark: SeenMark = { incarnation: 'one', revision: revision(40), cluster: '7' };
const sign = { incarnation: 'one', tip: revision(40), cluster: '7' };

test('a store whose tip is behind what was seen went back', () => {
  assert.match(rollBackProof({ ...sign, tip: revision(39) }, mark) ?? '', /39.*40/);
  assert.equal(rollBackProof(sign, mark), null);
});

test('another cluster with the same incarnation is a copy', () => {
  assert.notEqual(rollBackProof({ ...sign, cluster: '8' }, mark), null);
  assert.equal(rollBackProof({ ...sign, cluster: '8' }, { incarnation: 'one', revision: revision(40) }), null);
});

test('another incarnation may have any revision', () => {
  assert.equal(rollBackProof({ incarnation: 'two', tip: revision(1), cluster: '8' }, mark), null);
});

test('the mark never goes back within an incarnation and starts anew with another', () => {
  const marks: SeenMark[] = [];
  const identity = new StoreIdentity(mark, (next) => marks.push(next));
  identity.saw('one', revision(39), '7');
  identity.saw('one', revision(41), '7');
  identity.saw('one', revision(41), '7');
  identity.saw('two', revision(5), '7');
  assert.deepEqual(
    marks.map((next) => [next.incarnation, next.revision]),
    [
      ['one', 41],
      ['two', 5],
    ],
  );
  assert.deepEqual(identity.guard('two'), { incarnation: 'two', tip: 5 });
  assert.deepEqual(identity.guard('one'), { incarnation: 'one', tip: 0 });
});

test('only what etcd answers before it proposes counts as refused', () => {
  assert.equal(failureMeans({ code: 8, details: 'etcdserver: mvcc: database space exceeded' }), 'refused');
  assert.equal(failureMeans({ code: 8, details: 'Received message larger than max' }), 'unknown');
  assert.equal(failureMeans({ code: 14, details: 'etcdserver: request timed out' }), 'unknown');
  assert.equal(failureMeans({ code: 14, details: 'Connection dropped' }), 'unknown');
  assert.equal(failureMeans({ code: 14, details: 'No connection established. Last error: refused' }), 'refused');
  assert.equal(failureMeans({ code: 4, details: 'Deadline exceeded' }), 'unknown');
  assert.equal(failureMeans({ code: 7, details: 'etcdserver: permission denied' }), 'refused');
});

test('versions with known faults are named', () => {
  assert.equal(versionConcerns('3.5.1').length, 1);
  assert.equal(versionConcerns('3.5.3').length, 0);
  assert.equal(versionConcerns('3.4.23').length, 0);
  assert.equal(versionConcerns('3.3.27').length, 1);
});
