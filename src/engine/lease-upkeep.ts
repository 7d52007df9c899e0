import type { Grant } from '../core/authority/group-record.ts';
import type { Epoch, MonoMs, Revision } from '../core/base/ids.ts';
import type { AgentCore } from './agent-core.ts';
import type { CommandDesk } from './command-desk.ts';
import { HeldLease } from './held-lease.ts';
import { renewLease } from './lease-renewal.ts';
import type { LocalInstance } from './local-instance.ts';

/** A refusal or two may be a promotion that is about to be confirmed. */
const LEASE_REFUSALS = 3;

/**
 * How an agent keeps the leases of what it hosts: it renews one for as long as the record names its instance, in one transaction with
 * the record, tells the instance the new deadline, and ends a writer that has no right any more or could not be renewed in time.
 */
export class LeaseUpkeep {
  readonly #agent: AgentCore;
  readonly #desk: CommandDesk;

  constructor(agent: AgentCore, desk: CommandDesk) {
    this.#agent = agent;
    this.#desk = desk;
  }

  work(local: LocalInstance, grant: Grant | null, now: number): void {
    const mine = grant?.holder === local.instance.id;
    if (local.promotion?.stage === 'lease' && now >= local.promotion.leaseWithin) this.#desk.promotionExpired(local);
    if (!mine || grant === null) {
      local.lease?.forget();
      if (local.promotion?.stage === 'lease' && (grant !== null || this.#agent.isOfAnotherStore(local.group.id)))
        this.#desk.promotionWithdrawn(local);
      // Unknown record (authority not read yet): the lease that is left runs out by itself.
      if (!local.mayWrite) return;
      const asked =
        grant?.holder === null && grant.revoked?.instance === local.instance.id && !this.#overdue(local, now);
      if (asked && local.observation?.process !== 'frozen') this.#agent.stepDown(local, grant.epoch, now);
      else if (asked) this.#agent.selfFence(local, 'revoked, and it does not answer', now);
      else if (grant !== null || this.#overdue(local, now))
        this.#agent.selfFence(local, grant === null ? 'lease ran out' : 'the grant is no longer ours', now);
      return;
    }
    if (!local.mayWrite && local.promotion === null) return;
    local.lease ??= new HeldLease(this.#agent.timing, now);
    if (local.mayWrite && this.#overdue(local, now))
      return this.#agent.selfFence(local, 'the lease was not renewed in time', now);
    if (local.lease.due(now)) this.#renew(local, grant, local.lease, now);
  }

  #overdue(local: LocalInstance, now: number): boolean {
    local.lease ??= new HeldLease(this.#agent.timing, now);
    return now >= local.lease.deadline;
  }

  #renew(local: LocalInstance, { epoch }: Grant, lease: HeldLease, now: number): void {
    const { promotion } = local;
    renewLease(
      this.#agent,
      local,
      { epoch, lease, leaseRevision: promotion?.leaseRevision ?? null },
      now,
      (counter, at) => this.#renewed(local, epoch, lease, counter, at),
      () => {
        if (local.promotion !== null) local.promotion.leaseRevision = 0 as Revision;
      },
    );
  }

  #renewed(local: LocalInstance, epoch: Epoch, lease: HeldLease, counter: number, now: number): void {
    if (local.lease !== lease || local.killing) return;
    const sentAt = lease.confirmed(counter);
    if (sentAt === null || now >= lease.deadline) return;
    local.leaseCounter = Math.max(local.leaseCounter, counter);
    if (local.promotion?.stage === 'lease') return this.#desk.leaseHeld(local, now);
    // Also while it is being promoted: that may take longer than the lease that it began with.
    const { promotion } = local;
    if (local.mayWrite)
      this.#agent.perform(
        local,
        { kind: 'lease', epoch, leaseUntil: lease.deadline as MonoMs },
        this.#agent.timing.selfFenceAfterMs,
        now,
        (outcome, at) => {
          // It was not primary yet, or not open: nothing writes, and the promotion arms the gate again or fails.
          if (promotion !== null && outcome.kind !== 'ok') return;
          local.gateArmed(outcome);
          local.leaseRefusals = outcome.kind === 'failed' ? local.leaseRefusals + 1 : 0;
          // What refuses the lease of our grant is not what we promoted: it came up by itself, and serves nobody.
          if (
            outcome.kind === 'failed' &&
            local.leaseRefusals >= LEASE_REFUSALS &&
            local.mayWrite &&
            local.promotion === null
          )
            this.#agent.selfFence(local, `it refused its lease ${local.leaseRefusals} times: ${outcome.reason}`, at);
        },
      );
  }
}
