import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRecord } from '../base/json-record.ts';
import { parseEntry } from '../oms/journal-entry.ts';
import { ApprovalTable } from '../risk/approval-table.ts';
import { ExposureBook } from '../risk/exposure-book.ts';
import { RuleBook, type Scope, unlimited } from '../risk/limits.ts';
import { parseRiskMessage, type RiskRows, riskRecord } from '../risk/risk-message.ts';
import { applyEntries } from '../testing/journalled.ts';
import { entryText } from './client-protocol.ts';
import { type Entry, SIDE_NUMBER, type Side } from './entry.ts';
import { OrderState } from './order-state.ts';
import { type OrderInQuestion, RiskTable } from './risk-table.ts';

const clients = ['c1', 'c2', 'c3'];
const symbols = ['AB', 'CD'];

const rule = (scope: Scope, name: string, limits: object) => ({ scope, name, killed: false, limits });

/** An engine, a risk engine that is behind it, and one that is not. */
class World {
  readonly state = new OrderState();
  readonly table = new RiskTable();
  readonly now = new ExposureBook();
  readonly rules: RuleBook;
  readonly #behind = new ExposureBook();
  readonly #approvals: ApprovalTable;
  readonly #entries: Entry[] = [];
  #reports = 0;
  #reset = true;

  constructor(rules: RuleBook) {
    this.rules = rules;
    this.#approvals = new ApprovalTable(rules, this.#behind);
    this.publish(0);
  }

  add(entry: Entry): void {
    applyEntries(this.state, [entry]);
    this.#entries.push(entry);
    this.now.apply(this.#delivered(this.#entries.length));
    if (entry.kind === 'order' || entry.kind === 'replace') this.table.took(this.state.items.count - 1, this.state);
  }

  get report(): number {
    this.#reports += 1;
    return this.#reports;
  }

  /** The risk engine takes in so many more entries, and says what changed. */
  publish(count: number): void {
    const end = Math.min(this.#entries.length, this.#behind.through + count);
    while (this.#behind.through < end) this.#behind.apply(this.#delivered(this.#behind.through + 1));
    const parts = this.#reset ? this.#approvals.all() : this.#approvals.changes();
    this.#reset = false;
    if (parts.length > 0) this.table.update(onTheWire(parts[0]!), this.state);
  }

  get upToDate(): boolean {
    return this.#behind.through === this.#entries.length;
  }

  refusal(terms: Pick<OrderInQuestion, 'clientName' | 'symbolName' | 'price' | 'qty'>, side: Side, silent = false) {
    const asked = {
      ...terms,
      client: this.state.findText(terms.clientName),
      symbol: this.state.findText(terms.symbolName),
      side: SIDE_NUMBER[side],
      held: { filled: 0, qty: 0, notional: 0 },
    };
    return this.table.refusal(asked, this.state, silent);
  }

  /** Why an order may not get this price and total. */
  replaceRefusal(order: number, price: number, qty: number): string | null {
    const { items } = this.state;
    const held = { filled: items.filled(order), qty: this.state.quantityOf(order), notional: 0 };
    held.notional = this.state.priceOf(order) * (held.qty - held.filled);
    const [client, symbol] = [items.client(order), items.about(order)];
    const names = { clientName: this.state.name(client), symbolName: this.state.name(symbol) };
    const asked = { ...names, client, symbol, side: items.side(order), price, qty, held };
    return this.table.refusal(asked, this.state, false);
  }

  #delivered(seq: number) {
    const entry = parseEntry(parseRecord(entryText(seq, 1, this.#entries[seq - 1]!, () => 'v'))!);
    assert.ok(entry !== null);
    return entry;
  }
}

const onTheWire = (table: RiskRows): RiskRows => {
  const message = { seq: 1, echo: 0, approved: true, reason: 'no reason given', table };
  const parsed = parseRiskMessage(parseRecord(JSON.stringify(riskRecord(message)))!);
  assert.deepEqual(parsed, message);
  return parsed!.table!;
};

/** Lots to one side if everything that is open there were executed. */
const worst = (book: ExposureBook, client: string, symbol: string, side: Side): number => {
  const { lots, openBuy, openSell } = book.pair(client, symbol);
  return side === 'B' ? lots + openBuy : openSell - lots;
};

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...['order', 'order', 'order', 'fill', 'fill', 'cancelled', 'publish', 'publish', 'publish-all'],
      ...['replace', 'replace', 'replaced', 'replaced', 'replace-rejected'],
    ),
    client: fc.constantFrom(...clients),
    symbol: fc.constantFrom(...symbols),
    side: fc.constantFrom<Side>('B', 'S'),
    price: fc.integer({ min: 1, max: 9 }),
    qty: fc.integer({ min: 1, max: 12 }),
    pick: fc.nat(1000),
    silent: fc.boolean(),
  }),
  { maxLength: 120, size: 'max' },
);

test('however late the risk engine is, no order passes that a limit forbids, and none is refused that a current one allows', () => {
  fc.assert(
    fc.property(steps, (drawn) => {
      const rules = RuleBook.of([
        rule('firm', '', { maxExposure: 900 }),
        rule('client', '*', { maxPosition: 30, maxExposure: 400, maxOpenOrders: 12 }),
        rule('client', 'c2', { maxPosition: 15 }),
        rule('symbol', 'CD', { maxPosition: 20, maxOrderQty: 10 }),
      ]);
      const world = new World(rules);
      const open: { id: string; client: string; symbol: string; side: Side; filled: number; qty: number }[] = [];
      const asked: { id: string; target: string; price: number; qty: number }[] = [];
      let number = 0;
      for (const { kind, client, symbol, side, price, qty, pick, silent } of drawn) {
        if (kind === 'publish') world.publish(pick % 7);
        else if (kind === 'publish-all') world.publish(1000);
        else if (kind === 'order') {
          const before = world.now.pair(client, symbol);
          const refusal = world.refusal({ clientName: client, symbolName: symbol, price, qty }, side, silent);
          const limit = Math.min(
            rules.limit('client', client, 'maxPosition'),
            rules.limit('symbol', symbol, 'maxPosition'),
          );
          const reduces = qty <= (side === 'B' ? -before.lots - before.openBuy : before.lots - before.openSell);
          if (silent && refusal === null) assert.ok(reduces, 'only what reduces passes while risk is silent');
          if (refusal === null && !reduces) assert.ok(worst(world.now, client, symbol, side) + qty <= limit);
          if (refusal === 'limit-position' && world.upToDate)
            assert.ok(worst(world.now, client, symbol, side) + qty > limit);
          const { openNotional, heldNotional } = world.now.client(client);
          const used = openNotional + heldNotional + price * qty;
          if (refusal === 'limit-exposure' && world.upToDate)
            assert.ok(
              used > rules.limit('client', client, 'maxExposure') ||
                clients.reduce((sum, each) => {
                  const { openNotional: orders, heldNotional: held } = world.now.client(each);
                  return sum + orders + held;
                }, price * qty) > 900,
            );
          if (refusal === 'limit-quantity') assert.ok(symbol === 'CD' && qty > 10);
          if (refusal !== null) continue;
          const id = `o${++number}`;
          world.add({ kind: 'order', id, client, symbol, side, price, qty, at: 1 });
          open.push({ id, client, symbol, side, filled: 0, qty });
        } else if (kind === 'replaced' || kind === 'replace-rejected') {
          const [request] = asked.splice(pick % Math.max(1, asked.length), 1);
          if (request === undefined) continue;
          const { id, target } = request;
          const order = open.find((each) => each.id === target);
          const n = world.report;
          if (kind === 'replaced' && order !== undefined && request.qty > order.filled) {
            world.add({ kind, n, ...request });
            order.qty = request.qty;
          } else world.add({ kind: 'replace-rejected', n, id, target, code: 'too-late' });
        } else if (open.length > 0) {
          const order = open[pick % open.length]!;
          const lots = Math.min(order.qty - order.filled, qty);
          if (kind === 'replace') {
            if (qty <= order.filled) continue;
            const item = world.state.findId(order.id);
            const growth = qty - world.state.quantityOf(item);
            const before = worst(world.now, order.client, order.symbol, order.side);
            const refusal = world.replaceRefusal(item, price, qty);
            const limit = Math.min(
              rules.limit('client', order.client, 'maxPosition'),
              rules.limit('symbol', order.symbol, 'maxPosition'),
            );
            if (refusal === null && growth > 0) assert.ok(before + growth <= limit);
            if (refusal === 'limit-position' && world.upToDate) assert.ok(before + growth > limit);
            if (refusal === 'limit-quantity') assert.ok(order.symbol === 'CD' && qty > 10);
            if (refusal !== null) continue;
            const request = { id: `r${++number}`, target: order.id, price, qty };
            world.add({ kind: 'replace', client: order.client, at: 1, ...request });
            asked.push(request);
            continue;
          }
          if (kind === 'fill')
            world.add({ kind: 'fill', n: world.report, id: order.id, exec: `x${world.now.through}`, price, qty: lots });
          else world.add({ kind: 'cancelled', n: world.report, id: '', target: order.id });
          if (kind === 'fill') order.filled += lots;
          if (kind !== 'fill' || order.filled === order.qty) open.splice(open.indexOf(order), 1);
        }
      }
      assert.deepEqual(world.now.unbooked, []);
    }),
    { numRuns: 400 },
  );
});

test('a loss beyond its limit lets only reducing orders through, a kill nothing', () => {
  const rules = RuleBook.of([rule('client', 'c1', { maxLoss: 49 })]);
  const world = new World(rules);
  world.add({ kind: 'order', id: 'o1', client: 'c1', symbol: 'AB', side: 'B', price: 100, qty: 10, at: 1 });
  world.add({ kind: 'fill', n: world.report, id: 'o1', exec: 'x1', price: 100, qty: 10 });
  world.publish(10);
  const terms = { clientName: 'c1', symbolName: 'AB', price: 95, qty: 10 };
  assert.equal(world.refusal(terms, 'B'), null);
  world.add({ kind: 'order', id: 'o2', client: 'c2', symbol: 'AB', side: 'B', price: 95, qty: 1, at: 1 });
  world.add({ kind: 'fill', n: world.report, id: 'o2', exec: 'x2', price: 95, qty: 1 });
  world.publish(10);
  assert.equal(world.now.client('c1').loss, 50);
  assert.equal(world.refusal(terms, 'B'), 'limit-loss');
  assert.equal(world.refusal(terms, 'S'), null);
  assert.equal(world.refusal({ ...terms, qty: 11 }, 'S'), 'limit-loss');
  rules.put({ scope: 'symbol', name: 'AB', killed: true, limits: {} });
  const all = new ApprovalTable(rules, world.now).all();
  world.table.update(all[0]!, world.state);
  assert.equal(world.refusal(terms, 'S'), 'killed');
});

test('a table of many rows comes in parts that count together', () => {
  const rules = RuleBook.of(Array.from({ length: 1200 }, (_, n) => rule('client', `c${n}`, { maxOrderQty: n })));
  const parts = new ApprovalTable(rules, new ExposureBook()).all();
  assert.ok(parts.length > 2);
  assert.deepEqual(
    parts.map(({ more }) => more),
    parts.map((_, n) => n < parts.length - 1),
  );
  assert.deepEqual(
    parts.map(({ reset }) => reset),
    parts.map((_, n) => n === 0),
  );
  const table = new RiskTable();
  const whole = { ...parts[0]!, clients: parts.flatMap((part) => part.clients) };
  table.update(whole, new OrderState());
  const held = { filled: 0, qty: 0, notional: 0 };
  const asked = { client: -1, clientName: 'c700', symbol: -1, symbolName: 'S', side: 1, price: 1, qty: 701, held };
  assert.equal(table.refusal(asked, new OrderState(), false), 'limit-quantity');
  assert.equal(table.refusal({ ...asked, qty: 700 }, new OrderState(), false), null);
  assert.equal(table.clients, 1200);
});

test('a message with anything in it that is no row is no message', () => {
  const rows = new ApprovalTable(new RuleBook(), new ExposureBook()).all()[0]!;
  const good = riskRecord({ seq: 1, echo: 1, approved: true, reason: '', table: rows }) as Record<string, unknown>;
  assert.ok(parseRiskMessage(good) !== null);
  const bad = [
    { seq: -1 },
    { echo: 1.5 },
    { approved: 'yes' },
    { firm: [0, 1] },
    { firm: [0, 1, -1] },
    { clients: [['*', 0, 1, 1, 1, 1]] },
    { clients: [['', 0, 1, 1, 1, 1, 1]] },
    { symbols: 'none' },
    { pairs: [['c', 's', 1, 1, 1, unlimited + 2]] },
  ];
  for (const change of bad) assert.equal(parseRiskMessage({ ...good, ...change }), null, JSON.stringify(change));
});
