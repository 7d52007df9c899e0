import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import { isCandidate, type SetMember } from '../../core/replication/promotion-candidate.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DialAddress } from '../system/dial.ts';
import { candidatePriority, type RedisDriver, type RedisObservation } from './driver.ts';
import type { RedisReplication } from './parse.ts';

export interface RedisPeer {
  readonly instance: InstanceId;
  readonly address: DialAddress;
  readonly driver: RedisDriver;
}

/** Of the time for one look: whoever leads may be frozen. */
const leadingShare = 0.5;

/**
 * Whether sentinels may promote one server. It starts as one that they may not, and is let be only when it was seen to have what the
 * leading one has ({@link isCandidate}); what is not seen changes nothing. Each change is such that one cut short leaves it barred.
 */
export class PromotionStanding {
  readonly #own: RedisPeer;
  readonly #eligible: boolean;
  /** Of one life of its process, and one history. */
  #admitted: { readonly runId: string; readonly history: string } | null = null;
  #why: string | null = null;
  #changing: Promise<unknown> = Promise.resolve();

  constructor(own: RedisPeer, options: { readonly eligible: boolean }) {
    this.#own = own;
    this.#eligible = options.eligible;
  }

  /** Why sentinels may not promote it; null = they may, or nobody has looked. */
  get why(): string | null {
    return this.#why;
  }

  get isCandidate(): boolean {
    return this.#admitted !== null;
  }

  /** Once nothing is under way at the server. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#changing]);
  }

  /** @param stillAsked false: something else was decided meanwhile, and nothing is changed */
  async keep(
    leading: RedisPeer,
    {
      epoch: told,
      until,
      stillAsked,
    }: { readonly epoch: Epoch; readonly until: number; readonly stillAsked: () => boolean },
  ): Promise<void> {
    const { driver } = this.#own;
    const before = await driver.observe({ deadlineMs: until - hostMonoMs() });
    this.#forget(before);
    if (this.#isSteady(before, leading)) return;
    const there = await leading.driver.observe({ deadlineMs: (until - hostMonoMs()) * leadingShare });
    const here = await driver.observe({ deadlineMs: until - hostMonoMs() });
    this.#forget(here);
    if (here.server === null || here.replication === null) return;
    const own = memberOf(here.replication, leading);
    const verdict = this.#verdict(own, there.replication === null ? null : memberOf(there.replication, leading));
    if (verdict === null || !stillAsked()) return;
    this.#why = verdict ? null : shortfall(here.replication, own);
    const { runId } = here.server;
    // A copy has the epoch of the one that leads, which may have been told a newer one first.
    const epoch = Math.max(told, here.storedEpoch ?? 0) as Epoch;
    this.#changing = verdict
      ? this.admit(epoch, { runId, history: own.history, until })
      : this.#bar(leading, { epoch, until, seen: here });
    await this.#changing;
  }

  /** Whatever it has: somebody has decided that it is to lead. */
  async admit(
    epoch: Epoch,
    { until, ...life }: { readonly runId: string; readonly history: string; readonly until: number },
  ): Promise<void> {
    const admitted = await this.#own.driver.perform({ kind: 'admit', epoch }, { deadlineMs: until - hostMonoMs() });
    if (admitted.kind === 'ok') this.#admitted = life;
  }

  async #bar(
    { address }: RedisPeer,
    { epoch, until, seen }: { readonly epoch: Epoch; readonly until: number; readonly seen: RedisObservation },
  ): Promise<void> {
    const { driver } = this.#own;
    this.#admitted = null;
    const barred = await driver.perform({ kind: 'bar', epoch }, { deadlineMs: until - hostMonoMs() });
    const upstream = seen.replication?.upstream ?? null;
    // Sentinels do not get there any more.
    const isLost = upstream === null || upstream.host !== address.host || upstream.port !== address.port;
    if (barred.kind !== 'ok' || !isLost || seen.openFor?.length !== 0) return;
    await driver.perform({ kind: 'follow', epoch, upstream: address }, { deadlineMs: until - hostMonoMs() });
  }

  #verdict(own: SetMember, leading: SetMember | null): boolean | null {
    const verdict = isCandidate(own, leading, this.isCandidate);
    return this.#eligible || verdict === null ? verdict : false;
  }

  /** A process that was started anew has what it starts with, and one that has led since has nothing of it. */
  #forget({ server, priority }: RedisObservation): void {
    if ((server !== null && server.runId !== this.#admitted?.runId) || priority === 0) this.#admitted = null;
  }

  #isSteady({ replication, priority }: RedisObservation, leading: RedisPeer): boolean {
    if (this.#admitted === null || replication === null || priority !== candidatePriority) return false;
    return replication.history === this.#admitted.history && memberOf(replication, leading).follows;
  }
}

function memberOf({ role, history, offset, upstream }: RedisReplication, { address }: RedisPeer): SetMember {
  const isThere = upstream?.host === address.host && upstream.port === address.port;
  return { primary: role === 'primary', history, offset, follows: isThere && upstream.linkUp && !upstream.syncing };
}

function shortfall({ upstream }: RedisReplication, { primary, follows }: SetMember): string {
  if (primary || upstream === null) return 'it does not follow the one that leads';
  if (upstream.syncing) return 'it copies everything first';
  return follows ? 'it does not have everything yet' : 'it does not reach the one that leads';
}
