import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentUnderTest, type Effect, OK } from '../../test/builders/agent.ts';
import { DB, ENGINE } from '../../test/builders/facts.ts';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import { type InstanceId, instanceId, revision } from '../core/base/ids.ts';
import type { ReplicaObservation } from '../core/health/instance-observation.ts';
import { LEAVES_AFTER_MS } from './ack-set-upkeep.ts';

const beside = instanceId('alfa-eng2');
const [away, farther] = [instanceId('bravo-eng1'), instanceId('bravo-eng2')];
const all = [beside, away, farther];

type State = ReplicaObservation['state'];

const replicas = (states: Partial<Record<string, State>>): readonly ReplicaObservation[] =>
  all.map((instance) => ({ instance, state: states[instance] ?? 'in-sync', acknowledgedSequence: 100, silentMs: 5 }));
const writes = (agent: AgentUnderTest) =>
  agent.open('transact').filter((effect) => effect.body.put[0]?.key === agent.groupKey);
const asks = (agent: AgentUnderTest) => agent.open('perform').filter((effect) => effect.action.kind === 'set-ack-set');
const grantIn = (effect: Effect<'transact'>) => (effect.body.put[0]!.value as unknown as GroupRecord).grants[ENGINE]!;
const asked = (effect: Effect<'perform'> | undefined) =>
  effect?.action.kind === 'set-ack-set' ? effect.action.ackSet : null;

/** The holder with everybody in its set, as it confirmed. */
function holder(): AgentUnderTest {
  const agent = new AgentUnderTest().reigns();
  agent.now += 1;
  return agent.observes({ ackSet: all, replicas: replicas({}) }, true);
}

test('with everybody in the set nothing is changed', () => {
  const agent = holder();
  assert.deepEqual([writes(agent), asks(agent)], [[], []]);
});

test('I9: a lost member leaves the record first, and only then does the holder stop waiting for it', () => {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'lost' }) }, true);
  assert.deepEqual(asks(agent), []);
  const [write] = writes(agent);
  assert.deepEqual(grantIn(write!).promotable, [beside, farther]);
  assert.deepEqual(grantIn(write!).mode, { kind: 'strict' });
  agent.transacted(write!);
  assert.deepEqual(asked(asks(agent)[0]), [beside, farther]);
  assert.ok(agent.evidence.includes('durability-changed'));
});

test('a record that was changed meanwhile is not overwritten', () => {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'lost' }) }, true);
  const [write] = writes(agent);
  agent.hears({ tradingEnabled: false });
  agent.transacted(write!);
  assert.equal(agent.record.tradingEnabled, false);
  assert.deepEqual(agent.record.grants[ENGINE]!.promotable, all);
});

test('without a copy at another site it goes on degraded, and says since when', () => {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'lost', [farther]: 'lost' }) }, true);
  assert.deepEqual(grantIn(writes(agent)[0]!).mode, { kind: 'degraded', sinceEpoch: 7, lost: [away, farther] });
});

test('a holder that halted goes on when everybody whom it waits for has caught up, and not before', () => {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'catching-up' }) }, true);
  agent.hears({}, { mode: { kind: 'halted', lost: [away, farther] } });
  assert.deepEqual(writes(agent), []);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: all, replicas: replicas({}) }, true);
  const grant = grantIn(writes(agent)[0]!);
  assert.deepEqual([grant.mode, grant.ackSet, grant.promotable], [{ kind: 'strict' }, all, all]);
});

const halting = (states: Partial<Record<string, State>>) => {
  const agent = new AgentUnderTest({ shape: { afterPeerLoss: 'halt' } }).reigns();
  agent.now += 1;
  agent.observes({ ackSet: all, replicas: replicas({}) }, true);
  return agent.observes({ ackSet: all, replicas: replicas(states) }, true);
};
const gone = { [away]: 'lost', [farther]: 'lost' } as const;
const askedAt = ({ action }: Effect<'perform'>): number =>
  action.kind === 'set-ack-set' ? (action.askedAt ?? 0) : Number.NaN;
const haltIn = (effect: Effect<'perform'> | undefined) =>
  effect?.action.kind === 'set-ack-set' ? effect.action.halted : null;

test('an engine without a copy at another site is told to halt in the same breath in which it may wait for less', () => {
  const agent = halting(gone);
  const grant = grantIn(writes(agent)[0]!);
  assert.deepEqual([grant.mode, grant.ackSet], [{ kind: 'halted', lost: [away, farther] }, [beside]]);
  assert.deepEqual(asks(agent), [], 'the record comes first');
  agent.transacted(writes(agent)[0]!);
  assert.deepEqual([asked(asks(agent)[0]), haltIn(asks(agent)[0])], [[beside], true]);
});

test('a halt ends by itself when somebody at another site has caught up, and the engine is told last', () => {
  const agent = halting(gone);
  agent.transacted(writes(agent)[0]!);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  const back = { [farther]: 'lost' } as const;
  agent.observes({ ackSet: [beside], replicas: replicas(back) }, true);
  assert.deepEqual([asked(asks(agent)[0]), haltIn(asks(agent)[0])], [[beside, away], true]);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: [beside, away], replicas: replicas(back) }, true);
  const write = writes(agent)[0]!;
  assert.deepEqual(grantIn(write).mode, { kind: 'strict' });
  agent.transacted(write);
  assert.deepEqual([asked(asks(agent)[0]), haltIn(asks(agent)[0])], [[beside, away], false]);
});

test('an engine takes no new risk either while another component of its group stands still', () => {
  const agent = holder();
  const db = agent.record.grants[DB]!;
  agent.hears({ grants: { ...agent.record.grants, [DB]: { ...db, mode: { kind: 'halted', lost: [] } } } });
  assert.deepEqual([asked(asks(agent)[0]), haltIn(asks(agent)[0])], [all, true]);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: all, replicas: replicas({}) }, true);
  agent.hears({ grants: { ...agent.record.grants, [DB]: db } });
  assert.equal(haltIn(asks(agent)[0]), false);
});

test('what was lost further is written down while it stands still', () => {
  const agent = halting(gone);
  agent.transacted(writes(agent)[0]!);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: [beside], replicas: replicas({ ...gone, [beside]: 'lost' }) }, true);
  assert.deepEqual(grantIn(writes(agent)[0]!).mode, { kind: 'halted', lost: [beside, away, farther] });
});

test('I9: a member comes back into the record only after the holder waits for it and it has caught up', () => {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'lost' }) }, true);
  agent.transacted(writes(agent)[0]!);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  const without = [beside, farther];
  agent.observes({ ackSet: without, replicas: replicas({ [away]: 'catching-up' }) }, true);
  assert.deepEqual([writes(agent), asks(agent)], [[], []]);
  agent.observes({ ackSet: without, replicas: replicas({}) }, true);
  assert.deepEqual(asked(asks(agent)[0]), [beside, farther, away]);
  assert.deepEqual(writes(agent), []);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  assert.deepEqual(writes(agent), [], 'what was seen before the holder waited says nothing');
  agent.observes({ ackSet: all, replicas: replicas({}) }, true);
  assert.deepEqual(grantIn(writes(agent)[0]!).promotable, [beside, farther, away]);
});

/** Told to wait for everybody again, and seen since with `away` still without something that was released before. */
function arriving(): AgentUnderTest {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'lost' }) }, true);
  agent.transacted(writes(agent)[0]!);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: [beside, farther], replicas: replicas({}) }, true);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  return agent.observes({ ackSet: all, replicas: replicas({ [away]: 'catching-up' }) }, true);
}

test('I9: a member that lacks what was released before it was waited for comes into the record once it has that', () => {
  const agent = arriving();
  assert.deepEqual([asks(agent), writes(agent)], [[], []]);
  agent.now += 5;
  agent.observes({ ackSet: all, replicas: replicas({}) }, true);
  assert.deepEqual(grantIn(writes(agent)[0]!).promotable, [beside, farther, away]);
});

test('a member that still lacks it after a while is not waited for any more', () => {
  const agent = arriving();
  agent.now += 2 * agent.timing.reportEveryMs;
  agent.observes({ ackSet: all, replicas: replicas({ [away]: 'catching-up' }) }, true);
  assert.deepEqual([asked(asks(agent)[0]), writes(agent)], [[beside, farther], []]);
});

/** Lets half a second pass in which the lease is renewed. */
const halfSecond = (agent: AgentUnderTest): void => {
  for (let at = 0; at < 25; at++) {
    agent.wait(20);
    for (const effect of agent.open('transact'))
      if (effect.body.put[0]?.key !== agent.groupKey) agent.transacted(effect);
    for (const effect of agent.open('perform')) if (effect.action.kind === 'lease') agent.performedWith(effect);
  }
};

/** Seen each half second with `away` behind at these sequences, one after the other. */
const behind = (agent: AgentUnderTest, sequences: readonly number[], state: State = 'catching-up') => {
  for (const acknowledgedSequence of sequences) {
    halfSecond(agent);
    const seen = replicas({ [away]: state });
    const slow = seen.map((replica) => (replica.instance === away ? { ...replica, acknowledgedSequence } : replica));
    agent.observes({ ackSet: all, replicas: slow }, true);
  }
  return agent;
};
const forMs = (ms: number, from = 7, step = 0) => Array.from({ length: ms / 500 + 1 }, (_, at) => from + at * step);

for (const state of ['catching-up', 'connecting'] as const)
  test(`I9: a member that is ${state} and gets no further leaves like a lost one, the record first, and not before its time`, () => {
    const agent = behind(holder(), forMs(LEAVES_AFTER_MS - 500), state);
    assert.deepEqual([writes(agent), asks(agent)], [[], []]);
    behind(agent, [7], state);
    assert.deepEqual(asks(agent), []);
    const [write] = writes(agent);
    assert.deepEqual(
      [grantIn(write!).promotable, grantIn(write!).ackSet],
      [
        [beside, farther],
        [beside, farther],
      ],
    );
    agent.transacted(write!);
    assert.deepEqual(asked(asks(agent)[0]), [beside, farther]);
  });

test('a member that gets further, however slowly, is waited for', () => {
  const agent = behind(holder(), forMs(LEAVES_AFTER_MS * 3, 7, 1));
  assert.deepEqual([writes(agent), asks(agent)], [[], []]);
});

test('who was not looked at for a while was not seen to stand still', () => {
  const agent = behind(holder(), forMs(LEAVES_AFTER_MS - 500));
  for (let ms = 0; ms < LEAVES_AFTER_MS; ms += 500) halfSecond(agent);
  behind(agent, [7]);
  assert.deepEqual(writes(agent), []);
});

test('without the last copy at another site that gets further it goes on degraded, or halts, as the topology says', () => {
  const lost = { [farther]: 'lost' } as const;
  for (const [agent, mode] of [
    [holder(), 'degraded'],
    [halting({}), 'halted'],
  ] as const) {
    for (let ms = 0; ms <= LEAVES_AFTER_MS; ms += 500) {
      halfSecond(agent);
      for (const write of writes(agent)) agent.transacted(write);
      for (const ask of asks(agent)) agent.performedWith(ask);
      agent.observes({ ackSet: all, replicas: replicas({ ...lost, [away]: 'catching-up' }) }, true);
    }
    for (const write of writes(agent)) agent.transacted(write);
    const { mode: found } = agent.record.grants[ENGINE]!;
    assert.equal(found.kind, mode);
    assert.deepEqual('lost' in found ? found.lost : null, [away, farther]);
  }
});

test('a member that left because it got no further comes back when it has caught up', () => {
  const agent = behind(holder(), forMs(LEAVES_AFTER_MS));
  agent.transacted(writes(agent)[0]!);
  agent.performedWith(asks(agent)[0]!);
  behind(agent, [7, 7, 7]);
  assert.deepEqual([writes(agent), asks(agent)], [[], []], 'it is not asked back while it stands still');
  agent.now += 1;
  agent.observes({ ackSet: [beside, farther], replicas: replicas({}) }, true);
  assert.deepEqual(asked(asks(agent)[0]), [beside, farther, away]);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: all, replicas: replicas({}) }, true);
  assert.deepEqual(grantIn(writes(agent)[0]!).promotable, [beside, farther, away]);
});

test('who does not hold the grant keeps no set', () => {
  const agent = holder();
  agent.hears({}, { holder: away });
  agent.observes({ ackSet: all, replicas: replicas({ [away]: 'lost' }) }, true);
  assert.deepEqual(writes(agent), []);
});

test('I9: while it is not known whether a member is in the record, the holder goes on waiting for it', () => {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'lost' }) }, true);
  agent.transacted(writes(agent)[0]!);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: [beside, farther], replicas: replicas({}) }, true);
  agent.performedWith(asks(agent)[0]!);
  agent.now += 1;
  agent.observes({ ackSet: all, replicas: replicas({}) }, true);
  const joining = writes(agent)[0]!;
  agent.outcomeOf(joining);
  agent.transacted(joining, 'unknown');
  agent.observes({ ackSet: all, replicas: replicas({ [away]: 'catching-up' }) }, true);
  assert.deepEqual(asks(agent), []);
  agent.transacted(writes(agent)[0]!);
  assert.deepEqual(agent.record.grants[ENGINE]!.promotable, [beside, farther, away]);
  agent.observes({ ackSet: all, replicas: replicas({ [away]: 'catching-up' }) }, true);
  assert.deepEqual([asks(agent), writes(agent)], [[], []]);
});

test('I9: of two changes asked for in one moment an instance can tell the later one', () => {
  const agent = holder().observes({ ackSet: all, replicas: replicas({ [away]: 'lost' }) }, true);
  agent.transacted(writes(agent)[0]!);
  const [first] = asks(agent);
  agent.performedWith(first!, { kind: 'unknown', reason: 'late' });
  const [second] = asks(agent);
  assert.ok(askedAt(second!) > askedAt(first!), `${askedAt(second!)} after ${askedAt(first!)}`);
});

test('I9: in any order of losses, answers and delays everybody in the record is waited for', () => {
  const counts = { shrunk: 0, grown: 0 };
  forSeeds(1500, (random) => {
    const agent = holder();
    let real: readonly InstanceId[] = all;
    let obeyedAt = Number.NEGATIVE_INFINITY;
    const states: Record<string, State> = {};
    /** Asked for, not answered yet, and perhaps carried out long after the time that it was waited for. */
    const late: Effect<'perform'>[] = [];
    const carryOut = ({ action }: Effect<'perform'>): boolean => {
      assert.ok(action.kind === 'set-ack-set');
      if ((action.askedAt ?? 0) < obeyedAt) return false;
      obeyedAt = action.askedAt ?? 0;
      real = action.ackSet;
      return true;
    };
    const check = () => {
      const { promotable, ackSet } = agent.record.grants[ENGINE]!;
      const missing = promotable.filter((member) => !real.includes(member));
      assert.deepEqual(missing, [], `promotable ${promotable}, waited for ${real}`);
      assert.ok(promotable.every((member) => ackSet.includes(member)));
    };
    const events = [
      () => agent.wait(random.whole(1, 60)),
      () => {
        states[random.pick(all)] = random.pick<State>(['in-sync', 'in-sync', 'lost', 'catching-up']);
      },
      () => agent.observes({ ackSet: real, replicas: replicas(states) }, true),
      () => agent.observes({ ackSet: real, replicas: replicas(states) }, true),
      () => {
        for (const effect of asks(agent)) {
          if (random.chance(0.2)) late.push(effect);
          const done = !late.includes(effect) && carryOut(effect);
          agent.performedWith(effect, done ? OK : { kind: 'unknown', reason: 'late' });
        }
      },
      () => {
        const [effect] = late.splice(0, 1);
        if (effect) carryOut(effect);
      },
      () => {
        for (const effect of agent.open('transact')) {
          const before = agent.record.grants[ENGINE]!.promotable;
          const fate = random.fraction();
          if (fate < 0.75) agent.transacted(effect);
          else {
            if (fate < 0.9) agent.outcomeOf(effect);
            agent.transacted(effect, 'unknown');
          }
          const after = agent.record.grants[ENGINE]!.promotable;
          if (after.length < before.length) counts.shrunk += 1;
          for (const joined of after.filter((member) => !before.includes(member))) {
            counts.grown += 1;
            assert.ok(real.includes(joined));
          }
        }
      },
      () => {
        const stored = agent.stored.get(agent.groupKey)!;
        agent.step({
          kind: 'authority-changed',
          revision: revision(stored.revision),
          changes: [{ key: agent.groupKey, value: stored.value }],
        });
      },
    ];
    for (let at = 0; at < 120; at += 1) {
      random.pick(events)();
      check();
    }
  });
  assert.ok(counts.shrunk > 300 && counts.grown > 100, JSON.stringify(counts));
});
