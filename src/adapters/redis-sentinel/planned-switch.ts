import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DialAddress } from '../system/dial.ts';
import type { RedisDriver } from './driver.ts';
import type { SentinelDriver } from './sentinel-driver.ts';

export interface PlannedSwitch {
  readonly epoch: Epoch;
  readonly from: { readonly address: DialAddress; readonly driver: RedisDriver };
  readonly to: { readonly address: DialAddress; readonly driver: RedisDriver };
  readonly sentinel: SentinelDriver;
  /** How long the replica may take to have everything; writers wait that long at most, and then go on. */
  readonly catchUpWithinMs: number;
}

/** What a switch came to, and at which step. `given-up`: the former primary takes writes again, as before. */
export type SwitchOutcome =
  | { readonly kind: 'ok' }
  | { readonly kind: 'given-up'; readonly step: SwitchStep; readonly reason: string }
  /** It was not found out whether the former primary still takes writes; nothing else was begun. */
  | { readonly kind: 'unknown'; readonly step: SwitchStep; readonly reason: string }
  /** Nobody may write until somebody looks: the former primary is closed, and the new one not open. */
  | { readonly kind: 'closed'; readonly step: SwitchStep; readonly reason: string };

export type SwitchStep = 'pause' | 'catch up' | 'close' | 'failover' | 'follow' | 'open';

const lookAgainAfterMs = 10;
/** A pause ends by itself when its driver is gone; it outlasts what is done under it. */
const pauseMarginMs = 2_000;

/**
 * Moves the primary of a set so that no acknowledged write is lost: writers wait, the replica is seen to have everything, the former
 * primary is closed for good, and only then the sentinels are asked. The new one is opened at the end, under the new epoch.
 */
export async function switchPrimary(wish: PlannedSwitch, options: CallOptions): Promise<SwitchOutcome> {
  const until = hostMonoMs() + options.deadlineMs;
  const left = (): CallOptions => ({ deadlineMs: until - hostMonoMs() });
  const { epoch, from, to, sentinel, catchUpWithinMs } = wish;
  const forMs = Math.ceil(catchUpWithinMs + pauseMarginMs);
  const paused = await from.driver.perform({ kind: 'pause-writes', epoch, forMs }, left());
  if (paused.kind !== 'ok') return giveUp(wish, 'pause', paused, left());
  const position = { history: String(paused.detail['history']), offset: Number(paused.detail['offset']) };
  const behind = await catchUp(wish, position, Math.min(until, hostMonoMs() + catchUpWithinMs));
  if (behind !== null) return giveUp(wish, 'catch up', { reason: behind }, left());
  const closed = await from.driver.perform({ kind: 'close', epoch }, left());
  if (closed.kind !== 'ok') return { kind: 'unknown', step: 'close', reason: closed.reason };
  // A pause may have run out before it was closed: what counts is how far it has come now that it is.
  const { replication, reasons } = await from.driver.observe(left());
  if (replication === null) return stopped('close', { reason: reasons.join('; ') });
  const missing = await catchUp(wish, replication, until);
  if (missing !== null) return stopped('catch up', { reason: missing });
  const moved = await sentinel.perform({ kind: 'failover', epoch, from: from.address, to: to.address }, left());
  if (moved.kind !== 'ok') return stopped('failover', moved);
  // Sentinel would tell it too, some seconds later.
  const followed = await from.driver.perform({ kind: 'follow', epoch, upstream: to.address }, left());
  if (followed.kind !== 'ok') return stopped('follow', followed);
  await from.driver.perform({ kind: 'resume-writes', epoch }, left());
  const opened = await openOnceFollowed(wish, until);
  return opened.kind === 'ok' ? { kind: 'ok' } : stopped('open', opened);
}

/** Null once the replica has everything up to there. */
async function catchUp(
  { to }: PlannedSwitch,
  position: { readonly history: string; readonly offset: number },
  until: number,
): Promise<string | null> {
  for (;;) {
    const caught = await to.driver.confirm({ kind: 'caught-up', ...position }, { deadlineMs: until - hostMonoMs() });
    if (caught === 'holds') return null;
    if (until - hostMonoMs() <= lookAgainAfterMs)
      return caught === 'unknown' ? 'it is not known how far the replica is' : 'the replica was still behind';
    await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
  }
}

/** A primary that nobody follows yet takes no writes: it is asked again until its replicas are there. */
async function openOnceFollowed({ to, epoch }: PlannedSwitch, until: number): Promise<ActionOutcome> {
  for (;;) {
    const opened = await to.driver.perform({ kind: 'open', epoch }, { deadlineMs: until - hostMonoMs() });
    const isEarly = opened.kind === 'failed' && (opened.code === 'no-replicas' || opened.code === 'not-primary');
    if (!isEarly || until - hostMonoMs() <= lookAgainAfterMs) return opened;
    await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
  }
}

async function giveUp(
  { from, epoch }: PlannedSwitch,
  step: SwitchStep,
  { reason }: { readonly reason: string },
  options: CallOptions,
): Promise<SwitchOutcome> {
  // Where this does not arrive the pause ends by itself.
  await from.driver.perform({ kind: 'resume-writes', epoch }, options);
  return { kind: 'given-up', step, reason };
}

const stopped = (step: SwitchStep, { reason }: { readonly reason: string }): SwitchOutcome => ({
  kind: 'closed',
  step,
  reason,
});
