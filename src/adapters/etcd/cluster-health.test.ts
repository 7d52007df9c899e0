import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeCluster } from './cluster-health.ts';
import type { EtcdMember, EtcdServerStatus } from './etcd-maintenance.ts';

const member = (id: string, change: Partial<EtcdMember> = {}): EtcdMember => ({
  id,
  name: `voter-${id}`,
  clientUrls: [],
  learner: false,
  ...change,
});
const server = (memberId: string, change: Partial<EtcdServerStatus> = {}): EtcdServerStatus => ({
  endpoint: `server-${memberId}`,
  version: '3.4.23',
  memberId,
  leaderId: 'b',
  raftTerm: 4,
  revision: 10,
  databaseBytes: 20_480,
  learner: false,
  concerns: [],
  ...change,
});
const three = [member('a'), member('b'), member('c')];
const judge = (servers: readonly (EtcdServerStatus | string)[], members: readonly EtcdMember[] | null = three) =>
  judgeCluster({ servers, members, serves: true });

describe('health of an etcd cluster', () => {
  it('three that agree bear one loss', () => {
    const { serves, leader, spareVoters, problems } = judge([server('a'), server('b'), server('c')]);
    assert.deepEqual([serves, leader, spareVoters, problems], [true, 'b', 1, []]);
  });

  it('one that is silent leaves a quorum that bears none', () => {
    const { leader, spareVoters, problems } = judge([server('a'), server('b'), 'server-c: no answer within 500 ms']);
    assert.deepEqual([leader, spareVoters], ['b', 0]);
    assert.deepEqual(problems, ['no answer: server-c: no answer within 500 ms']);
  });

  it('one alone does not say who leads, whatever it believes', () => {
    const { leader, spareVoters } = judge([server('a'), 'silent', 'silent']);
    assert.deepEqual([leader, spareVoters], [null, -1]);
  });

  it('an older term has no say, and neither has one that knows of no leader', () => {
    const old = server('c', { raftTerm: 3, leaderId: 'c' });
    assert.equal(judge([server('a'), server('b'), old]).leader, 'b');
    const lost = judge([server('a'), server('b'), server('c', { leaderId: '0' })]);
    assert.deepEqual([lost.leader, lost.spareVoters, lost.problems], ['b', 0, ['server-c knows of no leader']]);
  });

  it('alarms, differing versions, members that nobody asks and even numbers are told of', () => {
    const raised = judge([
      server('a', { concerns: ['alarm NOSPACE'] }),
      server('b'),
      server('c', { version: '3.5.9' }),
    ]);
    assert.deepEqual(raised.problems, ['server-a: alarm NOSPACE', 'versions differ: 3.4.23, 3.5.9']);
    const four = judge([server('a'), server('b'), server('c')], [...three, member('d')]);
    assert.deepEqual(four.problems, [
      'member voter-d is at none of the endpoints',
      '4 voters bear no more losses than 3',
    ]);
  });

  it('a learner has no vote', () => {
    const { spareVoters } = judge(
      [server('a'), server('b'), server('c', { learner: true })],
      [member('a'), member('b'), member('c', { learner: true })],
    );
    assert.equal(spareVoters, 0);
  });

  it('without its members nothing is concluded, and without a quorum it is not said to serve', () => {
    const { serves, leader, spareVoters, problems } = judgeCluster({
      servers: ['silent'],
      members: null,
      serves: null,
    });
    assert.deepEqual([serves, leader, spareVoters], [null, null, null]);
    assert.deepEqual(problems, [
      'no answer: silent',
      'who the members are was not found out',
      'no quorum was seen to answer',
    ]);
  });
});
