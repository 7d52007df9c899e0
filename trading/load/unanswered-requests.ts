import type { OrderAnswer, OrderRequest, OrderSession } from './order-session.ts';

/** What became of a request, as far as the client knows. Only `acked` is a promise of the firm. */
export interface SentRequest {
  readonly request: OrderRequest;
  readonly client: string;
  readonly sentAt: number;
  session: OrderSession | null;
  /** An intent is on disk and an `unknown` was recorded: to be resolved by asking. */
  unknown: boolean;
  askedAt: number;
}

/**
 * Requests of one client that have no answer yet, oldest first. `waiting` may still be answered in the ordinary way;
 * `unresolved` were recorded as unknown and will be asked about.
 */
export class UnansweredRequests {
  readonly waiting = new Map<string, SentRequest>();
  readonly unresolved = new Map<string, SentRequest>();

  oldestSentAt(): number | null {
    for (const sent of this.waiting.values()) return sent.sentAt;
    return null;
  }

  /** Removes and returns the request that this answer settles; null when it was settled before or is not ours. */
  settle(answer: Pick<OrderAnswer, 'id'>): SentRequest | null {
    const sent = this.waiting.get(answer.id) ?? this.unresolved.get(answer.id) ?? null;
    if (sent === null) return null;
    this.waiting.delete(answer.id);
    this.unresolved.delete(answer.id);
    return sent;
  }

  /** Moves what has waited too long, or was sent on another session than `session`, to the unresolved ones. */
  giveUp(options: { readonly sentBefore: number; readonly session: OrderSession | null }): SentRequest[] {
    const given: SentRequest[] = [];
    for (const [id, sent] of this.waiting) {
      const elsewhere = options.session !== null && sent.session !== null && sent.session !== options.session;
      if (sent.sentAt >= options.sentBefore && !elsewhere) continue;
      this.waiting.delete(id);
      sent.unknown = true;
      this.unresolved.set(id, sent);
      given.push(sent);
    }
    return given;
  }
}
