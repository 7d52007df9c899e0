import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentUnderTest, OK } from '../../test/builders/agent.ts';
import { ENGINE } from '../../test/builders/facts.ts';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import { epoch, groupId, instanceId, revision, runId, term } from '../core/base/ids.ts';
import { GROUP } from '../sim/build-topology.ts';

const refusal = (agent: AgentUnderTest) => {
  const outcome = agent.answers.at(-1)?.outcome;
  return outcome?.kind === 'refused' ? outcome.code : (outcome?.kind ?? 'no answer');
};

test('I2: a command of an older epoch is refused with its code, and nothing is done', () => {
  const agent = new AgentUnderTest().reads();
  agent.command({ epoch: epoch(8) });
  agent.command({ key: 'late', epoch: epoch(7), term: term(9) });
  assert.equal(refusal(agent), 'stale-epoch');
  assert.equal(agent.performed.length, 1);
  assert.ok(agent.evidence.includes('command-refused'));
});

test('I2: a command of an older term is refused with its code, and nothing is done', () => {
  const agent = new AgentUnderTest().reads();
  agent.command({ term: term(4) });
  agent.command({ key: 'late', term: term(3) });
  assert.equal(refusal(agent), 'stale-term');
  assert.equal(agent.performed.length, 1);
});

test('I2: of any commands exactly those are carried out that nothing newer came before, also over restarts', () => {
  let refused = 0;
  forSeeds(150, (random) => {
    let agent = new AgentUnderTest().reads();
    let [highestEpoch, highestTerm] = [0, 0];
    for (let at = 0; at < 25; at += 1) {
      if (random.chance(0.1)) agent = new AgentUnderTest({ memory: agent.core.memory, now: agent.now + 10 }).reads();
      const [itsEpoch, itsTerm] = [random.whole(5, 9), random.whole(1, 5)];
      const before = agent.performed.length;
      const key = `trading-${itsEpoch}/step/${at}`;
      agent.command({ key, epoch: epoch(itsEpoch), term: term(itsTerm) });
      const stale = itsEpoch < highestEpoch ? 'stale-epoch' : itsTerm < highestTerm ? 'stale-term' : null;
      assert.equal(agent.performed.length, stale === null ? before + 1 : before, key);
      if (stale !== null) {
        assert.equal(refusal(agent), stale);
        refused += 1;
      } else [highestEpoch, highestTerm] = [itsEpoch, itsTerm];
    }
    assert.deepEqual(agent.core.memory.highest[GROUP], { epoch: highestEpoch, term: highestTerm });
  });
  assert.ok(refused > 1000);
});

test('what is promised is on disk before anything is done: it is persisted first', () => {
  const agent = new AgentUnderTest().reads();
  agent.command({ epoch: epoch(8), term: term(4) });
  const kinds = agent.effects.map((effect) => effect.kind);
  assert.ok(kinds.indexOf('persist') >= 0 && kinds.indexOf('persist') < kinds.indexOf('perform'));
});

test('groups have epochs of their own', () => {
  const agent = new AgentUnderTest().reads().command({ epoch: epoch(9) });
  agent.command({ key: 'other', group: groupId('clearing'), epoch: epoch(1), term: term(1) });
  assert.equal(agent.performed.length, 2);
});

test('a command that comes twice while it is under way is done once, and answered to whom asked last', () => {
  const agent = new AgentUnderTest().reads().command({ attempt: 1 }).command({ attempt: 2 });
  assert.equal(agent.performed.length, 1);
  assert.equal(agent.answers.length, 0);
  agent.performedWith(agent.performed[0]!);
  assert.deepEqual(
    agent.answers.map(({ attempt, outcome, repeated }) => [attempt, outcome.kind, repeated]),
    [[2, 'ok', false]],
  );
});

test('a command that was done is answered again and not done again, also by an agent that was restarted', () => {
  const agent = new AgentUnderTest().reads().command({});
  agent.performedWith(agent.performed[0]!, { kind: 'ok', detail: { receivers: 3 } });
  const restarted = new AgentUnderTest({ memory: agent.core.memory }).reads();
  for (const each of [agent, restarted]) {
    const before = each.performed.length;
    each.command({ attempt: 5, term: term(4) });
    const { outcome, repeated, attempt } = each.answers.at(-1)!;
    assert.deepEqual([outcome, repeated, attempt], [{ kind: 'ok', detail: { receivers: 3 } }, true, 5]);
    assert.equal(each.performed.length, before);
  }
});

test('only a certain success is remembered: what failed, or is not known, is tried again', () => {
  for (const outcome of [
    { kind: 'failed', code: 'X', reason: 'no' },
    { kind: 'unknown', reason: 'late' },
  ] as const) {
    const agent = new AgentUnderTest().reads().command({});
    agent.performedWith(agent.performed[0]!, outcome);
    assert.deepEqual(agent.answers[0]?.outcome, outcome);
    agent.command({ attempt: 2 });
    assert.equal(agent.performed.length, 2);
  }
});

test('a confirmation is asked anew each time: what held may not hold any more', () => {
  const agent = new AgentUnderTest().reads();
  const order = { kind: 'confirm', instance: agent.engine, condition: { kind: 'process-gone' } } as const;
  const answers = { holds: 'ok', 'does-not-hold': 'failed', unknown: 'unknown' } as const;
  for (const [answer, expected] of Object.entries(answers) as ['holds', 'ok'][]) {
    agent.command({ key: 'confirm?1', order });
    agent.step({ kind: 'confirmed', operation: agent.last('confirm').operation, answer });
    assert.equal(agent.answers.at(-1)?.outcome.kind, expected);
  }
  assert.equal(agent.all('confirm').length, 3);
});

test('an order for somebody else’s instance is refused', () => {
  const agent = new AgentUnderTest().reads();
  const elsewhere = instanceId('bravo-eng1');
  agent.command({ order: { kind: 'silence', instance: elsewhere, gentle: false, holderEpoch: epoch(7) } });
  assert.equal(refusal(agent), 'not-mine');
});

test('I3: a promotion begins only after the lease is renewed at the authority, and what may write is on disk before', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' }).promote();
  assert.equal(agent.performed.length, 0);
  const renewal = agent.last('transact');
  assert.deepEqual(
    renewal.body.put.map((put) => put.key),
    [agent.leaseKey],
  );
  agent.effects.length = 0;
  agent.transacted(renewal);
  const [persist, promote] = [agent.last('persist'), agent.performed[0]!];
  assert.deepEqual(persist.memory.mayWrite, [agent.engine]);
  assert.ok(agent.effects.indexOf(persist) < agent.effects.indexOf(promote));
  assert.ok(promote.action.kind === 'promote');
  assert.deepEqual(
    [promote.action.epoch, promote.action.leaseUntil, promote.action.ackSet],
    [7, agent.now + agent.timing.selfFenceAfterMs, agent.record.grants[ENGINE]!.ackSet],
  );
});

test('I3: a promotion is refused when the record names somebody else, or nobody', () => {
  for (const holder of [null, instanceId('bravo-eng1')]) {
    const agent = new AgentUnderTest().reads().hears({}, { holder }).promote();
    assert.equal(refusal(agent), 'no-grant');
    assert.equal(agent.performed.length, 0);
  }
});

test('I3: a promotion is refused when the grant is withdrawn before the lease is renewed', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' }).promote();
  agent.hearsOfRevocation();
  assert.equal(refusal(agent), 'no-grant');
  agent.transacted(agent.last('transact'));
  assert.ok(agent.performed.every((effect) => effect.action.kind !== 'promote'));
});

test('I1: one reign per epoch: what has ended in it is not promoted in it again, and the run is told at once', () => {
  const agent = new AgentUnderTest().reigns();
  agent.step({
    kind: 'exited',
    exit: { instance: agent.engine, code: null, signal: 'SIGKILL', reaped: true, treeEmpty: true },
  });
  const before = agent.performed.length;
  agent.promote({ key: 'trading-7/promote-components/again' });
  assert.equal(refusal(agent), 'reign-over');
  assert.equal(agent.performed.length, before);
});

test('an order that carries the record of a store that is gone is refused, and does not hide what the present store says later', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' });
  const ofOld = { ...agent.record, incarnation: 'gone' };
  agent.hears({}, { holder: null });
  agent.promote({
    order: {
      kind: 'promote',
      instance: agent.engine,
      record: ofOld,
      revision: revision(5_000),
      leaseRevision: revision(5_000),
    },
  });
  assert.equal(refusal(agent), 'no-grant');
  agent.hears({}, { holder: agent.engine });
  agent.promote({ key: 'trading-8/promote-components/again' });
  assert.equal(agent.open('transact').length, 1, 'it renews its lease, to be promoted');
});

test('who orders a promotion says where the last lease stands, so that the first attempt to take it holds; a wrong word costs one attempt', () => {
  const byRevision = (told: number) => {
    const agent = new AgentUnderTest().reads().observes({ role: 'standby' });
    agent.stored.set(agent.leaseKey, { value: {}, revision: revision(41) });
    const { record } = agent;
    const order = { kind: 'promote', instance: agent.engine, record } as const;
    agent.promote({ order: { ...order, revision: revision(agent.revision), leaseRevision: revision(told) } });
    for (let attempts = 1; ; attempts += 1) {
      agent.transacted(agent.last('transact'));
      if (agent.performed.some((effect) => effect.action.kind === 'promote')) return attempts;
      agent.step({ kind: 'tick' });
    }
  };
  assert.deepEqual([41, 0, 40, 99].map(byRevision), [1, 2, 2, 2]);
});

test('a promotion that waits for its lease ends with the store that granted it, and what is primary by itself is then killed', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' }).promote();
  agent.reads(agent.record, 'restored');
  assert.equal(refusal(agent), 'no-grant');
  agent.observes({ role: 'primary' });
  assert.equal(agent.performed.at(-1)?.action.kind, 'kill');
});

test('I3: a promotion whose lease is not confirmed in time is given up by name, begins nothing, and can be asked for again', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' });
  const { deadlineMs } = agent.commandOf({});
  agent.promote();
  agent.wait(deadlineMs - 1);
  assert.equal(agent.answers.length, 0);
  agent.wait(1);
  const [answer] = agent.answers;
  assert.ok(answer?.outcome.kind === 'failed');
  assert.equal(answer.outcome.code, 'no-lease');
  assert.match(answer.outcome.reason, /within 1000 ms; this order has begun nothing/);
  // The authority answers now, too late: nothing comes of it.
  for (const effect of agent.open('transact')) agent.transacted(effect);
  assert.equal(agent.performed.length, 0);
  assert.equal(agent.local.mayWrite, false);
  agent.reads().promote();
  for (let round = 0; round < 10; round++) {
    agent.wait(50);
    for (const effect of agent.open('transact')) agent.transacted(effect);
  }
  assert.equal(agent.performed.at(-1)?.action.kind, 'promote');
});

test('what is not running is started first, closed, and then promoted', () => {
  const agent = new AgentUnderTest().reads().observes({ process: 'exited', role: 'closed' }).promote();
  agent.transacted(agent.last('transact'));
  const start = agent.performed.at(-1)!;
  assert.equal(start.action.kind, 'start');
  agent.performedWith(start);
  assert.equal(agent.performed.at(-1)?.action.kind, 'promote');
});

test('a start that fails ends the promotion with its reason', () => {
  const agent = new AgentUnderTest().reads().observes({ process: 'exited', role: 'closed' }).promote();
  agent.transacted(agent.last('transact'));
  agent.performedWith(agent.performed.at(-1)!, { kind: 'failed', code: 'disk-full', reason: 'no space' });
  assert.deepEqual(agent.answers.at(-1)?.outcome, { kind: 'failed', code: 'disk-full', reason: 'no space' });
  assert.deepEqual(agent.core.memory.mayWrite, []);
});

test('a gentle order to be silent is obeyed gently, and by force when that is not confirmed', () => {
  const gentle = new AgentUnderTest().reigns().silence(true);
  assert.equal(gentle.performed.at(-1)?.action.kind, 'demote');
  gentle.performedWith(gentle.performed.at(-1)!);
  assert.deepEqual([gentle.answers.at(-1)?.outcome.kind, gentle.answers.at(-1)?.proof?.method], ['ok', 'demoted']);
  const forced = new AgentUnderTest().reigns().silence(true);
  forced.performedWith(forced.performed.at(-1)!, { kind: 'unknown', reason: 'late' });
  assert.equal(forced.performed.at(-1)?.action.kind, 'kill');
  assert.equal(forced.answers.at(-1)?.outcome.kind === 'ok' && forced.answers.at(-1)?.proof !== null, false);
  forced.performedWith(forced.performed.at(-1)!);
  assert.equal(forced.answers.at(-1)?.proof?.method, 'process-dead');
  assert.deepEqual(forced.core.memory.mayWrite, []);
});

test('a kill that is not confirmed proves nothing', () => {
  const agent = new AgentUnderTest().reigns().silence(false);
  agent.performedWith(agent.performed.at(-1)!, { kind: 'unknown', reason: 'not reaped in time' });
  assert.deepEqual([agent.answers.at(-1)?.outcome.kind, agent.answers.at(-1)?.proof], ['unknown', null]);
  assert.deepEqual(agent.core.memory.mayWrite, [agent.engine]);
});

test('what cannot write is proved silent without being touched', () => {
  const agent = new AgentUnderTest().reads().observes().silence(false);
  assert.deepEqual([agent.answers.at(-1)?.outcome, agent.performed.length], [OK, 0]);
  assert.deepEqual([agent.answers.at(-1)?.proof?.scope, agent.answers.at(-1)?.proof?.epoch], [agent.engine, 7]);
});

test('a late order about an earlier reign does not end the present one', () => {
  const agent = new AgentUnderTest().reigns().silence(false, {}, epoch(6));
  assert.ok(agent.performed.every((effect) => effect.action.kind !== 'kill'));
  assert.equal(agent.answers.at(-1)?.proof?.epoch, 6);
  assert.deepEqual(agent.core.memory.mayWrite, [agent.engine]);
});

test('a promotion that an order to be silent overtook is answered, and can be asked for again', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' }).promote().silence(false);
  assert.deepEqual(
    agent.answers.map(({ key, outcome }) => [key.split('/')[1], outcome.kind]),
    [
      ['promote-components', 'unknown'],
      ['fence', 'ok'],
    ],
  );
  agent.promote({ attempt: 2 });
  for (const effect of agent.all('transact')) agent.transacted(effect);
  agent.wait(200);
  for (const effect of agent.all('transact').slice(1)) agent.transacted(effect);
  assert.equal(agent.performed.at(-1)?.action.kind, 'promote');
});

test('raising the epoch makes every running receiver store it, and leaves alone what may be writing', () => {
  const standby = new AgentUnderTest().reads().observes({ role: 'standby' });
  const raise = { key: 'raise', epoch: epoch(8), order: { kind: 'raise-epoch', components: [ENGINE] } } as const;
  standby.command(raise);
  assert.deepEqual(standby.performed.at(-1)?.action, { kind: 'fence', epoch: 8 });
  standby.performedWith(standby.performed.at(-1)!);
  assert.deepEqual(standby.answers.at(-1)?.outcome, { kind: 'ok', detail: { receivers: 1 } });
  const primary = new AgentUnderTest().reigns();
  const before = primary.performed.length;
  primary.command(raise);
  assert.equal(primary.performed.length, before);
  assert.deepEqual(primary.answers.at(-1)?.outcome, { kind: 'ok', detail: { receivers: 0 } });
});

test('a receiver that did not confirm the epoch leaves it unknown, by name', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' });
  agent.command({ key: 'raise', epoch: epoch(8), order: { kind: 'raise-epoch', components: [ENGINE] } });
  agent.performedWith(agent.performed.at(-1)!, { kind: 'failed', code: 'X', reason: 'disk full' });
  assert.deepEqual(agent.answers.at(-1)?.outcome, { kind: 'unknown', reason: 'alfa-eng1: disk full' });
});

test('a run has keys of its own: the same step of another run is another command', () => {
  const agent = new AgentUnderTest().reads().command({});
  agent.performedWith(agent.performed[0]!);
  agent.command({ key: 'trading-9/step/alfa-eng1', run: runId('trading-9') });
  assert.equal(agent.performed.length, 2);
});

test('an epoch is raised once, whoever asks again, and its answer waits for no disk', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' });
  const order = { kind: 'raise-epoch', components: [] } as const;
  const before = agent.effects.length;
  agent.step({ kind: 'command', command: agent.commandOf({ order }) });
  agent.step({ kind: 'command', command: agent.commandOf({ order }) });
  const kinds = agent.effects.slice(before).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'evidence').length, 1);
  assert.deepEqual(
    agent.answers.map(({ outcome, repeated }) => [outcome.kind, repeated]),
    [
      ['ok', false],
      ['ok', true],
    ],
  );
  assert.ok(!kinds.slice(kinds.indexOf('evidence')).includes('persist'), kinds.join());
});

test('a delegate is asked only for the run that the record names, in its epoch: it has no grant that would be missing', () => {
  const ordered = (record: { readonly epoch: number; readonly run: string | null }, as: number) => {
    const agent = new AgentUnderTest();
    agent.record = {
      ...agent.record,
      epoch: epoch(record.epoch),
      run: record.run === null ? null : runId(record.run),
    };
    agent.reads();
    const action = { kind: 'take-over', epoch: epoch(as), former: null, planned: false } as const;
    agent.command({
      epoch: epoch(as),
      run: runId('trading-8'),
      order: { kind: 'perform', instance: agent.engine, action },
    });
    return agent.performed.length > 0 ? 'performed' : refusal(agent);
  };
  assert.equal(ordered({ epoch: 8, run: 'trading-8' }, 8), 'performed');
  assert.equal(
    ordered({ epoch: 9, run: 'trading-9' }, 8),
    'stale-epoch',
    'a deposed leader, to whom nobody has told it',
  );
  assert.equal(ordered({ epoch: 7, run: null }, 8), 'no-grant', 'the record is not here yet: it is asked for again');
  assert.equal(ordered({ epoch: 8, run: null }, 8), 'no-grant', 'the run is over');
  const blind = new AgentUnderTest();
  const action = { kind: 'take-over', epoch: epoch(8), former: null, planned: false } as const;
  blind.command({ epoch: epoch(8), order: { kind: 'perform', instance: blind.engine, action } });
  assert.deepEqual([blind.performed.length, refusal(blind)], [0, 'no-grant'], 'the authority was not read');
});

test('what rests on a delegate is looked at anew each time: it may have promoted another one since', () => {
  const detail = { since: 21, renewed: 25, seen: 'nothing is left' };
  for (const action of [
    { kind: 'take-over', epoch: epoch(8), former: null, planned: false },
    { kind: 'prove-gone', epoch: epoch(8) },
  ] as const) {
    const agent = new AgentUnderTest();
    agent.record = { ...agent.record, epoch: epoch(8), run: runId('trading-8') };
    agent.reads();
    const order = { kind: 'perform', instance: agent.engine, action } as const;
    for (const outcome of [
      { kind: 'ok', detail } as const,
      { kind: 'unknown', reason: 'its lock is another’s' } as const,
    ]) {
      agent.command({ key: 'trading-8/step/db', epoch: epoch(8), run: runId('trading-8'), order });
      agent.performedWith(agent.performed.at(-1)!, outcome);
    }
    assert.equal(agent.performed.length, 2, action.kind);
    const [first, second] = agent.answers;
    assert.deepEqual([first?.outcome.kind, second?.outcome.kind], ['ok', 'unknown']);
    const proof = action.kind === 'prove-gone' ? { since: 21, renewed: 25 } : undefined;
    assert.deepEqual(first?.proof?.lock, proof, 'the lock as it was goes with the proof');
    assert.equal(second?.proof, null);
  }
});
