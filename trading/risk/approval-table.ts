import type { ClientExposure, ExposureBook } from './exposure-book.ts';
import { type RuleBook, unlimited } from './limits.ts';
import { MarketReferences } from './market-reference.ts';
import type { ClientRow, FirmRow, PairRow, RiskRows, SymbolRow } from './risk-message.ts';

/** Rows in one message: far below what a line may hold. */
const rowsAtOnce = 500;

/**
 * What limits and exposures leave room for, as rows for an engine. Computes anew what changed since it was asked last, so that a
 * fill costs as much as its client holds symbols, however many clients there are.
 */
export class ApprovalTable {
  readonly #rules: RuleBook;
  readonly #book: ExposureBook;
  readonly #references: MarketReferences;
  readonly #known = new Map<string, ClientExposure>();
  #openNotional = 0;
  #heldNotional = 0;
  #loss = 0;

  constructor(rules: RuleBook, book: ExposureBook, references = new MarketReferences(rules, null)) {
    this.#rules = rules;
    this.#book = book;
    this.#references = references;
  }

  /** Everything; it voids what was there before. */
  all(): readonly RiskRows[] {
    this.#refresh(this.#book.takeChanged());
    this.#references.look();
    this.#references.takeChanged();
    const clients = union(['*'], this.#rules.names('client'), this.#book.clients);
    const symbols = union(['*'], this.#rules.names('symbol'), [...this.#references.followed]);
    const pairs = this.#book.clients.flatMap((client) => this.#pairsOf(client));
    const parts = this.#parts({
      clients: clients.map((name) => this.#clientRow(name)),
      symbols: symbols.map((name) => this.#symbolRow(name)),
      pairs,
    });
    return parts.map((part, index) => ({ ...part, reset: index === 0 }));
  }

  /** What changed since the last call of either; empty when nothing did. */
  changes(): readonly RiskRows[] {
    const changed = this.#book.takeChanged();
    const moved = this.#references.takeChanged();
    if (changed.size === 0 && moved.size === 0) return [];
    this.#refresh(changed);
    const clients = [...changed].map((name) => this.#clientRow(name));
    const symbols = [...moved].map((name) => this.#symbolRow(name));
    return this.#parts({ clients, symbols, pairs: [...changed].flatMap((client) => this.#pairsOf(client)) });
  }

  #parts(rows: {
    readonly clients: readonly ClientRow[];
    readonly symbols: readonly SymbolRow[];
    readonly pairs: readonly PairRow[];
  }): readonly RiskRows[] {
    const common = { reset: false, more: false, through: this.#book.through, firm: this.#firmRow() };
    const none = { clients: [], symbols: [], pairs: [] };
    const parts: RiskRows[] = [
      ...chunks(rows.clients).map((clients) => ({ ...common, ...none, clients })),
      ...chunks(rows.symbols).map((symbols) => ({ ...common, ...none, symbols })),
      ...chunks(rows.pairs).map((pairs) => ({ ...common, ...none, pairs })),
    ];
    const small = rows.clients.length + rows.symbols.length + rows.pairs.length <= rowsAtOnce;
    return small ? [{ ...common, ...rows }] : parts.map((part, n) => ({ ...part, more: n < parts.length - 1 }));
  }

  #refresh(changed: ReadonlySet<string>): void {
    for (const name of changed) {
      const before = this.#known.get(name);
      const now = this.#book.client(name);
      this.#known.set(name, now);
      this.#openNotional += now.openNotional - (before?.openNotional ?? 0);
      this.#heldNotional += now.heldNotional - (before?.heldNotional ?? 0);
      this.#loss += now.loss - (before?.loss ?? 0);
    }
  }

  #firmRow(): FirmRow {
    const rules = this.#rules;
    return {
      killed: rules.firmKilled,
      losing: this.#loss > rules.limit('firm', '', 'maxLoss'),
      maxOpenOrders: rules.limit('firm', '', 'maxOpenOrders'),
      exposureRoom: roomOf(rules.limit('firm', '', 'maxExposure'), this.#openNotional + this.#heldNotional),
    };
  }

  #clientRow(name: string): ClientRow {
    const rules = this.#rules;
    const { openNotional, heldNotional, loss } = this.#known.get(name) ?? nothing;
    const bound = (limit: Parameters<RuleBook['limit']>[2]) => rules.limit('client', name, limit);
    return {
      name,
      killed: rules.killed('client', name),
      losing: loss > bound('maxLoss'),
      maxOrderQty: bound('maxOrderQty'),
      maxOrderNotional: bound('maxOrderNotional'),
      maxOpenOrders: bound('maxOpenOrders'),
      maxPosition: bound('maxPosition'),
      exposureRoom: roomOf(bound('maxExposure'), openNotional + heldNotional),
    };
  }

  #symbolRow(name: string): SymbolRow {
    const bound = (limit: Parameters<RuleBook['limit']>[2]) => this.#rules.limit('symbol', name, limit);
    return {
      name,
      killed: this.#rules.killed('symbol', name),
      maxOrderQty: bound('maxOrderQty'),
      maxOrderNotional: bound('maxOrderNotional'),
      maxPosition: bound('maxPosition'),
      ...this.#rules.collar(name, this.#references.of(name)),
    };
  }

  #pairsOf(client: string): readonly PairRow[] {
    const own = this.#rules.limit('client', client, 'maxPosition');
    return this.#book.symbolsOf(client).map((symbol) => {
      const { lots, openBuy, openSell } = this.#book.pair(client, symbol);
      const limit = Math.min(own, this.#rules.limit('symbol', symbol, 'maxPosition'));
      return {
        client,
        symbol,
        buyRoom: roomOf(limit, lots + openBuy),
        sellRoom: roomOf(limit, openSell - lots),
        reduceBuy: Math.max(0, -lots - openBuy),
        reduceSell: Math.max(0, lots - openSell),
      };
    });
  }
}

const nothing: ClientExposure = { openOrders: 0, openNotional: 0, heldNotional: 0, loss: 0 };

/** Without a limit there is always room; what is used may be below zero where a position takes the other side. */
const roomOf = (limit: number, used: number): number =>
  limit === unlimited ? unlimited : Math.min(unlimited, Math.max(0, limit - used));

const union = (...lists: readonly (readonly string[])[]): readonly string[] => [...new Set(lists.flat())];

const chunks = <Each>(rows: readonly Each[]): readonly (readonly Each[])[] =>
  Array.from({ length: Math.ceil(rows.length / rowsAtOnce) }, (_, n) =>
    rows.slice(n * rowsAtOnce, (n + 1) * rowsAtOnce),
  );
