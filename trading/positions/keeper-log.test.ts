import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

test('a keeper that is started again reads from the engine only what came after', async () => {
  const engine = await StandInEngine.listen();
  const start = async () => {
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
    await keeper.listen();
    await waitUntil('it has everything', () => keeper.book.through === engine.journal.length);
    return keeper;
  };
  const trade = (id: string) => {
    engine.release({ kind: 'order', id, client: 'c1', symbol: 'ABC', side: 'B', price: 5, qty: 2 });
    engine.release({ kind: 'fill', id, exec: `x-${id}`, price: 5, qty: 2 });
  };
  try {
    for (let n = 0; n < 20; n += 1) trade(`o${n}`);
    const first = await start();
    assert.equal(first.begunWith, 0);
    await waitUntil('it is kept', () => existsSync(path()) && readFileSync(path(), 'utf8').endsWith('\n'));
    const through = first.book.through;
    await first.close();
    trade('late');
    // What was kept is asked for nowhere: it may be gone there.
    engine.journal[0] = { t: 'removed' };
    const second = await start();
    assert.equal(second.begunWith, through);
    assert.equal(second.book.positions.find('c1', 'ABC').lots, 42);
    await second.close();
    engine.journal.splice(3);
    engine.journal[0] = { t: 'entry', seq: 1, epoch: 1, kind: 'session' };
    const third = await start();
    assert.match(String(third.problem), /had been released and the engine no longer has them/);
    await third.close();
  } finally {
    await engine.close();
  }
});
