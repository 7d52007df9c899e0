import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ExchangeModel, type ModelSelfTrade } from '../../testing/exchange-model.ts';
import { ExchangeUnderTest } from '../../testing/exchange-under-test.ts';
import { PHASES, SELF_TRADES } from './terms.ts';

const kinds = (world: ExchangeUnderTest) => world.told.map(({ kind, id, target }) => `${kind} ${id}/${target}`);

describe('orders meet by price, then by time', () => {
  test('the best price trades first, the earliest at that price, at the resting order’s price', () => {
    const world = new ExchangeUnderTest();
    for (const [id, price] of [
      ['1', 12],
      ['2', 11],
      ['3', 11],
      ['4', 13],
    ] as const)
      world.new({ id, firm: 'A', side: 'S', price, quantity: 10 });
    world.new({ id: '5', firm: 'B', side: 'B', price: 12, quantity: 25 });
    assert.deepEqual(
      world.told
        .filter(({ kind, firm }) => kind === 'fill' && firm === 'A')
        .map(({ id, price, quantity }) => [id, price, quantity]),
      [
        ['2', 11, 10],
        ['3', 11, 10],
        ['1', 12, 5],
      ],
    );
    assert.deepEqual(world.trades, [11, 11, 12]);
  });

  test('an order that is not there for all its lots is killed before it trades one', () => {
    const world = new ExchangeUnderTest();
    world.new({ id: '1', firm: 'A', side: 'S', price: 10, quantity: 4 });
    world.new({ id: '2', firm: 'B', side: 'B', price: 10, quantity: 5, timeInForce: 'fok' });
    assert.deepEqual(world.story(), ['accepted 1', 'accepted 2', 'cancelled 2']);
    assert.equal(world.told.at(-1)!.reason, 'not-fillable');
    world.new({ id: '3', firm: 'B', side: 'B', price: 10, quantity: 4, timeInForce: 'fok' });
    assert.deepEqual(world.story().slice(3), ['accepted 3', 'fill 1 4@10', 'fill 3 4@10']);
  });

  test('less quantity keeps the place in the queue; more, or another price, loses it', () => {
    const world = new ExchangeUnderTest();
    const fresh = () => {
      world.massCancel(`m${world.told.length}`, { firm: 'A' });
      const prefix = `${world.told.length}-`;
      for (const id of ['1', '2']) world.new({ id: prefix + id, firm: 'A', side: 'S', price: 10, quantity: 10 });
      return prefix;
    };
    const firstFilled = (prefix: string) => {
      const seen = world.told.length;
      world.new({ id: `${prefix}t`, firm: 'B', side: 'B', price: 10, quantity: 1 });
      return world.told
        .slice(seen)
        .find(({ kind }) => kind === 'fill')!
        .id.slice(prefix.length);
    };
    const less = fresh();
    world.replace({ id: `${less}r`, target: `${less}1`, price: 10, quantity: 5, firm: 'A' });
    assert.equal(firstFilled(less), '1');
    const more = fresh();
    world.replace({ id: `${more}r`, target: `${more}1`, price: 10, quantity: 11, firm: 'A' });
    assert.equal(firstFilled(more), '2');
    const moved = fresh();
    for (const price of [11, 10])
      world.replace({ id: `${moved}r${price}`, target: `${moved}1`, price, quantity: 10, firm: 'A' });
    assert.equal(firstFilled(moved), '2');
  });

  test('a replace counts the new total, so that lots filled meanwhile are not ordered again', () => {
    const world = new ExchangeUnderTest();
    world.new({ id: '1', firm: 'A', side: 'S', price: 10, quantity: 10 });
    world.new({ id: '2', firm: 'B', side: 'B', price: 10, quantity: 6 });
    world.replace({ id: 'r1', target: '1', price: 10, quantity: 8, firm: 'A' });
    assert.equal(world.told.at(-1)!.open, 2);
    world.replace({ id: 'r2', target: 'r1', price: 10, quantity: 6, firm: 'A' });
    assert.deepEqual([world.told.at(-1)!.kind, world.told.at(-1)!.reason], ['replace-rejected', 'bad-quantity']);
    world.cancel('c', 'r1', 'A');
    assert.deepEqual(kinds(world).at(-1), 'cancelled c/1');
  });

  test('an id is entered once, and with other content it is said to be altered', () => {
    const world = new ExchangeUnderTest();
    const order = { id: '1', side: 'B', price: 10, quantity: 10 } as const;
    assert.equal(world.new(order), 'entered');
    world.replace({ id: 'r', target: '1', price: 11, quantity: 12 });
    assert.equal(world.new(order), 'again');
    assert.equal(world.new({ ...order, price: 9 }), 'altered');
    assert.equal(world.replace({ id: 'r', target: '1', price: 11, quantity: 12 }), 'again');
    assert.equal(world.new({ ...order, firm: 'OTHER' }), 'entered');
    assert.equal(world.told.length, 3);
  });
});

describe('phases', () => {
  test('a call collects, an auction trades the most lots at one price, market orders first', () => {
    const world = new ExchangeUnderTest({ phase: 'pre-open' });
    world.new({ id: '1', firm: 'A', side: 'B', price: 10, quantity: 10 });
    world.new({ id: '2', firm: 'A', side: 'B', price: 12, quantity: 10 });
    world.new({ id: '3', firm: 'B', side: 'S', price: 9, quantity: 5 });
    world.new({ id: '4', firm: 'B', side: 'S', price: 11, quantity: 10 });
    world.new({ id: '5', firm: 'C', side: 'B', market: true, quantity: 4 });
    assert.equal(world.trades.length, 0);
    world.new({ id: '6', side: 'B', price: 10, quantity: 1, timeInForce: 'ioc' });
    assert.equal(world.told.at(-1)!.reason, 'not-in-this-phase');
    world.phase('opening-auction');
    world.phase('continuous');
    const bought = world.told.filter(({ kind, firm }) => kind === 'fill' && firm !== 'B');
    assert.deepEqual([...new Set(world.trades)], [11]);
    assert.equal(
      bought.reduce((sum, { quantity }) => sum + quantity, 0),
      14,
    );
    assert.equal(bought[0]!.id, '5');
  });

  test('at the close day orders expire and good-till-cancelled orders stay', () => {
    const world = new ExchangeUnderTest();
    world.new({ id: '1', side: 'B', price: 10, quantity: 1 });
    world.new({ id: '2', side: 'B', price: 10, quantity: 1, timeInForce: 'gtc' });
    world.phase('closing-auction');
    world.phase('closed');
    assert.deepEqual(world.told.at(-1)!.reason, 'expired');
    world.new({ id: '3', side: 'B', price: 10, quantity: 1 });
    assert.equal(world.told.at(-1)!.reason, 'market-closed');
    world.phase('pre-open');
    world.phase('continuous');
    world.new({ id: '4', firm: 'OTHER', side: 'S', price: 10, quantity: 1 });
    assert.equal(world.told.filter(({ kind }) => kind === 'fill')[0]!.id, '2');
  });

  test('a halted symbol takes cancels only, the others trade on, and the market’s phases pass it by', () => {
    const world = new ExchangeUnderTest();
    world.new({ id: '1', side: 'B', price: 10, quantity: 1 });
    world.phase('halted', 'X');
    world.new({ id: '2', side: 'B', price: 10, quantity: 1 });
    assert.equal(world.told.at(-1)!.reason, 'halted');
    world.new({ id: '3', symbol: 'Y', side: 'B', price: 10, quantity: 1 });
    assert.equal(world.told.at(-1)!.kind, 'accepted');
    world.phase('closing-auction');
    assert.equal(world.exchange.phaseOf(world.exchange.symbols.number('X')), 'halted');
    world.cancel('c', '1');
    assert.equal(world.told.at(-1)!.kind, 'cancelled');
  });
});

test('a session that is lost loses its orders, except the persistent ones unless told otherwise', () => {
  const world = new ExchangeUnderTest();
  for (const [id, session, timeInForce] of [
    ['1', 's1', 'day'],
    ['2', 's1', 'gtc'],
    ['3', 's2', 'day'],
  ] as const)
    world.new({ id, session, side: 'B', price: 10, quantity: 1, timeInForce });
  world.endSession('ACME', 's1');
  assert.deepEqual(kinds(world).slice(3), ['cancelled /1']);
  world.endSession('ACME', 's1', false);
  assert.deepEqual(kinds(world).slice(4), ['cancelled /2']);
  assert.equal(world.told.at(-1)!.reason, 'disconnected');
});

/** One thing that somebody asks; ids are its place. */
const asked = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('new' as const),
      firm: fc.constantFrom('A', 'B', 'C'),
      session: fc.constantFrom('s1', 's2'),
      symbol: fc.constantFrom('X', 'Y'),
      side: fc.constantFrom('B' as const, 'S' as const),
      market: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      timeInForce: fc.constantFrom('day' as const, 'day' as const, 'gtc' as const, 'ioc' as const, 'fok' as const),
      price: fc.integer({ min: 1, max: 8 }),
      quantity: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), of: fc.nat(60) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      of: fc.nat(60),
      price: fc.integer({ min: 1, max: 8 }),
      quantity: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('mass-cancel' as const), firm: fc.constantFrom('A', 'B', 'C') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end-session' as const), firm: fc.constantFrom('A', 'B', 'C') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('phase' as const),
      symbol: fc.constantFrom('X', 'Y'),
      phase: fc.constantFrom(...PHASES, 'continuous' as const, 'continuous' as const),
    }),
  },
);
type Asked = typeof asked extends fc.Arbitrary<infer Each> ? Each : never;

const play = (asks: readonly Asked[], selfTrade: ModelSelfTrade, real = new ExchangeUnderTest({ selfTrade })) => {
  const model = new ExchangeModel(selfTrade);
  const firms = asks.map((each) => (each.do === 'new' ? each.firm : null));
  for (const [at, each] of asks.entries()) {
    const id = String(at);
    const target = String('of' in each ? each.of : 0);
    const firm = ('of' in each ? firms[each.of] : null) ?? 'A';
    switch (each.do) {
      case 'new':
        real.new({ ...each, id });
        model.new({ ...each, id, open: each.quantity });
        break;
      case 'cancel':
        real.cancel(`r${id}`, target, firm);
        model.cancel(firm, target);
        break;
      case 'replace':
        real.replace({ ...each, id: `r${id}`, target, firm });
        model.replace(firm, target, each.price, each.quantity);
        break;
      case 'mass-cancel':
        real.massCancel(`r${id}`, { firm: each.firm });
        model.massCancel(each.firm);
        break;
      case 'end-session':
        real.endSession(each.firm, 's1');
        model.endSession(each.firm, 's1');
        break;
      case 'phase':
        real.phase(each.phase, each.symbol);
        model.phase(each.symbol, each.phase);
    }
  }
  return { real, model };
};

const RUNS = Number(process.env['HOLDFAST_EXCHANGE_RUNS'] ?? 400);

for (const selfTrade of SELF_TRADES)
  test(`whatever is asked, the exchange does what the model does (own orders: ${selfTrade})`, () => {
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 120, size: 'max' }), (asks) => {
        const { real, model } = play(asks, selfTrade);
        assert.deepEqual(real.story(), model.story);
        const { orders } = real.exchange;
        const open = ['A', 'B', 'C'].flatMap((firm) => real.exchange.openOrders(real.exchange.firms.number(firm)));
        assert.equal(
          open.reduce((sum, order) => sum + orders.open[order]!, 0),
          model.orders.reduce((sum, order) => sum + order.open, 0),
        );
        const { symbols, firms } = real.exchange;
        const resting = Array.from({ length: symbols.count }, (_, symbol) => real.exchange.book(symbol).resting())
          .flat()
          .sort((left, right) => left - right);
        for (const firm of ['A', 'B', 'C'].map((name) => firms.number(name)))
          assert.deepEqual(
            real.exchange.openOrders(firm),
            resting.filter((order) => orders.firm[order] === firm),
          );
      }),
      { numRuns: RUNS },
    );
  });

test('the same commands give the same state and the same chain, whatever other names were heard of before', () => {
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 80, size: 'max' }), (asks) => {
      const first = play(asks, 'allow').real.exchange;
      const second = new ExchangeUnderTest({ selfTrade: 'allow' });
      for (const name of ['Z', 'Y', 'C', 's2']) {
        second.exchange.symbols.number(name);
        second.exchange.firms.number(name);
        second.exchange.sessions.number(name);
      }
      const again = play(asks, 'allow', second).real.exchange;
      assert.equal(again.stateHash(), first.stateHash());
      assert.equal(again.chain, first.chain);
    }),
    { numRuns: 60 },
  );
});

test('fills of both sides of every trade are equal, and numbers of reports have no gaps', () => {
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 120, size: 'max' }), (asks) => {
      const { told } = play(asks, 'allow').real;
      for (const firm of ['A', 'B', 'C'])
        assert.deepEqual(
          told.filter((each) => each.firm === firm).map(({ n }) => n),
          told.filter((each) => each.firm === firm).map((_, at) => at + 1),
        );
      const trades = Map.groupBy(
        told.filter(({ kind }) => kind === 'fill'),
        ({ trade }) => trade,
      );
      for (const sides of trades.values()) {
        assert.equal(sides.length, 2);
        assert.equal(sides[0]!.quantity, sides[1]!.quantity);
        assert.equal(sides[0]!.price, sides[1]!.price);
      }
    }),
    { numRuns: 60 },
  );
});
