import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { encodeSent, MESSAGE_BYTES } from './binary-protocol.ts';
import { BinarySession } from './binary-session.ts';

/** A socket that keeps what it is given by reference, as the runtime does while the system has not taken it. */
const socketOf = () => {
  const written: Buffer[] = [];
  const socket = { writable: true, writableLength: 0, write: (bytes: Buffer) => void written.push(bytes) };
  return { written, socket, session: new BinarySession(socket as unknown as Socket) };
};

const cancel = (n: number) => encodeSent({ t: 'cancel', id: `cancel-${n}`, target: `order-${n}` });

/** Takes every whole message that is there. */
const taken = (session: BinarySession): Buffer[] => {
  const messages: Buffer[] = [];
  for (let length = session.nextLength(); length > 0; length = session.nextLength()) {
    messages.push(Buffer.from(session.input.subarray(session.at, session.at + length)));
    session.take(length);
  }
  return messages;
};

test('messages are the same wherever the stream is cut', () => {
  const sent = [1, 2, 3, 4, 5].map(cancel);
  const stream = Buffer.concat(sent);
  for (let bytes = 1; bytes <= stream.length; bytes++) {
    const { session } = socketOf();
    const messages: Buffer[] = [];
    for (let at = 0; at < stream.length; at += bytes) {
      session.receive(stream.subarray(at, at + bytes));
      messages.push(...taken(session));
    }
    assert.deepEqual(messages, sent, `in pieces of ${bytes}`);
  }
});

test('what comes while nothing is taken waits in order', () => {
  const sent = [1, 2, 3, 4, 5, 6].map(cancel);
  const stream = Buffer.concat(sent);
  for (const bytes of [7, 100, 136, 150, 300]) {
    const { session } = socketOf();
    for (let at = 0; at < stream.length; at += bytes) session.receive(stream.subarray(at, at + bytes));
    assert.deepEqual(taken(session), sent, `in pieces of ${bytes}`);
  }
});

test('a byte that begins no message is found where it stands, also behind one that came in two pieces', () => {
  const { session } = socketOf();
  const stream = Buffer.concat([cancel(1), Buffer.from([99, 0, 0])]);
  session.receive(stream.subarray(0, 10));
  session.receive(stream.subarray(10));
  assert.equal(session.nextLength(), MESSAGE_BYTES[cancel(1)[0]!]);
  session.take(MESSAGE_BYTES[cancel(1)[0]!]!);
  assert.equal(session.nextLength(), -1);
});

const stage = (session: BinarySession, fill: number): void => {
  const bytes = Buffer.alloc(88, fill);
  session.stage(bytes, 0, 88, new Int32Array(bytes.buffer, bytes.byteOffset, 22));
};

test('what still waits in the socket is not written over', () => {
  const { session, socket, written } = socketOf();
  socket.writableLength = 88;
  for (const fill of [1, 2, 3]) {
    stage(session, fill);
    session.flush();
  }
  assert.deepEqual(
    written,
    [1, 2, 3].map((fill) => Buffer.alloc(88, fill)),
  );
});

test('what the system has taken leaves its place to the next answers', () => {
  const { session, written } = socketOf();
  stage(session, 1);
  session.flush();
  stage(session, 2);
  stage(session, 3);
  session.unstage();
  stage(session, 4);
  session.flush();
  assert.equal(written[1]!.buffer, written[0]!.buffer);
  assert.deepEqual([written.length, written[1]], [2, Buffer.alloc(88, 4)]);
});
