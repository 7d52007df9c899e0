import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
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
import type { VenueSessionEvents } from './venue-session.ts';

/** An exchange that seats everybody and notes the ids of what comes. */
const exchange = () => {
  const ids: string[] = [];
  const logons: Socket[] = [];
  const sockets: Socket[] = [];
  const view = emptyIdView();
  const server = createServer((socket) => {
    sockets.push(socket);
    const out = new WireBuffer();
    const frames = new FrameReader({
      onFrame: (type, bytes, _view, at) => {
        if (type === LOGON.type) {
          logons.push(socket);
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
  return { ids, logons, sockets, server };
};

const sessionAt = (server: Server, events: Partial<VenueSessionEvents> = {}): BinaryVenueSession => {
  const { port } = server.address() as { port: number };
  const state = new OrderState();
  return new BinaryVenueSession({
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
    ...events,
  });
};

const MESSAGES = 200;
const ROUNDS = 1200;

test('an exchange that reads now and then gets every message once, in order and as it was staged', async () => {
  const { ids, sockets, server } = exchange();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = sessionAt(server);
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

test('who prepares connects and says nothing, and logs on over that connection once started', async () => {
  const { logons, sockets, server } = exchange();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let mayConnect = false;
  const session = sessionAt(server, { mayConnect: () => mayConnect });
  try {
    session.prepare();
    session.prepare();
    await waitUntil('it is connected', () => sockets.length > 0);
    // Unasked words of an exchange seat nobody.
    const out = new WireBuffer();
    encodeReplayEnd(out, 0);
    await new Promise((resolve) => sockets[0]!.write(out.staged, resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([logons.length, session.ready], [0, false]);
    mayConnect = true;
    session.start(1);
    await waitUntil('the session is seated', () => session.ready);
    assert.deepEqual([logons, sockets.length], [[sockets[0]], 1]);
  } finally {
    session.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

test('what was prepared is hung up by stop, and is connected anew by a start that finds it gone', async () => {
  const { sockets, server } = exchange();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = sessionAt(server);
  const gone = (at: number) => waitUntil('it is hung up', () => sockets[at]?.destroyed === true);
  try {
    session.prepare();
    await waitUntil('it is connected', () => sockets.length === 1);
    session.stop();
    await gone(0);
    session.prepare();
    await waitUntil('it is connected again', () => sockets.length === 2);
    sockets[1]!.destroy();
    session.start(1);
    await waitUntil('the session is seated', () => session.ready);
    assert.equal(sockets.length, 3);
  } finally {
    session.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
