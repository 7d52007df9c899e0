import { createServer } from 'node:net';
import { keepHeapReady } from '../../trading/base/heap.ts';
import { BinaryDesk } from '../../trading/engine/binary-desk.ts';
import { BinarySession } from '../../trading/engine/binary-session.ts';
import { MOST_BYTES, MOST_RECORDS } from '../../trading/engine/block-limits.ts';
import { Lease } from '../../trading/engine/lease.ts';
import { compileOrderPathAsAWhole } from '../../trading/engine/order-path-compilation.ts';
import { OrderState } from '../../trading/engine/order-state.ts';
import { ReleaseQueue } from '../../trading/engine/release-queue.ts';
import type { Market } from '../../trading/engine/venue/market.ts';
import { Journal } from '../../trading/journal/journal.ts';
import { RecordBatch } from '../../trading/journal/record-batch.ts';
import { THROUGHPUT_ORDERS } from '../engines.ts';

/**
 * The engine's order path and nothing beside it: no exchange session, no replicas, no control port. With a directory it
 * journals, without one it does not. It measures the time from the event that brings orders to the write of their answers.
 */
const directory = process.argv[2] ?? '';
const journal =
  directory === ''
    ? null
    : await Journal.open({ directory, sync: 'none', onDurable: () => {}, onFailure: () => process.exit(1) }, () => {});
const state = new OrderState();
state.reserve(THROUGHPUT_ORDERS);
const batch = new RecordBatch();
const queue = new ReleaseQueue();
const lease = new Lease();
lease.set(process.hrtime.bigint() + 3_600_000_000_000n);
const handlerNs: number[] = [];
let startedAt = 0;
let due = false;

const seal = (): void => {
  if (journal === null) batch.seal({ previous: { sequence: 0, epoch: 1, crc: 0 }, epoch: 1, committed: 0 });
  else {
    journal.append({ epoch: 1, batch });
    journal.sync();
  }
};

/** What waits is answered as soon as a block is full, as the engine does. */
const release = (): void => {
  if (batch.count > 0) seal();
  queue.release(state.applied, () => lease.valid);
};

const flush = (): void => {
  due = false;
  release();
  if (handlerNs.length < 1_000_000) handlerNs.push((performance.now() - startedAt) * 1e6);
};
const flushSoon = (): void => {
  if (due) return;
  due = true;
  setImmediate(flush);
};

/** One exchange that takes everything. */
const market: Market = {
  venueOf: () => 0,
  venueOfName: () => 0,
  refusal: () => null,
  idBytes: () => 64,
  symbolBytes: () => 32,
};

const desk = new BinaryDesk({
  instance: 'bare',
  epoch: 1,
  state,
  limits: { symbols: new Set(), maxPrice: 1e7, maxQty: 1e6, maxNotional: 1e12, maxOpenOrdersPerClient: 1e9 },
  allowed: { tradingEnabled: true, draining: false, halted: false, market, risk: null },
  batch,
  queue,
  commit: (recordBytes, offset, isNewOrder) => {
    batch.commit(recordBytes);
    const sequence = state.applied + 1;
    if (isNewOrder) state.applyNewOrder(sequence, 1, batch.bytes, batch.view, offset);
    else state.apply(sequence, 1, batch.bytes, batch.view, offset);
    if (batch.count >= MOST_RECORDS || batch.payloadBytes >= MOST_BYTES) release();
    else flushSoon();
    return sequence;
  },
  accepted: () => {},
  answered: flushSoon,
  loggedOn: () => {},
});

compileOrderPathAsAWhole();
keepHeapReady();
const server = createServer({ noDelay: true }, (socket) => {
  const session = new BinarySession(socket);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    if (!due) startedAt = performance.now();
    session.receive(chunk);
    if (!lease.valid) return;
    desk.beginTurn();
    for (let length = session.nextLength(); length > 0; length = session.nextLength()) {
      desk.handle(session);
      session.take(length);
    }
  });
}).listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }));
process.on('message', () => process.send?.({ handlerNs: handlerNs.splice(0) }));
process.on('disconnect', () => process.exit());
