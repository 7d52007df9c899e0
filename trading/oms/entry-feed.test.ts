import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { type JsonRecord, parseRecord } from '../base/json-record.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { EntryFeed, type EntryFeedSink, removedProblem } from './entry-feed.ts';

/** Something that speaks as an engine does to its readers. */
const withEngine = async (
  answer: (message: JsonRecord) => object | null,
  body: (engine: { readonly port: number; readonly heard: JsonRecord[] }) => Promise<void>,
): Promise<void> => {
  const heard: JsonRecord[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((each) => each !== '')) {
        const message = parseRecord(line)!;
        heard.push(message);
        const said = answer(message);
        if (said !== null) socket.write(`${JSON.stringify(said)}\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  try {
    await body({ port: typeof bound === 'object' && bound !== null ? bound.port : 0, heard });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
};

const SINK: EntryFeedSink = { entry: () => {}, changed: () => {}, ahead: () => assert.fail('ahead') };

test('a reader says under its name what it has stored, when it subscribes and as it gets on', () =>
  withEngine(
    (message) => (message.t === 'subscribe' ? { t: 'subscribe-ok', instance: 'a', epoch: 1, end: 9000 } : null),
    async ({ port, heard }) => {
      const engines = [{ host: '127.0.0.1', port }];
      const feed = new EntryFeed({ engines, after: 4000, sink: SINK, reader: 'oms' });
      try {
        await waitUntil('it is followed', () => feed.connected);
        assert.deepEqual(heard[0], { t: 'subscribe', after: 4000, reader: 'oms', stored: 4000 });
        feed.stored(4500);
        feed.stored(5200);
        feed.stored(5300);
        const stored = () => heard.filter(({ t }) => t === 'stored');
        await waitUntil('it is told', () => stored().length > 0);
        assert.deepEqual(stored(), [{ t: 'stored', reader: 'oms', seq: 5200 }]);
      } finally {
        feed.close();
      }
    },
  ));

test('a reader shows who it is, says again and again how far it is, and reads on when its word is not taken', () =>
  withEngine(
    ({ t }) => {
      if (t === 'subscribe') return { t: 'subscribe-ok', instance: 'a', epoch: 1, end: 9000 };
      return { t: 'reader-refused', reader: 'positions', error: 'HF-7211', code: 'taken', by: 'positions-1' };
    },
    async ({ port, heard }) => {
      const pass = { instance: 'positions-2', token: 'a-token' };
      const engines = [{ host: '127.0.0.1', port }];
      const feed = new EntryFeed({ engines, after: 4000, sink: SINK, reader: 'positions', pass });
      try {
        await waitUntil('it is refused', () => feed.readerProblem !== null);
        assert.deepEqual(heard[0], { t: 'subscribe', after: 4000, reader: 'positions', ...pass, stored: 4000 });
        assert.deepEqual(heard[1], { t: 'stored', reader: 'positions', ...pass, seq: 4000 });
        assert.match(feed.readerProblem ?? '', /^HF-7211 .*another process reads under this name \(positions-1\)$/);
        assert.equal(feed.connected, true);
      } finally {
        feed.close();
      }
    },
  ));

test('a reader learns that what it needs was removed, and takes nothing in its place', () =>
  withEngine(
    () => ({ t: 'reject', code: 'removed', error: 'HF-7207', first: 700 }),
    async ({ port, heard }) => {
      const firsts: (number | null)[] = [];
      const removed = (first: number | null): void => void firsts.push(first);
      const entry = (): void => assert.fail('an entry');
      const feed = new EntryFeed({
        engines: [{ host: '127.0.0.1', port }],
        after: 0,
        sink: { ...SINK, entry, removed },
      });
      try {
        await waitUntil('it is told', () => firsts.length > 0);
        assert.deepEqual([firsts[0], feed.connected, heard[0]], [700, false, { t: 'subscribe', after: 0 }]);
        assert.match(
          removedProblem('the database', 0, 700),
          /^HF-7207 the database has entries up to 0.* begins at 700/,
        );
      } finally {
        feed.close();
      }
    },
  ));
