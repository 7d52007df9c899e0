import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { KeeperBook } from './keeper-book.ts';
import { KeeperLog } from './keeper-log.ts';
import { KeeperServer } from './keeper-server.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast keeper é '));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
const path = () => join(directory, 'kept.log');

const grow = (book: KeeperBook, count: number): void => {
  for (let n = 0; n < count; n += 1) {
    const seq = book.through + 1;
    const id = `o${seq}`;
    const side = seq % 3 === 0 ? 'S' : 'B';
    book.apply({ kind: 'order', seq, epoch: 1, id, client: `c${seq % 4}`, symbol: 'ABC', side, price: 9, qty: 50 });
    book.apply({ kind: 'fill', seq: seq + 1, epoch: 1, orderId: id, exec: `x${seq}`, price: 5 + (seq % 7), qty: 3 });
    book.apply({ kind: 'other', seq: seq + 2, epoch: 2 });
  }
};
const kept = (times: number): KeeperBook => {
  const book = new KeeperBook();
  const log = KeeperLog.open(path());
  for (let n = 0; n < times; n += 1) {
    grow(book, 7);
    log.keep(book);
  }
  log.close();
  return book;
};

test('what was kept bit by bit is the same book after a start, and goes on', () => {
  const book = kept(5);
  const log = KeeperLog.open(path());
  assert.equal(log.setAside, null);
  assert.deepEqual(log.book.snapshot(), book.snapshot());
  assert.deepEqual([log.book.trades, log.book.epoch], [book.trades, 2]);
  assert.equal(log.book.filled('o1'), 3);
  grow(log.book, 4);
  log.keep(log.book);
  log.close();
  grow(book, 4);
  const again = KeeperLog.open(path());
  assert.deepEqual(again.book.snapshot(), book.snapshot());
  again.close();
});

test('a last line that a crash left unfinished is cut; what is whole before it counts', () => {
  const book = kept(2);
  writeFileSync(path(), `${readFileSync(path(), 'utf8')}0123abc {"through":99`);
  const log = KeeperLog.open(path());
  assert.deepEqual([log.setAside, log.book.through], [null, book.through]);
  grow(log.book, 1);
  log.keep(log.book);
  log.close();
  assert.equal(KeeperLog.open(path()).book.through, book.through + 3);
});

test('whichever byte is altered, and whichever line is missing, nothing wrong is begun with', () => {
  const book = kept(2);
  const whole = readFileSync(path());
  const altered = (content: Buffer | string, what: string) => {
    writeFileSync(path(), content);
    const log = KeeperLog.open(path());
    log.close();
    const right = log.book.through === 0 || log.book.snapshot().hash === book.snapshot().hash;
    const earlier = log.book.through > 0 && log.book.through < book.through && log.setAside === null;
    assert.ok(right || earlier, what);
    if (log.setAside !== null) assert.ok(existsSync(`${path()}.unusable`), what);
  };
  for (let at = 0; at < whole.length; at += 1) {
    const content = Buffer.from(whole);
    content[at] = content[at]! ^ 1;
    altered(content, `byte ${at}`);
  }
  const lines = whole.toString('utf8').split('\n').slice(0, -1);
  for (const index of lines.keys())
    altered(`${lines.filter((_, at) => at !== index).join('\n')}\n`, `without line ${index + 1}`);
});

test('a book that takes the place of what was kept does so whole: the one before is there until then', () => {
  const before = kept(3);
  const log = KeeperLog.open(path());
  const anew = new KeeperBook();
  grow(anew, 2);
  // No place for the new file: what was kept stays as it is.
  mkdirSync(`${path()}.new`);
  assert.throws(() => log.replace(anew));
  assert.equal(KeeperLog.open(path()).book.snapshot().hash, before.snapshot().hash);
  rmSync(`${path()}.new`, { recursive: true });
  log.replace(anew);
  assert.equal(log.through, anew.through);
  grow(anew, 1);
  log.keep(anew);
  log.close();
  assert.deepEqual(KeeperLog.open(path()).book.snapshot(), anew.snapshot());
});

interface KeeperGround {
  readonly engine: StandInEngine;
  readonly start: () => Promise<KeeperServer>;
  readonly trade: (id: string) => void;
}

/** An engine with 20 trades in 40 entries; keepers that are started all keep in the same place, and one follows the other. */
const withEngine = (body: (ground: KeeperGround) => Promise<void>) => async (): Promise<void> => {
  const engine = await StandInEngine.listen();
  const keepers: KeeperServer[] = [];
  const trade = (id: string) => {
    engine.release({ kind: 'order', id, client: 'c1', symbol: 'ABC', side: 'B', price: 5, qty: 2 });
    engine.release({ kind: 'fill', id, exec: `x-${id}`, price: 5, qty: 2 });
  };
  const start = async () => {
    await keepers.at(-1)?.close();
    const keeper = new KeeperServer({
      instance: 'keeper',
      engines: [engine.address],
      listen: { host: '127.0.0.1', port: 0 },
      instruments: {},
      marketData: [],
      control: { address: { host: '127.0.0.1', port: 0 }, tokenFile: '', dataDir: directory },
      reconcile: null,
      keepEveryMs: 10,
      checkEveryMs: 5000,
      checkDeadlineMs: 2000,
    });
    keepers.push(keeper);
    await keeper.listen();
    await waitUntil('it has everything', () => keeper.book.through === engine.journal.length);
    await waitUntil('all is kept', () => keeper.keptThrough === engine.journal.length);
    return keeper;
  };
  try {
    for (let n = 0; n < 20; n += 1) trade(`o${n}`);
    await body({ engine, start, trade });
  } finally {
    await keepers.at(-1)?.close();
    await engine.close();
  }
};
const recompute = (keeper: KeeperServer) => keeper.recompute({ again: false, deadlineMs: 20_000 });

test(
  'a keeper that is started again reads from the engine only what came after',
  withEngine(async ({ engine, start, trade }) => {
    const first = await start();
    assert.equal(first.begunWith, 0);
    trade('late');
    // What was kept is asked for nowhere: it may be gone there.
    engine.first = 41;
    const second = await start();
    assert.equal(second.begunWith, 40);
    assert.equal(second.book.positions.find('c1', 'ABC').lots, 42);
  }),
);

test(
  'a keeper whose engine knows less than was kept begins with what is there',
  withEngine(async ({ engine, start }) => {
    await start();
    engine.journal.splice(3);
    const after = await start();
    assert.match(String(after.problem), /^entries 4 to 40 had been released and the engine no longer has them/);
  }),
);

test(
  'where the first entries are gone too, what was kept beyond the end of the engine is not begun with',
  withEngine(async ({ engine, start, trade }) => {
    const keeper = await start();
    engine.journal.splice(35);
    engine.first = 11;
    engine.cutConnections();
    await waitUntil('it says so', () => /^HF-7207 .* no more than 35$/.test(String(keeper.problem)));
    assert.equal(keeper.book.through, 0);
    assert.equal(keeper.keptThrough, 40);
    trade('late');
    assert.equal(keeper.book.through, 0);
  }),
);

test(
  'an engine is told under a name what its keeper has on disk, and no more',
  withEngine(async ({ engine, start, trade }) => {
    const keeper = await start();
    assert.equal(engine.stored.get('positions'), 0);
    keeper.follow();
    await waitUntil('it is told', () => engine.stored.get('positions') === 40);
    for (let n = 0; n < 600; n += 1) trade(`more${n}`);
    await waitUntil('it is told as it gets on', () => engine.stored.get('positions')! > 1000);
    assert.ok(engine.stored.get('positions')! <= keeper.keptThrough);
  }),
);

test(
  'positions are computed anew from the first entry on while the engine has it',
  withEngine(async ({ start }) => {
    const keeper = await start();
    keeper.book.positions.apply({ ...keeper.book.trades[0]!, exec: 'nobody', qty: 3 });
    const { begunWith, differed, through } = await recompute(keeper);
    assert.deepEqual({ begunWith, differed, through }, { begunWith: 0, differed: 1, through: 40 });
    await waitUntil('it takes the place of what was kept', () => keeper.keptThrough === 40);
  }),
);

test(
  'where the engine removed the first entries positions are computed anew from what was kept, and it is said',
  withEngine(async ({ engine, start, trade }) => {
    await start();
    engine.first = 31;
    trade('late');
    const keeper = await start();
    keeper.book.positions.apply({ ...keeper.book.trades[0]!, exec: 'nobody', qty: 3 });
    const found = await recompute(keeper);
    assert.deepEqual(found, { begunWith: 42, differed: 1, through: 42, trades: 21, positions: 1 });
    assert.equal(keeper.book.positions.find('c1', 'ABC').lots, 42);
    assert.equal(keeper.problem, null);
    trade('later');
    await waitUntil('it goes on', () => keeper.book.through === 44);
  }),
);

test(
  'where what was kept is of no use either, nothing is computed anew, and the keeper goes on with what it has',
  withEngine(async ({ engine, start, trade }) => {
    const keeper = await start();
    const whole = readFileSync(path());
    engine.first = 31;
    whole[100] = whole[100]! ^ 1;
    writeFileSync(path(), whole);
    await assert.rejects(recompute(keeper), /^Error: HF-7207 .* begins at 31: .*; what was kept is of no use: line 1 /);
    assert.equal(keeper.book.through, 40);
    trade('late');
    await waitUntil('it goes on', () => keeper.book.through === 42);
    await waitUntil('what was spoilt is replaced', () => keeper.keptThrough === 42);
    assert.equal((await keeper.recompute({ again: true, deadlineMs: 20_000 })).begunWith, 42);
  }),
);
