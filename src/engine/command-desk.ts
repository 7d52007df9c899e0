import type { FencingProof } from '../core/authority/fencing-proof.ts';
import type { Epoch, MonoMs, Revision } from '../core/base/ids.ts';
import { afterActing, beforeActing } from './accepting-again.ts';
import { mustHalt } from './ack-set-upkeep.ts';
import type { AgentCore } from './agent-core.ts';
import { keys } from './authority-keys.ts';
import { RESUME } from './drain-step.ts';
import type { ActionOutcome, InstanceAction } from './driver-port.ts';
import type { LocalInstance } from './local-instance.ts';
import type { Command, CommandOutcome } from './messages.ts';

type Outcome = CommandOutcome['outcome'];

/** What is only looked at, or rests on what somebody else decides, is looked at anew: a delegate may have promoted another one since. */
const isRemembered = (order: Command['order']): boolean =>
  order.kind !== 'confirm' &&
  order.kind !== 'ask' &&
  !(order.kind === 'perform' && (order.action.kind === 'take-over' || order.action.kind === 'prove-gone'));

/**
 * Where an agent takes orders: each once, none that is stale. An order that was carried out is remembered with its answer, durably
 * unless doing it again after a crash would change nothing; one that is under way answers when it ends, to whoever asked last.
 */
export class CommandDesk {
  readonly #agent: AgentCore;
  /** Orders under way, by key, with the latest command that asked. */
  readonly #underWay = new Map<string, Command>();

  constructor(agent: AgentCore) {
    this.#agent = agent;
  }

  receive(command: Command, now: number): void {
    const stale = this.#agent.admit(command.group, command.epoch, command.term);
    if (stale !== null) {
      this.#agent.evidence({
        kind: 'command-refused',
        instance: null,
        data: { key: command.key, code: stale, epoch: command.epoch, term: command.term },
      });
      return this.#answer(
        command,
        {
          kind: 'refused',
          code: stale,
          reason: `this agent has seen a newer ${stale === 'stale-epoch' ? 'epoch' : 'term'}`,
        },
        null,
        false,
      );
    }
    const done = this.#agent.memory.done.find((entry) => entry.key === command.key);
    if (done) return this.#answer(command, done.outcome, done.proof, true);
    const busy = this.#underWay.has(command.key);
    this.#underWay.set(command.key, command);
    if (!busy) this.#carryOut(command, now);
  }

  #carryOut(command: Command, now: number): void {
    const { order } = command;
    if (order.kind === 'raise-epoch') return this.#raiseEpoch(command, order.components, now);
    const local = this.#agent.locals.get(order.instance);
    if (!local)
      return this.#finish(command, {
        kind: 'refused',
        code: 'not-mine',
        reason: `${order.instance} is not on ${this.#agent.config.host}`,
      });
    switch (order.kind) {
      case 'silence':
        return this.#silence(command, local, order.gentle, order.holderEpoch, now);
      case 'promote':
        return this.#promote(command, local, order, now);
      case 'perform': {
        const untimely = this.#untimely(command, order.action);
        if (untimely !== null) return this.#finish(command, untimely);
        // A drain that comes after its run was given up would stop an engine that nobody resumes any more.
        if (order.action.kind === 'drain' && this.#resumedAfter(command.run))
          return this.#finish(command, { kind: 'failed', code: 'given-up', reason: 'trading was resumed since' });
        if (order.action.kind === 'act') local.stoppedSince = Math.max(local.stoppedSince, order.since ?? 0);
        else local.tradingSince = Math.max(local.tradingSince, order.since ?? 0);
        beforeActing(this.#agent, local, order.action);
        return this.#agent.perform(local, order.action, command.deadlineMs, now, (outcome) => {
          afterActing(this.#agent, local, order.action, outcome);
          this.#finish(command, outcome, this.#goneProof(local, order.action, outcome));
        });
      }
      case 'confirm':
        return this.#agent.confirm(local, order.condition, command.deadlineMs, (answer) =>
          this.#finish(
            command,
            answer === 'holds'
              ? { kind: 'ok', detail: {} }
              : answer === 'unknown'
                ? { kind: 'unknown', reason: 'could not be confirmed in time' }
                : { kind: 'failed', code: 'does-not-hold', reason: 'it does not hold' },
          ),
        );
      case 'ask':
        return this.#agent.ask(local, order.question, command.deadlineMs, (outcome) => this.#finish(command, outcome));
    }
  }

  /** A delegate has no grant that would be missing: it is asked only while the record that this agent reads itself names this run, in this epoch. */
  #untimely({ group, epoch, run }: Command, action: InstanceAction): Extract<Outcome, { kind: 'refused' }> | null {
    if (action.kind !== 'take-over' && action.kind !== 'prove-gone') return null;
    const record = this.#agent.usableRecord(group);
    if (record !== null && record.epoch > Math.min(epoch, action.epoch))
      return { kind: 'refused', code: 'stale-epoch', reason: `the record is of epoch ${record.epoch}` };
    if (record?.run === run && record.epoch === action.epoch) return null;
    return { kind: 'refused', code: 'no-grant', reason: `the record does not name ${run} in epoch ${action.epoch}` };
  }

  #resumedAfter(run: string): boolean {
    const prefix = `${run}/${RESUME}/`;
    return (
      this.#agent.memory.done.some(({ key }) => key.startsWith(prefix)) ||
      [...this.#underWay.keys()].some((key) => key.startsWith(prefix))
    );
  }

  /** The agent has stored the epoch already (`admit`); now every running receiver here does. A possible writer is the fence step's. */
  #raiseEpoch(command: Command, components: readonly string[], now: number): void {
    const targets = [...this.#agent.locals.values()].filter(
      (local) =>
        components.includes(local.component.id) &&
        !local.mayWrite &&
        local.promotion === null &&
        local.observation?.process === 'running',
    );
    let waiting = targets.length;
    const failures: string[] = [];
    if (waiting === 0) return this.#finish(command, { kind: 'ok', detail: { receivers: 0 } });
    for (const local of targets)
      this.#agent.perform(local, { kind: 'fence', epoch: command.epoch }, command.deadlineMs, now, (outcome) => {
        waiting -= 1;
        if (outcome.kind !== 'ok') failures.push(`${local.instance.id}: ${outcome.reason}`);
        if (waiting > 0) return;
        this.#finish(
          command,
          failures.length === 0
            ? { kind: 'ok', detail: { receivers: targets.length } }
            : { kind: 'unknown', reason: failures.join('; ') },
        );
      });
  }

  #silence(command: Command, local: LocalInstance, gentle: boolean, holderEpoch: Epoch, now: number): void {
    // A late order about an earlier reign must not end the present one: the earlier ended when this one was promoted here.
    if (local.reignEpoch > holderEpoch)
      return this.#finish(
        command,
        { kind: 'ok', detail: {} },
        this.#proof(local, holderEpoch, local.silencedBy, `promoted here again at epoch ${local.reignEpoch}`),
      );
    this.promotionOvertaken(local);
    if (!local.mayWrite)
      return this.#finish(
        command,
        { kind: 'ok', detail: {} },
        this.#proof(local, holderEpoch, local.silencedBy, 'nothing of it is able to write'),
      );
    const { reign } = local;
    if (gentle)
      return this.#agent.perform(
        local,
        { kind: 'demote', epoch: command.epoch },
        command.deadlineMs / 2,
        now,
        (outcome, at) => {
          if (local.reign !== reign)
            return this.#finish(command, { kind: 'unknown', reason: 'it was promoted again meanwhile' });
          if (!local.mayWrite)
            return this.#finish(
              command,
              { kind: 'ok', detail: {} },
              this.#proof(local, holderEpoch, local.silencedBy, 'nothing of it is able to write'),
            );
          if (outcome.kind !== 'ok') return this.#kill(command, local, holderEpoch, at);
          this.#agent.silenced(local, 'demoted');
          this.#finish(
            command,
            outcome,
            this.#proof(local, holderEpoch, 'demoted', 'it confirmed that it has stopped and stored the newer epoch'),
          );
        },
      );
    this.#kill(command, local, holderEpoch, now);
  }

  #kill(command: Command, local: LocalInstance, holderEpoch: Epoch, now: number): void {
    local.killing = true;
    const { reign } = local;
    this.#agent.perform(local, { kind: 'kill' }, command.deadlineMs, now, (outcome) => {
      local.killing = false;
      if (local.reign !== reign)
        return this.#finish(command, { kind: 'unknown', reason: 'it was promoted again meanwhile' });
      if (outcome.kind !== 'ok') return this.#finish(command, outcome);
      this.#agent.silenced(local);
      this.#finish(
        command,
        outcome,
        this.#proof(local, holderEpoch, 'process-dead', 'killed, reaped, its process tree is empty'),
      );
    });
  }

  #proof(local: LocalInstance, holderEpoch: Epoch, method: FencingProof['method'], evidence: string): FencingProof {
    return {
      method,
      scope: local.instance.id,
      epoch: holderEpoch,
      sticky: { heal: true, reboot: true },
      evidence: `${this.#agent.config.host}: ${evidence}`,
    };
  }

  /** Of a delegate's holder. A host that starts anew forgets what kept it from starting; its lock stays as it became meanwhile. */
  #goneProof(local: LocalInstance, action: InstanceAction, outcome: ActionOutcome): FencingProof | null {
    if (action.kind !== 'prove-gone' || outcome.kind !== 'ok') return null;
    const { since, renewed, seen } = outcome.detail;
    if (typeof since !== 'number' || typeof renewed !== 'number') return null;
    const proof = this.#proof(local, action.epoch, 'process-dead', String(seen));
    return { ...proof, sticky: { heal: true, reboot: false }, lock: { since, renewed } };
  }

  #promote(
    command: Command,
    local: LocalInstance,
    { record, revision, leaseRevision }: Extract<Command['order'], { kind: 'promote' }>,
    now: number,
  ): void {
    // Revisions of another incarnation are of another history: taken over, they would hide what this one says from now on.
    const ofThisStore = record.incarnation === this.#agent.mirror.incarnation;
    if (ofThisStore)
      this.#agent.mirror.change([{ key: keys.group(command.group), value: record as never }], revision, now);
    const grant = this.#agent.usableRecord(command.group)?.grants[local.component.id];
    if (grant?.holder !== local.instance.id || grant.epoch > command.epoch)
      return this.#finish(command, {
        kind: 'refused',
        code: 'no-grant',
        reason: `the record does not name ${local.instance.id}`,
      });
    // One reign per epoch: what it wrote in this one before it ended may differ from what others hold.
    if (local.reignEpoch === grant.epoch && !local.mayWrite)
      return this.#finish(command, {
        kind: 'refused',
        code: 'reign-over',
        reason: `its reign in epoch ${grant.epoch} has ended; only a newer epoch begins another`,
      });
    local.promotion = {
      command,
      stage: 'lease',
      leaseRevision: ofThisStore ? leaseRevision : (0 as Revision),
      leaseWithin: now + command.deadlineMs,
    };
  }

  /** The lease of a promotion under way was renewed: now, and only now, it may become primary (I3). */
  leaseHeld(local: LocalInstance, now: number): void {
    const { promotion, lease } = local;
    if (promotion === null || lease === null || promotion.stage !== 'lease') return;
    promotion.stage = 'performing';
    const { command } = promotion;
    const needsStart = local.observation === null || local.observation.process !== 'running';
    if (!needsStart) return this.#performPromotion(local, now);
    this.#agent.perform(local, { kind: 'start' }, command.deadlineMs, now, (outcome, at) => {
      if (outcome.kind === 'ok' && local.promotion === promotion) return this.#performPromotion(local, at);
      if (local.promotion === promotion) local.promotion = null;
      this.#finish(
        command,
        outcome.kind === 'ok' ? { kind: 'unknown', reason: 'the promotion was overtaken' } : outcome,
      );
    });
  }

  /** Its lease did not come in time. Nothing was begun: that is certain, and whoever asked may ask again. */
  promotionExpired(local: LocalInstance): void {
    const { promotion } = local;
    if (promotion === null) return;
    local.promotion = null;
    const { command } = promotion;
    const reason = `the authority did not confirm its lease within ${command.deadlineMs} ms; this order has begun nothing`;
    this.#finish(command, { kind: 'failed', code: 'no-lease', reason });
  }

  promotionWithdrawn(local: LocalInstance): void {
    const { promotion } = local;
    if (promotion === null) return;
    local.promotion = null;
    this.#finish(promotion.command, { kind: 'refused', code: 'no-grant', reason: 'the grant was withdrawn' });
  }

  /** It is to stop instead. One that still waits for its lease is answered here, so that it can be asked for again. */
  promotionOvertaken(local: LocalInstance): void {
    const { promotion } = local;
    local.promotion = null;
    if (promotion?.stage === 'lease')
      this.#finish(promotion.command, { kind: 'unknown', reason: 'the promotion was overtaken' });
  }

  #performPromotion(local: LocalInstance, now: number): void {
    const { promotion, lease } = local;
    if (promotion === null || lease === null) return;
    const { command } = promotion;
    const record = this.#agent.usableRecord(command.group);
    const grant = record?.grants[local.component.id];
    if (!record || grant?.holder !== local.instance.id) {
      local.promotion = null;
      return this.#finish(command, { kind: 'refused', code: 'no-grant', reason: 'the grant was withdrawn' });
    }
    local.reignEpoch = grant.epoch;
    local.tradingSince = 0;
    this.#agent.willWrite(local);
    const action = {
      kind: 'promote',
      epoch: grant.epoch,
      leaseUntil: lease.deadline as MonoMs,
      ackSet: grant.ackSet,
      tradingEnabled: record.tradingEnabled,
      halted: mustHalt(local.component, record),
    } as const;
    this.#agent.perform(local, action, command.deadlineMs, now, (outcome, at) => {
      if (local.promotion === promotion) local.promotion = null;
      local.promotedAt = at;
      local.gateArmed(outcome);
      local.waitsFor = outcome.kind === 'ok' ? action.ackSet : null;
      local.toldHalt = outcome.kind === 'ok' ? action.halted : null;
      local.ackSetChangedAt = at;
      lease.retryAt(at);
      this.#finish(command, outcome);
    });
  }

  /** Only a certain success is remembered: anything else may be tried again, and says so. */
  #finish(command: Command, outcome: Outcome, proof: FencingProof | null = null): void {
    const latest = this.#underWay.get(command.key) ?? command;
    this.#underWay.delete(command.key);
    if (outcome.kind === 'ok' && isRemembered(command.order)) {
      // Raised again after a crash an epoch changes nothing, and it is on disk itself since `admit`: its answer waits for no disk.
      const durably = command.order.kind !== 'raise-epoch';
      this.#agent.rememberDone({ key: command.key, outcome: outcome as ActionOutcome, proof }, durably);
      this.#agent.evidence({
        kind: 'command-performed',
        instance: 'instance' in command.order ? command.order.instance : null,
        data: { key: command.key, order: command.order.kind, epoch: command.epoch, term: command.term },
      });
    }
    this.#answer(latest, outcome, proof, false);
  }

  #answer(command: Command, outcome: Outcome, proof: FencingProof | null, repeated: boolean): void {
    this.#agent.emit({
      kind: 'answer',
      outcome: { key: command.key, attempt: command.attempt, host: this.#agent.config.host, outcome, proof, repeated },
    });
  }
}
