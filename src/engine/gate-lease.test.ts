import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder, observationOf } from '../../test/builders/facts.ts';
import type { GroupRecord, LeaseRecord } from '../core/authority/group-record.ts';
import type { Json } from '../core/base/canonical-json.ts';
import { epoch, hostId, instanceId, revision } from '../core/base/ids.ts';
import { GROUP } from '../sim/build-topology.ts';
import { AgentCore } from './agent-core.ts';
import type { AgentEffect } from './agent-effects.ts';
import { blankMemory } from './agent-memory.ts';
import { keys } from './authority-keys.ts';
import type { ActionOutcome } from './driver-port.ts';

const alfa = instanceId('alfa-db');
const armed: ActionOutcome = { kind: 'ok', detail: { gate: 'nftables', gateBoundMs: 50 } };

/** The agent beside alfa's member, alone, and an authority that takes everything unless told otherwise. */
class Beside {
  readonly core: AgentCore;
  now = 10_000;
  revision = 10;
  record: GroupRecord;
  stored: LeaseRecord | null = null;
  reachable = true;
  /** How the kernel answers. */
  gate: ActionOutcome = armed;
  readonly opened: { readonly until: number; readonly at: number; readonly epoch: number }[] = [];

  constructor(shape: { readonly gatedDatabase?: boolean } = { gatedDatabase: true }) {
    const { facts, record } = new FactsBuilder({ delegatedDatabase: true, ...shape });
    this.record = record;
    const config = { host: hostId('alfa-d'), topology: facts.topology, boot: 'first', gates: {} };
    this.core = new AgentCore(config, blankMemory);
    this.#take(this.core.step({ kind: 'observed', observation: observationOf(alfa, true) }, this.now));
  }

  names(holder: 'alfa-db' | 'bravo-db' | null): this {
    this.revision += 1;
    const seat = { component: DB, holder: holder && instanceId(holder), lock: 20, epoch: epoch(7) };
    this.record = { ...this.record, delegates: { [DB]: seat } };
    const value = this.record as unknown as Json;
    const entries = { [keys.group(GROUP)]: { value, revision: revision(this.revision) } };
    const { incarnation } = this.record;
    const event = { kind: 'authority-snapshot', entries, revision: revision(this.revision), incarnation } as const;
    this.#take(this.core.step(event, this.now));
    return this;
  }

  wait(ms: number): this {
    const until = this.now + ms;
    while (this.now < until) {
      this.now = Math.min(until, Math.max(this.now + 1, this.core.nextWakeAt(this.now)));
      this.#take(this.core.step({ kind: 'tick' }, this.now));
    }
    return this;
  }

  #take(effects: readonly AgentEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'transact') this.#transacted(effect);
      if (effect.kind !== 'perform') continue;
      assert.equal(effect.action.kind, 'lease', 'nothing else is done to it');
      if (effect.action.kind !== 'lease') continue;
      this.opened.push({ until: effect.action.leaseUntil, at: this.now, epoch: effect.action.epoch });
      this.#take(this.core.step({ kind: 'performed', operation: effect.operation, outcome: this.gate }, this.now));
    }
  }

  #transacted({ transaction, body }: Extract<AgentEffect, { kind: 'transact' }>): void {
    const key = keys.lease(GROUP, DB);
    assert.deepEqual(
      body.compare.map((each) => each.key),
      [keys.group(GROUP), key],
      'only under the record as it is known here',
    );
    if (!this.reachable) {
      const outcome = { kind: 'unknown', reason: 'no answer' } as const;
      return this.#take(this.core.step({ kind: 'transacted', transaction, outcome }, this.now));
    }
    this.revision += 1;
    this.stored = body.put[0]!.value as unknown as LeaseRecord;
    const outcome = { kind: 'committed', revision: revision(this.revision) } as const;
    this.#take(this.core.step({ kind: 'transacted', transaction, outcome }, this.now));
  }
}

test('the gate of whom the record names is opened by each renewal, until the renewal’s time and no longer', () => {
  const beside = new Beside().names('alfa-db').wait(450);
  assert.ok(beside.opened.length >= 4, `${beside.opened.length}`);
  const { selfFenceAfterMs } = beside.core.timing;
  for (const { until, at } of beside.opened) assert.ok(until <= at + selfFenceAfterMs, `${until} of ${at}`);
  assert.deepEqual([beside.stored?.holder, beside.stored?.epoch], [alfa, 7]);
});

test('a renewal names the gate only after the kernel has taken it, and not any more once it has not', () => {
  const beside = new Beside().names('alfa-db');
  assert.equal(beside.stored?.gate, null, 'nobody has said yet that there is one');
  beside.wait(150);
  assert.deepEqual(beside.stored?.gate, { kind: 'nftables', boundMs: 50 });
  beside.gate = { kind: 'failed', code: 'gate-not-armed', reason: 'no such table' };
  beside.wait(250);
  assert.equal(beside.stored?.gate, null);
});

test('nothing is opened where the record names another one, nobody, or was not read, nor where there are no gates', () => {
  assert.deepEqual(new Beside().names('bravo-db').wait(500).opened, []);
  assert.deepEqual(new Beside().names(null).wait(500).opened, []);
  assert.deepEqual(new Beside().wait(500).opened, []);
  assert.deepEqual(new Beside({}).names('alfa-db').wait(500).opened, []);
});

test('it is not renewed any more once the record names somebody else, and nothing is ended for it', () => {
  const beside = new Beside().names('alfa-db').wait(250).names(null);
  const { length } = beside.opened;
  assert.equal(beside.wait(1000).opened.length, length);
});

test('while the authority does not answer it closes by itself, and it is opened again by the next renewal', () => {
  const beside = new Beside().names('alfa-db').wait(250);
  beside.reachable = false;
  const { length } = beside.opened;
  const last = beside.opened.at(-1)!;
  beside.wait(3000);
  assert.equal(beside.opened.length, length);
  assert.ok(last.until < beside.now);
  beside.reachable = true;
  beside.wait(400);
  assert.ok(beside.opened.length > length && beside.opened.at(-1)!.until > beside.now);
});
