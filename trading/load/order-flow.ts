import { monoMs } from './clock.ts';
import type { FrontsNow } from './fronts-now.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import { OrderMix } from './order-mix.ts';
import type { EngineOrder, OrderAnswer, OrderRequest, OrderSession } from './order-session.ts';
import type { OutageMeter } from './outage.ts';
import { seededRandom } from './random.ts';
import type { SendSchedule } from './send-schedule.ts';
import { SessionKeeper } from './session-keeper.ts';
import { type SentRequest, UnansweredRequests } from './unanswered-requests.ts';

export interface OrderCounts {
  sent: number;
  acked: number;
  /** Of what was sent and acknowledged, cancels. */
  cancelsSent: number;
  cancelsAcked: number;
  rejected: number;
  /** Left without an answer; resolved ones included. */
  unknown: number;
  resolvedAcked: number;
  resolvedAbsent: number;
  fills: number;
  cancelled: number;
  replaced: number;
  /** Due while there was no session to send on: never written, never sent. */
  unsent: number;
}

export interface OrderFlowOptions {
  readonly run: string;
  readonly clients: readonly string[];
  readonly symbols: readonly string[];
  readonly replacePercent: number;
  readonly seed: number;
  readonly fronts: FrontsNow;
  readonly probeEveryMs: number;
  readonly silentAfterMs: number;
  readonly unknownAfterMs: number;
  readonly ledger: LedgerWriter;
  readonly meter: OutageMeter;
  readonly schedule: SendSchedule;
  /** The ledger cannot be written any more: nothing may be sent. */
  readonly onFailure: (error: Error) => void;
}

interface Sender {
  readonly client: string;
  readonly mix: OrderMix;
  readonly unanswered: UnansweredRequests;
}

/**
 * The order half of the independent client. Open loop: requests are due by the clock, whatever the answers do. A request is
 * sent only after its intent is on this client's disk.
 */
export class OrderFlow {
  readonly #options: OrderFlowOptions;
  readonly #senders: Sender[];
  readonly #byClient = new Map<string, Sender>();
  readonly #keeper: SessionKeeper;
  readonly counts: OrderCounts = {
    sent: 0,
    acked: 0,
    cancelsSent: 0,
    cancelsAcked: 0,
    rejected: 0,
    unknown: 0,
    resolvedAcked: 0,
    resolvedAbsent: 0,
    fills: 0,
    cancelled: 0,
    replaced: 0,
    unsent: 0,
  };
  #turn = 0;
  #sweepTimer: NodeJS.Timeout | null = null;

  constructor(options: OrderFlowOptions) {
    this.#options = options;
    this.#senders = options.clients.map((client, index) => ({
      client,
      mix: new OrderMix({
        random: seededRandom(options.seed + index),
        symbols: options.symbols,
        replacePercent: options.replacePercent,
        prefix: `${client}-${options.run}`,
      }),
      unanswered: new UnansweredRequests(),
    }));
    for (const sender of this.#senders) this.#byClient.set(sender.client, sender);
    this.#keeper = new SessionKeeper({
      ...options,
      waitsSince: (client, at) =>
        (this.#byClient.get(client)?.unanswered.oldestSentAt() ?? Number.POSITIVE_INFINITY) < at,
      sink: {
        adopted: (client, session) => this.#adopted(client, session),
        answered: (answer, session) => this.#answered(answer, session),
        queried: (ids, orders, session) => this.#queried(ids, orders, session),
      },
    });
  }

  start(): void {
    this.#keeper.start();
    this.#sweepTimer = setInterval(() => this.#sweep(), sweepEveryMs);
    this.#options.schedule.start((due) => this.#due(due));
  }

  /** Resolves when all that was intended up to now has left: sending follows what it waits for, in order. */
  async sent(): Promise<void> {
    await this.#options.ledger.durable();
  }

  /** Ends sending, waits up to `drainMs` for answers, then records what is left as unknown. */
  async stop(drainMs: number): Promise<void> {
    this.#options.schedule.stop();
    const deadline = monoMs() + drainMs;
    while (
      monoMs() < deadline &&
      this.#senders.some(({ unanswered }) => unanswered.waiting.size + unanswered.unresolved.size > 0)
    ) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (this.#sweepTimer !== null) clearInterval(this.#sweepTimer);
    for (const sender of this.#senders) this.#giveUp(sender, { sentBefore: Number.POSITIVE_INFINITY, session: null });
    this.#keeper.close();
  }

  /** What is shown to people about the connections. */
  describe(): {
    readonly sessions: Readonly<Record<string, string | null>>;
    readonly unresolved: number;
    readonly staleLogons: number;
  } {
    const sessions: Record<string, string | null> = {};
    let unresolved = 0;
    for (const sender of this.#senders) {
      const session = this.#keeper.answering(sender.client);
      sessions[sender.client] = session === null ? null : `${session.site}/${session.instance}@${session.epoch}`;
      unresolved += sender.unanswered.unresolved.size;
    }
    return { sessions, unresolved, staleLogons: this.#keeper.staleLogons };
  }

  #due(count: number): void {
    const batch: SentRequest[] = [];
    for (let index = 0; index < count; index += 1) {
      const sender = this.#senders[this.#turn % this.#senders.length]!;
      this.#turn += 1;
      const session = this.#keeper.current(sender.client);
      if (session === null || !session.ready || session.congested) {
        this.counts.unsent += 1;
        continue;
      }
      batch.push(this.#intend(sender));
    }
    if (batch.length === 0) return;
    this.#options.ledger.durable().then(() => this.#send(batch), this.#options.onFailure);
  }

  #intend(sender: Sender): SentRequest {
    const { client } = sender;
    const request = sender.mix.next();
    const at = Date.now();
    if (request.t === 'cancel') {
      this.#options.ledger.append({ k: 'cancel', id: request.id, client, target: request.target, at });
    } else if (request.t === 'replace') {
      const { t: _, ...change } = request;
      this.#options.ledger.append({ k: 'replace', ...change, client, at });
    } else {
      const { t: _, ...terms } = request;
      this.#options.ledger.append({ k: 'new', ...terms, client, at });
    }
    const sent: SentRequest = { request, client, sentAt: monoMs(), session: null, unknown: false, askedAt: 0 };
    sender.unanswered.waiting.set(request.id, sent);
    return sent;
  }

  #send(batch: readonly SentRequest[]): void {
    const bySession = new Map<OrderSession, OrderRequest[]>();
    for (const sent of batch) {
      const session = this.#keeper.current(sent.client);
      if (session === null) continue;
      sent.session = session;
      const requests = bySession.get(session);
      if (requests === undefined) bySession.set(session, [sent.request]);
      else requests.push(sent.request);
    }
    for (const [session, requests] of bySession) session.send(requests);
    this.counts.sent += batch.length;
    this.counts.cancelsSent += batch.filter(({ request }) => request.t === 'cancel').length;
    this.#options.schedule.noteSent(batch[0]!.sentAt);
  }

  #answered(answer: OrderAnswer, session: OrderSession): void {
    const sender = this.#byClient.get(session.client)!;
    const at = Date.now();
    switch (answer.t) {
      case 'ack':
        this.#acked(sender, answer, at);
        return;
      case 'reject':
        this.#options.ledger.append({ k: 'rejected', id: answer.id, code: answer.code, at });
        if (sender.unanswered.settle(answer) !== null) this.counts.rejected += 1;
        sender.mix.ended(answer.id);
        return;
      case 'fill': {
        const { t: _, ...fields } = answer;
        this.#options.ledger.append({ k: 'fill', ...fields, at });
        this.counts.fills += 1;
        sender.mix.filled(answer.id, answer.qty);
        return;
      }
      case 'cancelled': {
        const { t: _, ...fields } = answer;
        this.#options.ledger.append({ k: 'cancelled', ...fields, at });
        this.counts.cancelled += 1;
        sender.mix.ended(answer.target);
        return;
      }
      case 'replaced': {
        const { t: _, ...fields } = answer;
        this.#options.ledger.append({ k: 'replaced', ...fields, at });
        this.counts.replaced += 1;
        sender.mix.replaced(answer.target, answer.qty);
        return;
      }
      default:
    }
  }

  #acked(sender: Sender, answer: OrderAnswer & { t: 'ack' }, at: number): void {
    const sent = sender.unanswered.settle(answer);
    if (sent === null) return;
    this.#options.ledger.append({ k: 'acked', id: answer.id, seq: answer.seq, epoch: answer.epoch, at });
    this.counts.acked += 1;
    if (sent.request.t === 'cancel') this.counts.cancelsAcked += 1;
    if (sent.request.t !== 'new') return;
    // Service is new risk accepted; who may only cancel has none.
    this.#options.meter.success(monoMs());
    sender.mix.opened(answer.id, sent.request.qty);
  }

  /** What was sent elsewhere may never be answered there: record it and ask the new session about it. */
  #adopted(client: string, session: OrderSession): void {
    const sender = this.#byClient.get(client)!;
    this.#giveUp(sender, { sentBefore: monoMs() - this.#options.unknownAfterMs, session });
    this.#ask(sender, session);
  }

  #sweep(): void {
    const sentBefore = monoMs() - this.#options.unknownAfterMs;
    for (const sender of this.#senders) {
      this.#giveUp(sender, { sentBefore, session: null });
      const session = this.#keeper.answering(sender.client);
      if (session !== null) this.#ask(sender, session);
    }
  }

  #giveUp(sender: Sender, options: { sentBefore: number; session: OrderSession | null }): void {
    for (const sent of sender.unanswered.giveUp(options)) {
      this.counts.unknown += 1;
      this.#options.ledger.append({ k: 'unknown', id: sent.request.id, at: Date.now() });
    }
  }

  #ask(sender: Sender, session: OrderSession): void {
    const now = monoMs();
    const ids: string[] = [];
    for (const sent of sender.unanswered.unresolved.values()) {
      if (now - sent.askedAt < askAgainAfterMs) continue;
      sent.askedAt = now;
      ids.push(sent.request.id);
      if (ids.length === maxIdsPerQuery) break;
    }
    if (ids.length > 0) session.query(ids);
  }

  #queried(ids: readonly string[], orders: readonly EngineOrder[], session: OrderSession): void {
    const sender = this.#byClient.get(session.client)!;
    const found = new Map(orders.map((order) => [order.id, order]));
    const at = Date.now();
    for (const id of ids) {
      const sent = sender.unanswered.unresolved.get(id);
      const order = found.get(id);
      if (sent === undefined || (order === undefined && !this.#certainlyAbsent(sent, session))) continue;
      sender.unanswered.unresolved.delete(id);
      if (order === undefined) {
        this.counts.resolvedAbsent += 1;
        this.#options.ledger.append({ k: 'resolved-absent', id, at });
      } else {
        this.counts.resolvedAcked += 1;
        this.#options.ledger.append({ k: 'resolved-acked', id, seq: order.seq, epoch: order.epoch, at });
        if (sent.request.t === 'new') sender.mix.opened(id, order.qty, order.filled);
      }
    }
  }

  /** On the session that it was sent on, the question came after it; elsewhere it may still be on its way for a while. */
  #certainlyAbsent(sent: SentRequest, session: OrderSession): boolean {
    return sent.session === session || sent.session === null || monoMs() - sent.sentAt > stillOnItsWayMs;
  }
}

const sweepEveryMs = 100;
const askAgainAfterMs = 500;
const stillOnItsWayMs = 3000;
const maxIdsPerQuery = 500;
