import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { EMPTY_LOG, encodeBlock } from '../journal/block.ts';
import { FrameReader, writeAck, writeBlocks, writeMessage } from './frames.ts';
import { seededRandom } from './seeded-random.ts';

const written = (write: (socket: Socket) => void): Buffer => {
  const pieces: Buffer[] = [];
  const socket = { cork: () => {}, uncork: () => {}, write: (bytes: Buffer) => pieces.push(Buffer.from(bytes)) };
  write(socket as unknown as Socket);
  return Buffer.concat(pieces);
};

const record = (bytes: number, fill: number): Buffer => {
  const of = Buffer.alloc(bytes, fill);
  of.writeUInt16LE(bytes, 0);
  return of;
};

const reading = () => {
  const heard: (JsonRecord | string)[] = [];
  const reader = new FrameReader({
    onMessage: (message) => heard.push(message),
    onBlock: (epoch, block) => heard.push(`block ${epoch} ${block.header.firstSequence} ${block.header.crc}`),
    onAck: (epoch, sequence) => heard.push(`ack ${epoch} ${sequence}`),
    onBroken: (complaint) => heard.push(complaint),
  });
  return { heard, reader };
};

test('frames that come in any pieces come out whole and in order', () => {
  const small = encodeBlock({ previous: EMPTY_LOG, epoch: 3, committed: 0, records: [record(24, 1)] });
  const previous = { sequence: 1, epoch: 3, crc: small.header.crc };
  const records = Array.from({ length: 40 }, (_, at) => record(1024, at));
  const large = encodeBlock({ previous, epoch: 3, committed: 0, records });
  const stream = written((socket) => {
    writeMessage(socket, { t: 'heartbeat', epoch: 3 });
    writeBlocks(socket, 3, [small]);
    writeBlocks(socket, 3, [small, small]);
    writeBlocks(socket, 3, [small, large]);
    writeAck(socket, { epoch: 3, sequence: 2 ** 40 + 7 });
    writeMessage(socket, { t: 'heartbeat', epoch: 4 });
  });
  const expected = [
    { t: 'heartbeat', epoch: 3 },
    ...Array.from({ length: 4 }, () => `block 3 1 ${small.header.crc}`),
    `block 3 2 ${large.header.crc}`,
    `ack 3 ${2 ** 40 + 7}`,
    { t: 'heartbeat', epoch: 4 },
  ];
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const { heard, reader } = reading();
    for (let at = 0; at < stream.length; ) {
      const end = Math.min(stream.length, at + 1 + Math.floor(random() * (seed % 2 === 0 ? 12_000 : 40)));
      reader.push(Buffer.from(stream.subarray(at, end)));
      at = end;
    }
    assert.deepEqual(heard, expected, `seed ${seed}`);
  }
});

test('nothing is read after what is no frame, and it is told once', () => {
  for (const bytes of [
    [0, 0, 0, 0, 1],
    [255, 255, 255, 255, 1],
    [2, 0, 0, 0, 9, 9],
    [9, 0, 0, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1],
  ]) {
    const { heard, reader } = reading();
    reader.push(Buffer.from(bytes));
    reader.push(written((socket) => writeAck(socket, { epoch: 1, sequence: 1 })));
    assert.equal(heard.length, 1);
  }
});

test('a frame that the system has not taken yet stays as it was, whatever the memory of its blocks is used for next', () => {
  const waiting: Buffer[] = [];
  const socket = { write: (bytes: Buffer) => waiting.push(bytes) } as unknown as Socket;
  for (const count of [1, 400]) {
    const records = Array.from({ length: count }, (_, at) => record(1024, at));
    const block = encodeBlock({ previous: EMPTY_LOG, epoch: 3, committed: 0, records });
    writeBlocks(socket, 3, [block]);
    block.bytes.fill(0xee);
    const { heard, reader } = reading();
    for (const piece of waiting.splice(0)) reader.push(piece);
    assert.deepEqual(heard, [`block 3 1 ${block.header.crc}`]);
  }
});
