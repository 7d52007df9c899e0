import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { emptyIdView, idText } from '../../base/id-view.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { encodeLogonAccepted, encodeReplayEnd } from '../../venue-protocol/answers.ts';
import { FrameReader } from '../../venue-protocol/frame-reader.ts';
import { ID_BYTES, LOGON, NEW, offsetsOf } from '../../venue-protocol/layout.ts';
import { WireBuffer } from '../../venue-protocol/wire-buffer.ts';
import { readText } from '../../venue-protocol/wire-fields.ts';
import { OrderState } from '../order-state.ts';
import { BinaryVenueSession } from './binary-venue-session.ts';

/** An exchange that seats everybody and notes the ids of what comes. */
const exchange = () => {
  const ids: string[] = [];
  const sockets: Socket[] = [];
  const view = emptyIdView();
  const server = createServer((socket) => {
    sockets.push(socket);
    const out = new WireBuffer();
    const frames = new FrameReader({
      onFrame: (type, bytes, _view, at) => {
        if (type === LOGON.type) {
          encodeLogonAccepted(out, { epoch: 1, last: 0, next: 1, heartbeatMs: 0 });
          encodeReplayEnd(out, 0);
          socket.write(out.staged);
        } else if (type === NEW.type) {
          readText(bytes, at + offsetsOf(NEW).id, ID_BYTES, view);
          ids.push(idText(view));
        }
      },
      onBroken: (code) => assert.fail(code),
      onUnknown: (type) => assert.fail(String(type)),
    });
    socket.on('data', (chunk) => frames.push(chunk));
    socket.on('error', () => socket.destroy());
  });
  return { ids, sockets, server };
};

const MESSAGES = 200;
const ROUNDS = 1200;

test('an exchange that reads now and then gets every message once, in order and as it was staged', async () => {
  const { ids, sockets, server } = exchange();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const state = new OrderState();
  const session = new BinaryVenueSession({
    address: { name: 'venue', host: '127.0.0.1', port, firm: 'FIRM', password: '' },
    session: 'orders',
    handshakeDeadlineMs: 30_000,
    heartbeatMs: 60_000,
    state: () => state,
    lastReport: () => 0,
    mayConnect: () => true,
    onReport: () => {},
    onReady: () => {},
    onDown: (why) => assert.fail(why),
    onSuperseded: () => {},
    onRefused: () => {},
    onAnswers: () => {},
  });
  try {
    session.start(1);
    await waitUntil('the session is seated', () => session.ready);
    const sent: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (round % 600 === 0) sockets[0]!.pause();
      if (round % 600 === 500) sockets[0]!.resume();
      for (let at = 0; at < MESSAGES; at++) {
        const id = `order-${round}-${at}`;
        sent.push(id);
        session.stageTest(id, 'SYM1');
      }
      session.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
    sockets[0]!.resume();
    await waitUntil('everything has come', () => ids.length >= sent.length);
    assert.deepEqual(ids, sent);
  } finally {
    session.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
