import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder } from '../../test/builders/facts.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import { componentId, revision } from '../core/base/ids.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { Transaction } from './authority-port.ts';
import type { ControllerEffect } from './controller-effects.ts';
import type { GroupSurroundings } from './group-surroundings.ts';
import { WriterReplacement } from './writer-replacement.ts';

const CACHE = componentId('cache');
const stream = (primary: boolean, offset: number) => ({ primary, history: 'first', offset, before: null });

/** alfa's Redis let writers in and has ended; bravo's has a copy. */
const lost = () =>
  new FactsBuilder({ servers: true })
    .observation('alfa-cache', {
      process: 'exited',
      health: 'bad',
      stream: stream(true, 900),
      figures: { ledEpoch: 7 },
    })
    .observation('bravo-cache', { role: 'closed', stream: stream(false, 880), figures: { openEpoch: 0, ledEpoch: 7 } });

class Ground {
  readonly transactions: Transaction[] = [];
  readonly effects: ControllerEffect[] = [];
  readonly replacement: WriterReplacement;
  again = 0;
  #answer: (outcome: object) => void = () => {};

  constructor() {
    this.replacement = new WriterReplacement({
      topology: lost().facts.topology,
      mirror: new AuthorityMirror(),
      leadership: { comparison: () => ({ key: 'leader', revision: 5 }) },
      emit: (effect: ControllerEffect) => this.effects.push(effect),
      transact: (body: Transaction, _: number, then: (outcome: object, now: number, wall: number) => void) => {
        this.transactions.push(body);
        this.#answer = (outcome) => then(outcome, 0, 0);
      },
    } as unknown as GroupSurroundings);
  }

  work(at: FactsBuilder): boolean {
    return this.replacement.work(at.facts, () => {
      this.again += 1;
    });
  }

  /** The authority takes it, and the world has that record. */
  commit(at: FactsBuilder): GroupRecord {
    this.#answer({ kind: 'committed', revision: revision(31) });
    const record = this.transactions.at(-1)!.put[0]!.value as unknown as GroupRecord;
    at.change({ record });
    return record;
  }

  answer(kind: 'conflict' | 'unknown'): void {
    this.#answer({ kind });
  }

  get said() {
    return this.effects.flatMap((effect) =>
      effect.kind === 'evidence' ? [[effect.entry.kind, effect.entry.epoch, effect.entry.data] as const] : [],
    );
  }
}

test('closed at a raised epoch, named at it once it is proved, counted once it was seen open: three transactions, each with its evidence', () => {
  const ground = new Ground();
  const at = lost();
  assert.ok(ground.work(at));
  assert.ok(ground.replacement.busy);
  assert.deepEqual(
    ground.transactions[0]!.compare.map(({ key }) => key),
    ['leader', 'group/trading'],
  );
  const closed = ground.commit(at);
  assert.deepEqual([closed.epoch, closed.writers?.[CACHE]?.instance, ground.again], [8, null, 1]);
  assert.ok(!ground.work(at), 'its agent has not carried out the order yet');
  at.observation('alfa-cache', { figures: { ledEpoch: 8 } });
  assert.ok(ground.work(at));
  const named = ground.commit(at);
  assert.deepEqual([named.epoch, named.writers?.[CACHE]?.instance], [8, 'bravo-cache']);
  at.observation('bravo-cache', {
    stream: { primary: true, history: 'second', offset: 900, before: { history: 'first', offset: 890 } },
    figures: { openEpoch: 8, ledEpoch: 8 },
  });
  assert.ok(ground.work(at));
  ground.commit(at);
  assert.ok(!ground.work(at));
  const why = 'the process of alfa-cache is gone';
  const from = 'alfa-cache';
  const instance = 'bravo-cache';
  assert.deepEqual(ground.said, [
    ['writer-closed', 8, { component: CACHE, from, why }],
    ['writer-named', 8, { component: CACHE, instance, from, why, proof: why }],
    ['writer-opened', 8, { component: CACHE, instance, from, loss: { kind: 'lost', bytes: 10, exact: false } }],
  ]);
});

test('one that lets writers in with another history than it led stays where it is, with what that cost, in the same epoch', () => {
  const ground = new Ground();
  const left = { history: 'first', offset: 900, endedWithinMs: 700 };
  const at = lost().observation('alfa-cache', {
    process: 'running',
    health: 'ok',
    stream: { primary: true, history: 'third', offset: 20, before: { history: 'first', offset: 880 }, left },
    figures: { openEpoch: 7, ledEpoch: 7 },
  });
  assert.ok(ground.work(at));
  const record = ground.commit(at);
  const loss = { kind: 'lost', bytes: 20, exact: false };
  const { instance, former, epoch, loss: written } = record.writers![CACHE]!;
  assert.deepEqual([record.epoch, instance, former, epoch, written], [7, 'alfa-cache', 'alfa-cache', 7, loss]);
  assert.ok(!ground.work(at), 'once');
  assert.deepEqual(ground.said, [['writer-diverged', 7, { component: CACHE, instance: 'alfa-cache', loss }]]);
});

test('what the authority did not take is not said, and what is not known is asked for anew', () => {
  const ground = new Ground();
  ground.work(lost());
  ground.answer('conflict');
  assert.deepEqual([ground.replacement.busy, ground.again, ground.effects], [false, 0, []]);
  ground.work(lost());
  ground.answer('unknown');
  assert.deepEqual(ground.effects, [{ kind: 'reload-authority' }]);
});

test('one that stays where it is is said once for each reason', () => {
  const ground = new Ground();
  for (const at of [lost().brake('freeze'), lost().brake('freeze'), lost().brake('maintenance')])
    assert.ok(!ground.work(at));
  assert.deepEqual(
    ground.said.map(([kind]) => kind),
    ['writer-kept', 'writer-kept'],
  );
  assert.equal(ground.transactions.length, 0);
});

test('a group without a Redis has nothing of it', () => {
  assert.ok(!new Ground().work(new FactsBuilder()));
});
