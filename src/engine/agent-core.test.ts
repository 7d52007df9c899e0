import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentUnderTest, type Effect, OK } from '../../test/builders/agent.ts';
import { ENGINE } from '../../test/builders/facts.ts';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import type { LeaseRecord } from '../core/authority/group-record.ts';
import { epoch, instanceId, revision, term } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type { Random } from '../sim/random.ts';
import type { Command } from './messages.ts';

const killsOf = (agent: AgentUnderTest) => agent.performed.filter((effect) => effect.action.kind === 'kill');
const exit = (agent: AgentUnderTest, reaped: boolean, treeEmpty: boolean) =>
  agent.step({ kind: 'exited', exit: { instance: agent.engine, code: null, signal: 'SIGKILL', reaped, treeEmpty } });

/** Answers every transaction at once, for as long as that. */
function renewing(agent: AgentUnderTest, ms: number): void {
  const until = agent.now + ms;
  while (agent.now < until) {
    for (const effect of agent.open('transact')) agent.transacted(effect);
    agent.wait(10);
  }
}

test('a holder whose renewals are answered goes on, and refreshes the lease of its instance', () => {
  const agent = new AgentUnderTest().reigns();
  renewing(agent, 5000);
  assert.deepEqual(killsOf(agent), []);
  const refreshed = agent.all('perform').filter((effect) => effect.action.kind === 'lease');
  assert.ok(refreshed.length > 20, `${refreshed.length}`);
  const last = refreshed.at(-1)!.action;
  assert.ok(last.kind === 'lease' && last.leaseUntil > agent.now && last.leaseUntil <= agent.now + 500);
});

test('a holder whose renewals get no answer kills what it has by its deadline, and says so', () => {
  const agent = new AgentUnderTest().reigns();
  renewing(agent, 1000);
  const sent = agent.all('transact').length;
  const deadline = agent.local.lease!.deadline;
  agent.wait(deadline - agent.now - 1);
  assert.deepEqual(killsOf(agent), []);
  agent.wait(1);
  assert.equal(killsOf(agent).length, 1);
  assert.ok(agent.evidence.includes('self-fenced'));
  assert.ok(agent.all('transact').length >= sent);
});

test('a renewal whose answer came after the deadline does not save it', () => {
  const agent = new AgentUnderTest().reigns();
  agent.wait(agent.timing.leaseRenewEveryMs + 1);
  const late = agent.last('transact');
  agent.wait(2000);
  agent.transacted(late);
  assert.equal(killsOf(agent).length, 1);
  assert.deepEqual(agent.core.memory.mayWrite, [agent.engine]);
  agent.performedWith(killsOf(agent)[0]!);
  assert.deepEqual(agent.core.memory.mayWrite, []);
});

test('an unknown answer is looked into: what the conflict shows as ours counts from when it was sent', () => {
  const agent = new AgentUnderTest().reigns();
  renewing(agent, 300);
  for (const effect of agent.open('transact')) agent.transacted(effect);
  const before = agent.local.lease!.deadline;
  agent.wait(agent.local.lease!.nextAt - agent.now);
  const [lost] = agent.open('transact');
  const sentAt = agent.now;
  agent.outcomeOf(lost!);
  agent.transacted(lost!, 'unknown');
  assert.equal(agent.local.lease!.deadline, before);
  agent.wait(agent.timing.leaseRenewEveryMs);
  agent.transacted(agent.open('transact')[0]!);
  assert.equal(agent.local.lease!.deadline, sentAt + agent.timing.selfFenceAfterMs);
});

test('a renewal compares the record and the last renewal, so that a revoked holder cannot renew', () => {
  const agent = new AgentUnderTest().reigns();
  renewing(agent, 300);
  const { body } = agent.last('transact');
  assert.deepEqual(
    body.compare.map(({ key }) => key),
    [agent.groupKey, agent.leaseKey],
  );
  assert.ok(body.compare.every(({ revision: wanted }) => wanted > 0));
  const value = body.put[0]!.value as unknown as LeaseRecord;
  assert.deepEqual([value.holder, value.epoch, value.gate?.kind], [agent.engine, 7, 'self']);
});

test('a holder that was revoked is asked to stop, and killed when it does not say that it has', () => {
  const agent = new AgentUnderTest().reigns();
  agent.hearsOfRevocation();
  const demote = agent.performed.at(-1)!;
  assert.deepEqual(demote.action, { kind: 'demote', epoch: 8 });
  agent.performedWith(demote, { kind: 'unknown', reason: 'late' });
  assert.equal(killsOf(agent).length, 1);
});

test('a holder that was revoked and confirms is silent, and its agent vouches for it', () => {
  const agent = new AgentUnderTest().reigns();
  agent.hearsOfRevocation();
  agent.performedWith(agent.performed.at(-1)!);
  agent.wait(10);
  const report = agent.last('report').report.instances[0]!;
  assert.deepEqual([report.silenced, report.silencedBy, report.leased], [true, 'demoted', false]);
});

test('when the grant names somebody else there is nothing to ask: it is killed', () => {
  const agent = new AgentUnderTest().reigns();
  agent.hears({ epoch: epoch(8) }, { holder: instanceId('bravo-eng1'), epoch: epoch(8) });
  assert.equal(killsOf(agent).length, 1);
});

test('it is vouched for only when it was reaped and nothing of its tree is left', () => {
  const vouched = ([reaped, empty]: readonly [boolean, boolean]) => {
    const agent = new AgentUnderTest().reigns();
    exit(agent, reaped, empty);
    agent.wait(10);
    return agent.last('report').report.instances[0]!.silenced;
  };
  assert.deepEqual(
    (
      [
        [true, true],
        [true, false],
        [false, true],
        [false, false],
      ] as const
    ).map(vouched),
    [true, false, false, false],
  );
});

test('after a crash of its own it still knows what may be writing, and does not vouch for it', () => {
  const before = new AgentUnderTest().reigns();
  const after = new AgentUnderTest({ memory: before.core.memory, now: before.now + 100 });
  after.tick();
  assert.equal(after.last('report').report.instances[0]?.silenced, false);
  after.wait(after.timing.selfFenceAfterMs);
  assert.equal(killsOf(after).length, 1);
});

test('a record of another incarnation, or older than what was promised, is not believed', () => {
  const restored = new AgentUnderTest().reads(undefined, 'two');
  assert.equal(restored.core.usableRecord(restored.record.group), null);
  const promised = new AgentUnderTest().reads().command({ epoch: epoch(9) });
  assert.equal(promised.core.usableRecord(promised.record.group), null);
  assert.equal(promised.hears({ epoch: epoch(9) }).core.usableRecord(promised.record.group)?.epoch, 9);
});

test('what an authority showed before it was restored is no part of what it holds now', () => {
  const agent = new AgentUnderTest().reigns();
  const [late] = agent.open('transact');
  const before = agent.stored.get(agent.groupKey)!.value;
  agent.reads({ ...agent.record, incarnation: 'two' }, 'two');
  const current = { [agent.groupKey]: { value: before, revision: revision(900) } };
  agent.step({ kind: 'transacted', transaction: late!.transaction, outcome: { kind: 'conflict', current } });
  assert.equal(agent.core.usableRecord(agent.record.group)?.incarnation, 'two');
});

test('an instance that refuses the lease of its grant three times in a row is not what was promoted, and is killed', () => {
  const agent = new AgentUnderTest().reigns();
  const refuse = () => {
    for (let at = 0; at < 20 && agent.open('perform').length === 0; at += 1) renewing(agent, 10);
    agent.performedWith(agent.open('perform')[0]!, { kind: 'failed', code: 'not-primary', reason: 'a standby' });
    return killsOf(agent).length;
  };
  assert.deepEqual([refuse(), refuse(), refuse()], [0, 0, 1]);
});

test('a promotion that takes longer than the lease it began with is kept alive by the renewals that are answered meanwhile', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' }).promote();
  agent.transacted(agent.last('transact'));
  const promotion = agent.performed[0]!;
  renewing(agent, 2 * agent.timing.selfFenceAfterMs);
  const refreshed = agent.all('perform').filter(({ action }) => action.kind === 'lease');
  assert.ok(refreshed.length > 0);
  for (const each of refreshed) agent.performedWith(each, { kind: 'failed', code: 'not-primary', reason: 'not yet' });
  agent.performedWith(promotion, { kind: 'ok', detail: { gate: 'warden', gateBoundMs: 20 } });
  assert.deepEqual([killsOf(agent).length, agent.local.gate?.kind], [0, 'warden']);
});

test('a gate outside the instance that was not armed is not named in the next renewal', () => {
  const agent = new AgentUnderTest().reigns();
  agent.local.gate = { kind: 'warden', boundMs: 40 };
  renewing(agent, agent.timing.leaseRenewEveryMs + 20);
  const named = () => (agent.last('transact').body.put[0]!.value as unknown as LeaseRecord).gate;
  assert.equal(named()?.kind, 'warden');
  agent.performedWith(agent.open('perform').at(-1)!, { kind: 'unknown', reason: 'the warden does not answer' });
  renewing(agent, agent.timing.leaseRenewEveryMs + 20);
  assert.equal(named(), null);
  agent.performedWith(agent.open('perform').at(-1)!, { kind: 'ok', detail: { gate: 'warden', gateBoundMs: 40 } });
  renewing(agent, agent.timing.leaseRenewEveryMs + 20);
  assert.equal(named()?.kind, 'warden', 'an answer that comes says that it lives');
});

test('an agent that comes back beside what it promoted names a gate outside it only once that has answered', () => {
  const memory = { ...new AgentUnderTest().reigns().core.memory };
  const gate = { kind: 'warden', boundMs: 40 } as const;
  const agent = new AgentUnderTest({ memory, gate }).reads().observes({}, true);
  const renewals = () => agent.all('transact').filter(({ body }) => body.put[0]!.key !== agent.groupKey);
  const named = () => (renewals().at(-1)!.body.put[0]!.value as unknown as LeaseRecord).gate;
  assert.equal(named(), null);
  agent.transacted(renewals().at(-1)!);
  const refresh = agent.all('perform').findLast(({ action }) => action.kind === 'lease')!;
  agent.performedWith(refresh, { kind: 'ok', detail: { gate: 'warden', gateBoundMs: 40 } });
  renewing(agent, agent.timing.leaseRenewEveryMs + 20);
  assert.deepEqual(named(), gate);
});

test('it reports at once when a fact changes, and otherwise in its rhythm', () => {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' });
  const reports = () => agent.all('report').length;
  agent.wait(10);
  const before = reports();
  agent.observes({ role: 'standby', position: { generation: 7, sequence: 101 } });
  assert.equal(reports(), before);
  agent.observes({ role: 'standby', health: 'bad' });
  assert.equal(reports(), before + 1);
  agent.observes({ role: 'standby', health: 'ok' }).observes({ role: 'closed' });
  assert.equal(reports(), before + 1, 'what changes within the same moment waits for its end');
  agent.wait(10);
  assert.equal(reports(), before + 2, 'and is told in one report');
  assert.equal(agent.last('report').report.instances[0]?.observation?.role, 'closed');
  agent.wait(1000);
  const more = reports() - before - 2;
  assert.ok(more >= 9 && more <= 11, `${more} reports in ten rhythms`);
  const numbers = agent.all('report').map((effect) => effect.report.sequence);
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
});

/** What comes to an agent, in any order; operations and transactions are answered at some time, or never. */
function soup(random: Random): {
  readonly agent: AgentUnderTest;
  readonly asked: readonly Command[];
  readonly end: () => void;
  /** Epochs at which the record named the engine. */
  readonly granted: ReadonlySet<number>;
} {
  const agent = new AgentUnderTest().reads().observes({ role: 'standby' });
  const asked: Command[] = [];
  const granted = new Set<number>([agent.record.epoch]);
  const command = (change: Partial<Command>) => {
    const it = agent.commandOf({ term: term(random.whole(2, 4)), ...change });
    asked.push(it);
    agent.step({ kind: 'command', command: it });
  };
  const settle = (mostly: number) => {
    for (const effect of agent.open('perform'))
      if (random.chance(mostly)) {
        const outcome = random.chance(0.7) ? OK : ({ kind: 'unknown', reason: 'drawn' } as const);
        const became: Readonly<Record<string, InstanceObservation['role']>> = {
          promote: 'primary',
          demote: 'fenced',
          kill: 'closed',
          start: 'closed',
        };
        const role = became[effect.action.kind];
        agent.performedWith(effect, outcome);
        if (outcome.kind === 'ok' && role !== undefined) agent.observes({ role });
      }
    for (const effect of agent.open('transact'))
      if (random.chance(mostly)) agent.transacted(effect, random.chance(0.9) ? 'compare' : 'unknown');
  };
  for (let at = 0; at < 60; at += 1) {
    const { epoch: present } = agent.record;
    const its = random.chance(0.85) ? present : epoch(present - 1);
    const { holder } = agent.record.grants[ENGINE]!;
    random.pick([
      () => agent.wait(random.whole(1, 200)),
      () => settle(0.8),
      () => settle(0.8),
      () => agent.observes({ role: random.pick(['standby', 'closed', 'primary']) }),
      () => exit(agent, random.chance(0.7), random.chance(0.7)),
      () => {
        if (holder !== null) return void agent.hearsOfRevocation();
        const next = random.pick([agent.engine, agent.engine, agent.engine, instanceId('bravo-eng1')]);
        agent.hears({}, { holder: next });
        if (next === agent.engine) granted.add(agent.record.epoch);
      },
      () => {
        const key = `trading-${its}/promote-components/alfa-eng1`;
        const order = {
          kind: 'promote',
          instance: agent.engine,
          record: agent.record,
          revision: revision(agent.revision),
          leaseRevision: revision(0),
        } as const;
        command({ key, epoch: its, order });
      },
      () => {
        const order = {
          kind: 'silence',
          instance: agent.engine,
          gentle: random.chance(0.5),
          holderEpoch: epoch(its - 1),
        } as const;
        command({ key: `trading-${its}/fence/alfa-eng1`, epoch: its, order });
      },
      () =>
        command({
          key: `trading-${its}/barrier/alfa-e1`,
          epoch: its,
          order: { kind: 'raise-epoch', components: [ENGINE] },
        }),
    ])();
  }
  // In the end everything that is under way ends, and nobody holds it.
  if (agent.record.grants[ENGINE]!.holder !== null) agent.hearsOfRevocation();
  const end = () => {
    for (let round = 0; round < 4; round += 1) {
      settle(1);
      agent.wait(50);
    }
  };
  end();
  return { agent, asked, end, granted };
}

test('over generated histories nothing is promoted without its grant and a renewal under it, and the disk knows first', () => {
  let promotions = 0;
  forSeeds(400, (random) => {
    const { agent, granted } = soup(random);
    const { effects } = agent;
    for (const [at, effect] of effects.entries()) {
      if (effect.kind !== 'perform' || effect.action.kind !== 'promote') continue;
      promotions += 1;
      const earlier = effects.slice(0, at);
      const { action } = effect;
      assert.ok(granted.has(action.epoch), `no grant at epoch ${action.epoch}`);
      const renewed = earlier.some(
        (each) =>
          each.kind === 'transact' &&
          each.body.put.some(
            ({ key, value }) => key === agent.leaseKey && (value as unknown as LeaseRecord).epoch === action.epoch,
          ),
      );
      assert.ok(renewed, `no renewal at epoch ${action.epoch} before its promotion`);
      const persisted = earlier.filter((each): each is Effect<'persist'> => each.kind === 'persist').at(-1);
      assert.deepEqual(persisted?.memory.mayWrite, [agent.engine]);
    }
  });
  assert.ok(promotions > 100, `${promotions} promotions`);
});

test('over generated histories every command is answered, and none is under way for good', () => {
  let answered = 0;
  forSeeds(250, (random) => {
    const { agent, asked, end } = soup(random);
    const known = new Set(agent.answers.map((answer) => answer.key));
    for (const { key } of asked) assert.ok(known.has(key), `${key} was never answered`);
    for (const { key, order } of asked.slice(-3)) {
      const before = agent.answers.length;
      agent.command({ key, order, term: term(9) });
      end();
      assert.ok(
        agent.answers.slice(before).some((answer) => answer.key === key),
        `${key} is not heard any more`,
      );
    }
    answered += known.size;
  });
  assert.ok(answered > 1000, `${answered}`);
});

test('over generated histories what may write is never vouched for', () => {
  forSeeds(150, (random) => {
    const { agent } = soup(random);
    let mayWrite = false;
    for (const effect of agent.effects) {
      if (effect.kind === 'persist') mayWrite = effect.memory.mayWrite.includes(agent.engine);
      if (effect.kind === 'report') assert.ok(!(mayWrite && effect.report.instances[0]!.silenced));
    }
  });
});

test('the list of a divergent tail is evidence once, and again when it has become another', () => {
  const agent = new AgentUnderTest().reigns();
  const seen = (digest: string, inconclusive: number) =>
    agent.step({
      kind: 'observed',
      observation: {
        ...agent.local.observation!,
        divergence: { file: 'q/manifest.json', from: 9, count: 3, list: { digest, entries: 2, inconclusive } },
      },
    });
  const told = () => agent.evidence.filter((kind) => kind === 'tail-listed').length;
  seen('aa', 1);
  seen('aa', 1);
  assert.equal(told(), 1);
  seen('bb', 0);
  assert.equal(told(), 2);
});
