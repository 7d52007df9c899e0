import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRecord } from '../base/json-record.ts';
import { SIDE_NUMBER } from '../engine/entry.ts';
import { OrderState } from '../engine/order-state.ts';
import { RiskTable } from '../engine/risk-table.ts';
import type { Quote } from '../market-data/price-follower.ts';
import { ApprovalTable } from './approval-table.ts';
import { ExposureBook } from './exposure-book.ts';
import { type Limits, parseRuleChange, RuleBook } from './limits.ts';
import { MarketReferences, marketPrice, type Prices } from './market-reference.ts';
import { parseRiskMessage, type RiskRows, riskRecord } from './risk-message.ts';

const quoteOf = (bid: number, ask: number, lastPrice: number): Quote => ({
  bid,
  bidLots: bid === 0 ? 0 : 5,
  ask,
  askLots: ask === 0 ? 0 : 5,
  lastPrice,
  phase: 'continuous',
});

/** A market that is as the test says, and an engine that is told what a risk engine makes of it. */
class Market implements Prices {
  readonly quotes = new Map<string, Quote>();
  ageMs: number | null = 0;
  stale = false;
  readonly rules: RuleBook;
  readonly references: MarketReferences;
  readonly #table = new RiskTable();
  readonly #approvals: ApprovalTable;

  constructor(limits: Readonly<Record<string, Limits>>) {
    const rules = Object.entries(limits).map(
      ([name, each]) => ({ scope: 'symbol', name, killed: false, limits: each }) as const,
    );
    this.rules = RuleBook.of(rules);
    this.references = new MarketReferences(this.rules, this);
    this.#approvals = new ApprovalTable(this.rules, new ExposureBook(), this.references);
    for (const rows of this.#approvals.all()) this.#tell(rows);
  }

  get symbols(): Iterable<string> {
    return this.quotes.keys();
  }

  quote(symbol: string): Quote | null {
    return this.quotes.get(symbol) ?? null;
  }

  /** The lowest and the highest price that the engine takes, of those asked; null = it takes none. */
  taken(symbol: string, from = 1, through = 200): readonly [number, number] | null {
    this.references.look();
    for (const rows of this.#approvals.changes()) this.#tell(rows);
    const held = { filled: 0, qty: 0, notional: 0 };
    const order = { client: -1, clientName: 'c', symbol: -1, symbolName: symbol, side: SIDE_NUMBER.B, qty: 1, held };
    const prices = Array.from({ length: through - from + 1 }, (_, at) => from + at);
    const refusals = prices.map((price) => this.#table.refusal({ ...order, price }, new OrderState(), false));
    assert.ok(refusals.every((code) => code === null || code === 'limit-price'));
    const passed = prices.filter((_, at) => refusals[at] === null);
    return passed.length === 0 ? null : [passed[0]!, passed.at(-1)!];
  }

  #tell(rows: RiskRows): void {
    const line = JSON.stringify(riskRecord({ seq: 1, echo: 1, approved: true, reason: '', table: rows }));
    this.#table.update(parseRiskMessage(parseRecord(line)!)!.table!, new OrderState());
  }
}

const following: Limits = { maxReferenceAgeMs: 2000, maxDeviationBps: 1000 };

test('a collar moves with the last trade, and with the best prices where the market has left it', () => {
  const market = new Market({ X: following });
  market.quotes.set('X', quoteOf(99, 101, 100));
  assert.deepEqual(market.taken('X'), [90, 110]);
  market.quotes.set('X', quoteOf(119, 121, 120));
  assert.deepEqual(market.taken('X'), [108, 132]);
  market.quotes.set('X', quoteOf(58, 60, 120));
  assert.deepEqual(market.taken('X'), [54, 66], 'what is offered below the last trade is the price');
  market.quotes.set('X', quoteOf(99, 104, 0));
  assert.deepEqual(market.taken('X'), [91, 111], 'the middle, rounded down, where it never traded');
});

test('a crossed or one-sided book counts for nothing, the last trade does', () => {
  assert.equal(marketPrice(quoteOf(110, 90, 100)), 100);
  assert.equal(marketPrice(quoteOf(100, 100, 80)), 80);
  assert.equal(marketPrice(quoteOf(110, 90, 0)), null);
  assert.equal(marketPrice(quoteOf(110, 0, 100)), 100);
  assert.equal(marketPrice(quoteOf(0, 0, 0)), null);
  const market = new Market({ X: following });
  market.quotes.set('X', quoteOf(110, 90, 0));
  assert.equal(market.taken('X'), null);
});

test('a silent market, a gap and stale data close a collar that has no fallback, and open the one that has', () => {
  const market = new Market({ X: following, Y: { ...following, fallbackPrice: 50 } });
  for (const symbol of ['X', 'Y']) market.quotes.set(symbol, quoteOf(99, 101, 100));
  const both = () => [market.taken('X'), market.taken('Y')];
  const known = [
    [90, 110],
    [90, 110],
  ];
  const unknown = [null, [45, 55]];
  assert.deepEqual(both(), known);
  market.ageMs = 2000;
  assert.deepEqual(both(), known);
  // A gap that is not filled and a service that is silent are an age that grows.
  market.ageMs = 2001;
  assert.deepEqual(both(), unknown);
  market.ageMs = 100;
  assert.deepEqual(both(), known);
  market.stale = true;
  assert.deepEqual(both(), unknown);
  market.stale = false;
  market.ageMs = null;
  assert.deepEqual(both(), unknown, 'nothing was ever told');
  assert.deepEqual(market.references.figures, { references: 2, referencesUnknown: 2 });
});

test('a symbol that market data never told of, and a firm without market data, have no reference', () => {
  const market = new Market({ '*': following, FIXED: { referencePrice: 100 } });
  market.quotes.set('X', quoteOf(99, 101, 100));
  assert.deepEqual(market.taken('X'), [90, 110]);
  assert.equal(market.taken('NEVER'), null);
  assert.deepEqual(market.taken('FIXED'), [90, 110], 'its own price comes first');
  const rules = RuleBook.of([{ scope: 'symbol', name: 'X', killed: false, limits: following }]);
  assert.equal(new MarketReferences(rules, null).of('X'), null);
});

test('an engine is told of a symbol only when its reference became another one', () => {
  const market = new Market({ '*': following });
  market.quotes.set('X', quoteOf(99, 101, 100));
  assert.equal(market.references.look(), true);
  assert.deepEqual([...market.references.takeChanged()], ['X']);
  market.ageMs = 1500;
  market.quotes.set('X', quoteOf(98, 102, 100));
  assert.equal(market.references.look(), false);
});

test('a rule that leaves it open which reference counts is refused', () => {
  const asked = (name: string, limits: Limits) => parseRuleChange({ t: 'change', scope: 'symbol', name, limits });
  assert.match(String(asked('X', { referencePrice: 5, maxReferenceAgeMs: 2000 })), /not both/);
  assert.match(String(asked('X', { referencePrice: 5, fallbackPrice: 5 })), /not both/);
  assert.match(String(asked('*', { fallbackPrice: 5 })), /of one symbol/);
  assert.match(String(asked('X', { maxReferenceAgeMs: 1000 })), /1500 or more/);
  assert.equal(typeof asked('*', following), 'object');
});
