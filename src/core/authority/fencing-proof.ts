import type { Epoch, InstanceId } from '../base/ids.ts';

/**
 * Why the old writer cannot write any more. Not a ladder: each component kind states a predicate over proofs
 * (`proofSuffices`).
 */
export interface FencingProof {
  readonly method: FencingMethod;
  readonly scope: InstanceId;
  /** Epoch whose holder this silences; a proof for an older one says nothing. */
  readonly epoch: Epoch;
  /** Still true after the network heals / after the host restarts. */
  readonly sticky: { readonly heal: boolean; readonly reboot: boolean };
  /** What was seen, in words, with numbers. */
  readonly evidence: string;
  /** Of a delegate's holder: its lock as the store had it before the look that found nothing of it. Absent: it has none. */
  readonly lock?: LockSeen;
}

/** A delegate's lock at one moment: revisions of its store. A lock of the same `renewed` was touched by nobody since. */
export interface LockSeen {
  readonly since: number;
  readonly renewed: number;
}

/**
 * `process-dead`: reaped by its supervisor and nothing of its process tree is left. `demoted`: it answered that it has
 * stopped and stored the newer epoch. `lease-expired`: its last renewal is older than the successor's wait and an
 * armed gate with a known bound was recorded in that renewal. `never-held`: no renewal was ever recorded under the
 * revoked grant, so nothing was released under it. `attested`: two named people say that its host is off, and
 * its last lease has run out.
 */
export type FencingMethod = 'process-dead' | 'demoted' | 'lease-expired' | 'never-held' | 'attested';
