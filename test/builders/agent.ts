import type { Grant, GroupRecord, LeaseRecord } from '../../src/core/authority/group-record.ts';
import type { Json } from '../../src/core/base/canonical-json.ts';
import { epoch, hostId, instanceId, revision, runId, stepId, term } from '../../src/core/base/ids.ts';
import type { InstanceObservation } from '../../src/core/health/instance-observation.ts';
import { indexOf } from '../../src/core/topology/topology-index.ts';
import { AgentCore } from '../../src/engine/agent-core.ts';
import type { AgentEffect, AgentEvent } from '../../src/engine/agent-effects.ts';
import { type AgentMemory, blankMemory } from '../../src/engine/agent-memory.ts';
import { keys } from '../../src/engine/authority-keys.ts';
import type { StoredValue, TransactionOutcome } from '../../src/engine/authority-port.ts';
import type { ActionOutcome } from '../../src/engine/driver-port.ts';
import type { Command, CommandOutcome } from '../../src/engine/messages.ts';
import { GROUP, type Shape } from '../../src/sim/build-topology.ts';
import { ENGINE, FactsBuilder, observationOf } from './facts.ts';

export type Effect<Kind extends AgentEffect['kind']> = Extract<AgentEffect, { kind: Kind }>;
export const OK: ActionOutcome = { kind: 'ok', detail: {} };

/** The agent of alfa's first engine, alone: a test hears what it wants done and answers as it likes. */
export class AgentUnderTest {
  readonly core: AgentCore;
  readonly engine = instanceId('alfa-eng1');
  readonly leaseKey = keys.lease(GROUP, ENGINE);
  readonly groupKey = keys.group(GROUP);
  now = 10_000;
  /** Everything that it wanted, in order. */
  readonly effects: AgentEffect[] = [];
  record: GroupRecord;
  /** What the authority holds, as far as this test keeps it. */
  revision = 10;
  readonly stored = new Map<string, StoredValue>();
  readonly #answered = new Set<AgentEffect>();

  constructor(
    options: {
      readonly memory?: AgentMemory;
      readonly now?: number;
      readonly shape?: Partial<Shape>;
      readonly gate?: LeaseRecord['gate'];
    } = {},
  ) {
    const { facts, record } = new FactsBuilder(options.shape);
    this.record = record;
    this.now = options.now ?? this.now;
    this.core = new AgentCore(
      {
        host: hostId('alfa-e1'),
        topology: facts.topology,
        boot: 'first',
        gates: { [this.engine]: options.gate ?? { kind: 'self', boundMs: 20 } },
      },
      options.memory ?? blankMemory,
    );
  }

  get timing() {
    return this.core.timing;
  }

  step(event: AgentEvent): readonly AgentEffect[] {
    const effects = this.core.step(event, this.now);
    this.effects.push(...effects);
    return effects;
  }

  tick(): readonly AgentEffect[] {
    return this.step({ kind: 'tick' });
  }

  /** Lets time pass, waking it whenever it asked for that. */
  wait(ms: number): void {
    const until = this.now + ms;
    while (this.now < until) {
      this.now = Math.min(until, Math.max(this.now + 1, this.core.nextWakeAt(this.now)));
      this.tick();
    }
  }

  all<Kind extends AgentEffect['kind']>(kind: Kind): Effect<Kind>[] {
    return this.effects.filter((effect): effect is Effect<Kind> => effect.kind === kind);
  }

  /** Actions that were begun, lease refreshes left out. */
  get performed(): Effect<'perform'>[] {
    return this.all('perform').filter((effect) => effect.action.kind !== 'lease');
  }

  get answers(): readonly CommandOutcome[] {
    return this.all('answer').map((effect) => effect.outcome);
  }

  get evidence(): readonly string[] {
    return this.all('evidence').map((effect) => effect.about.kind);
  }

  /** Reads the authority: the record, and nothing else that it is not told of. */
  reads(record: GroupRecord = this.record, incarnation = 'one'): this {
    this.record = record;
    this.revision += 1;
    this.stored.set(this.groupKey, { value: record as unknown as Json, revision: revision(this.revision) });
    this.step({
      kind: 'authority-snapshot',
      revision: revision(this.revision),
      incarnation,
      entries: Object.fromEntries(this.stored),
    });
    return this;
  }

  /** Hears that the record was changed. */
  hears(change: Partial<GroupRecord>, grant: Partial<Grant> = {}): this {
    const grants = { ...this.record.grants, [ENGINE]: { ...this.record.grants[ENGINE]!, ...grant } };
    this.record = { ...this.record, grants, ...change };
    this.revision += 1;
    this.stored.set(this.groupKey, { value: this.record as unknown as Json, revision: revision(this.revision) });
    this.step({
      kind: 'authority-changed',
      revision: revision(this.revision),
      changes: [{ key: this.groupKey, value: this.record as unknown as Json }],
    });
    return this;
  }

  /** Nobody holds the engine any more, at the next epoch. */
  hearsOfRevocation(): this {
    const grant = this.record.grants[ENGINE]!;
    const raised = epoch(this.record.epoch + 1);
    return this.hears(
      { epoch: raised },
      {
        holder: null,
        epoch: raised,
        ackSet: [],
        promotable: [],
        revoked: {
          instance: grant.holder ?? this.engine,
          epoch: grant.epoch,
          leaseRevision: revision(1),
          promotable: grant.promotable,
        },
      },
    );
  }

  observes(change: Partial<InstanceObservation> = {}, primary = false): this {
    this.step({ kind: 'observed', observation: { ...observationOf(this.engine, primary), ...change } });
    return this;
  }

  /** Answers as an authority would: by comparing the revisions that it holds. */
  transacted(effect: Effect<'transact'>, reply: 'compare' | 'unknown' = 'compare'): void {
    this.#answered.add(effect);
    this.step({ kind: 'transacted', transaction: effect.transaction, outcome: this.outcomeOf(effect, reply) });
  }

  outcomeOf({ body }: Effect<'transact'>, reply: 'compare' | 'unknown' = 'compare'): TransactionOutcome {
    if (reply === 'unknown') return { kind: 'unknown', reason: 'no answer in time' };
    const holds = body.compare.every(({ key, revision: wanted }) => (this.stored.get(key)?.revision ?? 0) === wanted);
    if (!holds)
      return {
        kind: 'conflict',
        current: Object.fromEntries(body.compare.map(({ key }) => [key, this.stored.get(key) ?? null])),
      };
    this.revision += 1;
    for (const { key, value } of body.put) this.stored.set(key, { value, revision: revision(this.revision) });
    if (this.stored.has(this.groupKey)) this.record = this.stored.get(this.groupKey)!.value as unknown as GroupRecord;
    return { kind: 'committed', revision: revision(this.revision) };
  }

  performedWith(effect: Effect<'perform'>, outcome: ActionOutcome = OK): void {
    this.#answered.add(effect);
    this.step({ kind: 'performed', operation: effect.operation, outcome });
  }

  /** What it waits for an answer to. */
  open<Kind extends 'perform' | 'transact'>(kind: Kind): Effect<Kind>[] {
    return this.all(kind).filter((effect) => !this.#answered.has(effect));
  }

  /** The last thing of a kind that it wanted. */
  last<Kind extends AgentEffect['kind']>(kind: Kind): Effect<Kind> {
    return this.all(kind).at(-1)!;
  }

  command(change: Partial<Command>): this {
    this.step({ kind: 'command', command: this.commandOf(change) });
    return this;
  }

  commandOf(change: Partial<Command>): Command {
    return {
      key: 'trading-8/step/alfa-eng1',
      group: GROUP,
      term: term(3),
      epoch: this.record.epoch,
      run: runId('trading-8'),
      step: stepId('step'),
      attempt: 1,
      deadlineMs: 1000,
      order: { kind: 'perform', instance: this.engine, action: { kind: 'test-order', epoch: this.record.epoch } },
      ...change,
    };
  }

  promote(change: Partial<Command> = {}): this {
    return this.command({
      key: `trading-${this.record.epoch}/promote-components/alfa-eng1`,
      order: {
        kind: 'promote',
        instance: this.engine,
        record: this.record,
        revision: revision(this.revision),
        leaseRevision: revision(0),
      },
      ...change,
    });
  }

  silence(gentle: boolean, change: Partial<Command> = {}, holderEpoch = this.record.epoch): this {
    return this.command({
      key: 'trading-8/fence/alfa-eng1',
      order: { kind: 'silence', instance: this.engine, gentle, holderEpoch },
      ...change,
    });
  }

  /** Promoted under the present record, its lease just renewed. */
  reigns(): this {
    this.reads().observes({ role: 'standby' });
    this.promote();
    this.transacted(this.last('transact'));
    this.performedWith(this.last('perform'), { kind: 'ok', detail: { gate: 'self', gateBoundMs: 20 } });
    return this.observes({}, true);
  }

  get local() {
    return this.core.locals.get(this.engine)!;
  }

  get component() {
    return indexOf(this.core.config.topology).component.get(ENGINE)!;
  }
}
