import { type Revision, revision } from '../../core/base/ids.ts';
import type { StoreGuard, StoreSign } from './transaction-mapping.ts';

/** The furthest state of the store that a client knows of; its owner keeps it over restarts. */
export interface SeenMark {
  readonly incarnation: string;
  readonly revision: Revision;
  /** etcd's cluster id, decimal; absent = any. */
  readonly cluster?: string;
}

/**
 * Knows which data this client's owner works with, and proves when the store went back (ADR 0004): a linearizable answer of
 * the same incarnation whose tip is older than one seen before the question was asked, or which another cluster gave.
 *
 * The raft term proves nothing here: a member that campaigns alone shows a term that a healthy quorum never reached.
 */
export class StoreIdentity {
  #mark: SeenMark | null;
  /** Incarnation of the owner's last read: its revisions come from there. */
  #adopted: string | null = null;
  readonly #onMark: ((mark: SeenMark) => void) | undefined;

  constructor(mark: SeenMark | undefined, onMark: ((mark: SeenMark) => void) | undefined) {
    this.#mark = mark ?? null;
    this.#onMark = onMark;
  }

  get adopted(): string | null {
    return this.#adopted;
  }

  /** Take it before the question is asked; compare the answer with it. */
  get mark(): SeenMark | null {
    return this.#mark;
  }

  guard(incarnation: string): StoreGuard {
    return { incarnation, tip: this.#mark?.incarnation === incarnation ? this.#mark.revision : revision(0) };
  }

  /** The owner learns this incarnation by the read that is being answered. */
  adopt(incarnation: string): void {
    this.#adopted = incarnation;
  }

  saw(incarnation: string, at: Revision, cluster: string): void {
    const known = this.#mark;
    if (known?.incarnation === incarnation && known.revision >= at && known.cluster === cluster) return;
    const furthest = known?.incarnation === incarnation ? Math.max(known.revision, at) : at;
    this.#mark = { incarnation, revision: revision(furthest), cluster };
    this.#onMark?.(this.#mark);
  }
}

/** Why this answer proves that the data went back or was rebuilt; null when it proves nothing. */
export function rollBackProof(sign: StoreSign, markBefore: SeenMark | null): string | null {
  if (markBefore === null || sign.incarnation !== markBefore.incarnation) return null;
  if (sign.tip < markBefore.revision)
    return `its newest revision is ${sign.tip}, and ${markBefore.revision} had been seen`;
  if (markBefore.cluster !== undefined && sign.cluster !== markBefore.cluster)
    return `cluster ${sign.cluster} holds it, and cluster ${markBefore.cluster} did before`;
  return null;
}
