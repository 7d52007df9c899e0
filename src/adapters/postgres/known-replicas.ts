import { latestOfEach, type ReplicationName } from './replication-name.ts';

/** So long a replica that is gone is told as lost, where nobody has to wait for it. */
const FORGOTTEN_AFTER_MS = 30_000;

/**
 * Who was connected to a primary, and when each was last heard. One that is gone is missed for half a minute, then forgotten: a member
 * of a cascade whose upstream was away has gone back to it. (One that must acknowledge is missed for ever; the settings name it.)
 */
export class KnownReplicas {
  readonly #seenAt = new Map<string, number>();
  readonly #replies = new Map<string, { readonly replyAt: number | null; readonly heardMs: number }>();

  hear(replicas: readonly (ReplicationName & { readonly replyAt: number | null })[], nowMs: number): void {
    for (const [instance, { replyAt }] of latestOfEach(replicas)) {
      if (!instance.startsWith('holdfast-')) this.#seenAt.set(instance, nowMs);
      const known = this.#replies.get(instance);
      if (known === undefined || known.replyAt !== replyAt) this.#replies.set(instance, { replyAt, heardMs: nowMs });
    }
    for (const [instance, seenAt] of this.#seenAt)
      if (nowMs - seenAt > FORGOTTEN_AFTER_MS) this.#seenAt.delete(instance);
  }

  /** It is no primary: whoever followed it follows somebody else. */
  forget(): void {
    this.#seenAt.clear();
  }

  get instances(): ReadonlySet<string> {
    return new Set(this.#seenAt.keys());
  }

  silentMs(nowMs: number): ReadonlyMap<string, number> {
    return new Map([...this.#replies].map(([instance, { heardMs }]) => [instance, nowMs - heardMs]));
  }
}
