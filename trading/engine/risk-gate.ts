import { countField, type JsonRecord, parseRecord, textField } from '../base/json-record.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import type { TokenFile } from '../base/token-file.ts';
import { parseRiskMessage, type RiskMessage, type RiskRows } from '../risk/risk-message.ts';
import type { OrderState } from './order-state.ts';
import type { ClientSession } from './orders-port.ts';
import { type OrderInQuestion, RiskTable } from './risk-table.ts';

export interface RiskGateOptions {
  /** What a risk engine must show. */
  readonly token: TokenFile;
  /** An approval counts for so long, from when this engine asked for it. */
  readonly silentAfterMs: number;
  readonly askEveryMs: number;
  /** Whether orders that only take a position back pass while risk is silent. */
  readonly reducingPasses: boolean;
  readonly instance: string;
  readonly epoch: () => number;
  readonly state: () => OrderState;
  /** What the gate says to people has changed. */
  readonly onChanged: () => void;
}

/** Questions whose answers are still looked for. */
const ASKED = 64;
const PREFIX = '{"t":"risk';

/**
 * Lets new risk through only while a risk engine vouches for it. The approval is a lease on this engine's own clock: the engine
 * numbers its questions and the answer repeats the number, so that what lay in a socket while somebody was frozen is as old as the
 * question that it answers. Cancels never come here.
 */
export class RiskGate {
  readonly #options: RiskGateOptions;
  readonly #table = new RiskTable();
  readonly #askedAtMs = new Float64Array(ASKED);
  /** For the order path: filled in for each order instead of making an object. */
  readonly asked: OrderInQuestion = {
    client: -1,
    clientName: '',
    symbol: -1,
    symbolName: '',
    side: 0,
    price: 0,
    qty: 0,
    held: { filled: 0, qty: 0, notional: 0 },
  };
  #session: ClientSession | null = null;
  /** Of the newest risk engine ever heard; an older one is refused. */
  #epoch = 0;
  #seq = 0;
  #question = 0;
  #nextAskAtMs = 0;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #approved = false;
  #reason = 'no risk engine has spoken yet';
  #loaded = false;
  /** This session has sent its table. */
  #begun = false;
  #parts: RiskRows[] = [];
  #fresh = false;
  #refused = 0;

  constructor(options: RiskGateOptions) {
    this.#options = options;
  }

  /** A reign begins or ends: nothing that was approved before counts. */
  reset(): void {
    this.#session?.destroy();
    this.#session = null;
    this.#forget('no risk engine has spoken yet');
  }

  /** Why new risk is refused now, for people; null = it is not. */
  get problem(): string | null {
    if (!this.#fresh) {
      const heard = Number.isFinite(this.#heardAtMs) ? `for ${this.#options.silentAfterMs} ms or longer` : 'yet';
      return `risk-silent: no approval ${heard}; new orders are refused, cancels pass`;
    }
    return this.#approved && this.#loaded ? null : `risk-fail-safe: ${this.#reason}`;
  }

  get figures(): Readonly<Record<string, number>> {
    return {
      riskApproved: this.problem === null ? 1 : 0,
      riskHeardAgoMs: Number.isFinite(this.#heardAtMs) ? Math.round(monoNowMs() - this.#heardAtMs) : -1,
      riskEpoch: this.#epoch,
      riskRefused: this.#refused,
      riskClients: this.#table.clients,
      riskPairs: this.#table.pairs,
    };
  }

  /** Looks at the clock; then for each order of one turn `refusal` does not. */
  look(nowMs: number): void {
    const fresh = nowMs - this.#heardAtMs < this.#options.silentAfterMs;
    if (fresh === this.#fresh) return;
    this.#fresh = fresh;
    this.#options.onChanged();
  }

  /** Asks again when it is time. */
  tick(nowMs: number): void {
    this.look(nowMs);
    if (this.#session === null || nowMs < this.#nextAskAtMs) return;
    this.#ask(nowMs);
  }

  /** Why the new order in `asked` may not be taken in; null = it may. */
  refusal(): string | null {
    const { held } = this.asked;
    held.filled = 0;
    held.qty = 0;
    held.notional = 0;
    return this.#counted();
  }

  /** Why an order may not get this price and total quantity; null = it may. */
  replaceRefusal(order: number, price: number, qty: number): string | null {
    const state = this.#options.state();
    const { items } = state;
    const { asked } = this;
    asked.client = items.client(order);
    asked.clientName = state.name(asked.client);
    asked.symbol = items.about(order);
    asked.symbolName = state.name(asked.symbol);
    asked.side = items.side(order);
    asked.price = price;
    asked.qty = qty;
    const { held } = asked;
    held.filled = items.filled(order);
    held.qty = state.quantityOf(order);
    held.notional = state.priceOf(order) * (held.qty - held.filled);
    return this.#counted();
  }

  #counted(): string | null {
    const refusal = this.#refusal();
    if (refusal !== null) this.#refused += 1;
    return refusal;
  }

  #refusal(): string | null {
    if (!this.#loaded || !this.#approved) return this.#fresh ? 'risk-fail-safe' : 'risk-silent';
    if (!this.#fresh && !this.#options.reducingPasses) return 'risk-silent';
    return this.#table.refusal(this.asked, this.#options.state(), !this.#fresh);
  }

  /** An order or request was taken in; what is cancelled gives its room back with the next row. */
  took(item: number): void {
    if (this.#loaded) this.#table.took(item, this.#options.state());
  }

  /** True when the line was for the gate. */
  receive(session: ClientSession, line: string): boolean {
    if (!line.startsWith(PREFIX)) return false;
    const record = parseRecord(line);
    if (record?.t === 'risk-logon') this.#logon(session, record);
    else if (session === this.#session && record?.t === 'risk') this.#heard(session, record);
    else this.#refuse(session, 'bad-message');
    return true;
  }

  closed(session: ClientSession): void {
    if (session === this.#session) this.#session = null;
  }

  #logon(session: ClientSession, record: JsonRecord): void {
    const epoch = countField(record, 'epoch');
    const instance = textField(record, 'instance');
    if (!this.#options.token.accepts(record['token'])) return this.#refuse(session, 'unauthorized');
    if (epoch === null || instance === null) return this.#refuse(session, 'bad-message');
    if (epoch < this.#epoch) return this.#refuse(session, 'stale-epoch');
    if (this.#session !== session) this.#session?.destroy();
    // What a risk engine of this epoch has said stays in force until it would have run out; its table comes anew.
    if (epoch > this.#epoch) this.#forget(`${instance} has not approved yet`);
    this.#session = session;
    this.#epoch = epoch;
    this.#seq = 0;
    this.#begun = false;
    this.#parts = [];
    session.push(
      `${JSON.stringify({ t: 'risk-ok', instance: this.#options.instance, epoch: this.#options.epoch() })}\n`,
    );
    this.#ask(monoNowMs());
  }

  #ask(nowMs: number): void {
    this.#question += 1;
    this.#askedAtMs[this.#question % ASKED] = nowMs;
    this.#nextAskAtMs = nowMs + this.#options.askEveryMs;
    this.#session?.push(`{"t":"risk-ask","n":${this.#question}}\n`);
    this.#session?.flush();
  }

  #heard(session: ClientSession, record: JsonRecord): void {
    const message = parseRiskMessage(record);
    if (message === null || message.seq !== this.#seq + 1) return this.#refuse(session, 'bad-message');
    this.#seq = message.seq;
    if (message.table !== null) this.#take(session, message.table);
    if (this.#session === session) this.#note(message);
  }

  #take(session: ClientSession, rows: RiskRows): void {
    this.#parts.push(rows);
    if (rows.more) return;
    const parts = this.#parts;
    this.#parts = [];
    const first = parts[0]!;
    if (!this.#begun && !first.reset) return this.#refuse(session, 'bad-message');
    this.#begun = true;
    const all = {
      ...rows,
      reset: first.reset,
      clients: parts.flatMap((part) => part.clients),
      symbols: parts.flatMap((part) => part.symbols),
      pairs: parts.flatMap((part) => part.pairs),
    };
    this.#table.update(all, this.#options.state());
    this.#loaded = true;
  }

  #note({ echo, approved, reason }: RiskMessage): void {
    const answered = echo > 0 && echo <= this.#question && echo > this.#question - ASKED;
    if (answered) this.#heardAtMs = Math.max(this.#heardAtMs, this.#askedAtMs[echo % ASKED]!);
    if (approved !== this.#approved || reason !== this.#reason) {
      this.#approved = approved;
      this.#reason = reason;
      this.#options.onChanged();
    }
    this.look(monoNowMs());
  }

  #forget(reason: string): void {
    this.#table.clear();
    this.#loaded = false;
    this.#approved = false;
    this.#reason = reason;
    this.#heardAtMs = Number.NEGATIVE_INFINITY;
    this.#fresh = false;
    this.#parts = [];
    this.#options.onChanged();
  }

  #refuse(session: ClientSession, code: string): void {
    if (session === this.#session) this.#session = null;
    session.refuse(`${JSON.stringify({ t: 'risk-refused', code, epoch: this.#epoch })}\n`);
  }
}
