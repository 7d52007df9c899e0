/** So long a replica that is gone is told as lost, where nobody has to wait for it. */
const FORGOTTEN_AFTER_MS = 30_000;

/**
 * Who was connected to a primary, and when each was last heard. One that is gone is missed for half a minute, then forgotten: a member
 * of a cascade whose upstream was away has gone back to it. (One that must acknowledge is missed for ever; the settings name it.)
 */
export class KnownReplicas {
  readonly #seenAt = new Map<string, number>();
  readonly #replies = new Map<string, { readonly replyAt: number | null; readonly heardMs: number }>();

  hear(replicas: readonly { readonly name: string; readonly replyAt: number | null }[], nowMs: number): void {
    for (const { name, replyAt } of replicas) {
      if (!name.startsWith('holdfast-')) this.#seenAt.set(name, nowMs);
      const known = this.#replies.get(name);
      if (known === undefined || known.replyAt !== replyAt) this.#replies.set(name, { replyAt, heardMs: nowMs });
    }
    for (const [name, seenAt] of this.#seenAt) if (nowMs - seenAt > FORGOTTEN_AFTER_MS) this.#seenAt.delete(name);
  }

  /** It is no primary: whoever followed it follows somebody else. */
  forget(): void {
    this.#seenAt.clear();
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#seenAt.keys());
  }

  silentMs(nowMs: number): ReadonlyMap<string, number> {
    return new Map([...this.#replies].map(([name, { heardMs }]) => [name, nowMs - heardMs]));
  }
}
