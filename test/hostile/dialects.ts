import { encodeSent } from '../../trading/engine/binary-protocol.ts';
import { fixFrame } from '../../trading/testing/fix-text.ts';
import type { Dialect } from './hostile-peer.ts';
import { binaryCancel, binaryDropCopy, binaryFence, binaryOrder, binaryStatusRequest } from './wire-messages.ts';

const lines = (...messages: readonly object[]): Buffer[] =>
  messages.map((message) => Buffer.from(`${JSON.stringify(message)}\n`));

const line = (message: object): Buffer => lines(message)[0]!;

const longLine = (bytes: number): Buffer => Buffer.from(`{"t":"${'x'.repeat(bytes)}"}\n`);

const order = (id: string) => ({ id, symbol: 'SYM0', side: 'B', price: 5, qty: 1 }) as const;

export const engineText: Dialect = {
  corpus: lines(
    { t: 'logon', client: 'stranger' },
    { t: 'new', ...order('h1') },
    { t: 'new', ...order('h2'), qty: -1 },
    { t: 'cancel', id: 'h3', target: 'h1' },
    { t: 'query', ids: ['h1', 'nobody'] },
    { t: 'query-all', after: 0, limit: 10 },
    { t: 'subscribe', after: 1_000_000_000 },
    { t: 'dance' },
  ),
  greedy: line({ t: 'query-all', after: 0, limit: 1000 }),
  oversized: longLine(300_000),
};

export const engineBinary: Dialect = {
  corpus: [
    encodeSent({ t: 'logon', client: 'stranger' }),
    encodeSent({ t: 'new', ...order('b1') }),
    encodeSent({ t: 'cancel', id: 'b2', target: 'b1' }),
    encodeSent({ t: 'query', id: 'b1' }),
  ],
  greedy: encodeSent({ t: 'query', id: 'b1' }),
  oversized: Buffer.alloc(64 * 1024, 1),
};

export const exchangeText: Dialect = {
  corpus: lines(
    { t: 'logon', firm: 'STRANGER', session: 's', epoch: 1 },
    { t: 'new', ...order('h1') },
    { t: 'new', ...order('h2'), price: 1.5 },
    { t: 'cancel', id: 'h3', target: 'h1' },
    { t: 'replace', id: 'h4', target: 'h1', price: 6, qty: 2 },
    { t: 'mass-cancel', id: 'h5' },
    { t: 'drop-copy', firm: 'STRANGER', after: 0 },
    { t: 'status', firm: 'STRANGER', ids: ['h1', 'nobody'] },
    { t: 'fence', firm: 'STRANGER', epoch: 1 },
    { t: 'admin', token: 'guessed', phase: 'closed' },
    { t: 'counters' },
  ),
  greedy: line({ t: 'status', firm: 'ACME' }),
  oversized: longLine(100_000),
};

export const recovery: Dialect = {
  corpus: lines(
    { t: 'gap', from: 1, count: 3 },
    { t: 'gap', from: 0, count: -1 },
    { t: 'snapshot', depth: 1 },
    { t: 'dance' },
  ),
  greedy: line({ t: 'gap', from: 1, count: 5000 }),
  oversized: longLine(10_000),
};

export const keeper: Dialect = {
  corpus: lines(
    { t: 'status' },
    { t: 'pnl', marks: { SYM0: 7 } },
    { t: 'pnl', marks: 'x' },
    { t: 'dance' },
    { t: 'book' },
  ),
  greedy: line({ t: 'book' }),
  oversized: longLine(300_000),
};

export const control: Dialect = {
  corpus: lines(
    { id: 1, method: 'status', params: {} },
    { id: 2, method: 'hello', params: { token: 'guessed', contract: 1, instance: 'a' } },
    { id: 3, method: 'fence', params: { epoch: 99 } },
    { id: 4, method: 'promote', params: { epoch: 99, leaseUntilNs: '9999999999999999999', ackSet: [] } },
  ),
  greedy: line({ id: 5, method: 'status', params: {} }),
  oversized: longLine(1_200_000),
};

const frame = (message: object): Buffer => {
  const text = Buffer.from(JSON.stringify(message));
  const bytes = Buffer.alloc(5 + text.length);
  bytes.writeUInt32LE(text.length + 1, 0);
  bytes[4] = 1;
  text.copy(bytes, 5);
  return bytes;
};

/** A frame that says it is as long as a block may be, and begins. */
const endless = (): Buffer => {
  const bytes = Buffer.alloc(600 * 1024, 0x20);
  bytes.writeUInt32LE(1024 * 1024, 0);
  bytes[4] = 2;
  return bytes;
};

export const replication: Dialect = {
  corpus: [
    frame({ t: 'hello', protocol: 1, instance: 'stranger', epoch: 99, sequence: 0, sequenceEpoch: 0, crc: 0 }),
    frame({ t: 'probe', sequence: 0, sequenceEpoch: 0, crc: 0 }),
    frame({ t: 'start', after: 0 }),
    frame({ t: 'ack', epoch: 1, sequence: 5 }),
  ],
  greedy: frame({ t: 'probe', sequence: 0, sequenceEpoch: 0, crc: 0 }),
  oversized: endless(),
};

export const exchangeBinary: Dialect = {
  corpus: [
    binaryDropCopy('ACME'),
    binaryOrder({ id: 'x1', symbol: 'SYM0', price: 5, qty: 1 }),
    binaryCancel('x2', 'x1'),
    binaryFence('STRANGER', 1),
    binaryStatusRequest('x1'),
  ],
  greedy: binaryStatusRequest(),
  oversized: Buffer.alloc(64 * 1024, 0xff),
};

export const queries: Dialect = {
  corpus: lines(
    { t: 'open-orders', limit: 5 },
    { t: 'orders', id: 'load-1', limit: 10 },
    { t: 'orders', state: 'filled', from: 0, to: 9_999_999_999_999, after: 3 },
    { t: 'trades', order: "x'; DROP TABLE orders; --", limit: 1_000_000 },
    { t: 'orders', limit: -1 },
    { t: 'dance' },
  ),
  greedy: line({ t: 'orders', limit: 1000 }),
  oversized: longLine(10_000),
};

export const risk: Dialect = {
  corpus: lines(
    { t: 'status' },
    { t: 'rules' },
    { t: 'exposures' },
    { t: 'change', token: 'guessed', by: 'x', reason: 'y', scope: 'firm', name: '', killed: true },
    { t: 'accept-figures', token: 'guessed' },
    { t: 'dance' },
  ),
  greedy: line({ t: 'exposures' }),
  oversized: longLine(300_000),
};

export const marketData: Dialect = {
  corpus: lines(
    { t: 'subscribe', depth: 3 },
    { t: 'marks', symbols: ['SYM0', 'NOWHERE'] },
    { t: 'freshness', symbol: 'SYM0' },
    { t: 'book', symbol: 'SYM0', depth: 5 },
    { t: 'book', symbol: 7, depth: -1 },
    { t: 'dance' },
  ),
  greedy: line({ t: 'book', symbol: 'SYM0', depth: 10 }),
  oversized: longLine(300_000),
};

const fixOf = (type: string, seq: number, fields: string): Buffer =>
  fixFrame(`35=${type}|49=STRANGER|56=VENUE|34=${seq}|52=20260101-00:00:00.000|${fields}`);

export const fix: Dialect = {
  corpus: [
    fixOf('A', 1, '98=0|108=30|5001=1'),
    fixOf('D', 2, '11=h1|55=SYM0|54=1|60=20260101-00:00:00.000|38=1|40=2|44=5'),
    fixOf('2', 9, '7=1|16=0'),
    fixOf('4', 3, '123=Y|36=1'),
    fixOf('5', 4, '58=goodbye'),
  ],
  greedy: fixOf('1', 5, '112=hello'),
  oversized: Buffer.from(`8=FIX.4.4\u00019=900000\u0001${'x'.repeat(300_000)}`, 'latin1'),
};
