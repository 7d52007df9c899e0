import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { type Block, decodeBlock, EMPTY_LOG, encodeBlock } from '../journal/block.ts';
import { BlockWriter, FrameReader, writeAck, writeMessage } from './frames.ts';
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
    new BlockWriter(socket).write(3, [small]);
    new BlockWriter(socket).write(3, [small, small]);
    new BlockWriter(socket).write(3, [small, large]);
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
      // Its memory is used again, as that of a socket is which reads into the same all the time.
      const chunk = Buffer.from(stream.subarray(at, end));
      reader.push(chunk);
      chunk.fill(0xff);
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
    new BlockWriter(socket).write(3, [block]);
    block.bytes.fill(0xee);
    const { heard, reader } = reading();
    for (const piece of waiting.splice(0)) reader.push(piece);
    assert.deepEqual(heard, [`block 3 1 ${block.header.crc}`]);
  }
});

/** Blocks that follow each other, of such many records. */
const chainOf = (counts: readonly number[]): Block[] => {
  let previous = EMPTY_LOG;
  return counts.map((count) => {
    const records = Array.from({ length: count }, (_, at) => record(1024, at));
    const block = encodeBlock({ previous, epoch: 3, committed: 0, records });
    previous = { sequence: previous.sequence + count, epoch: 3, crc: block.header.crc };
    return block;
  });
};

test('what is written is what the blocks were, however late the system takes it, and in whatever order it says so', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const blocks = chainOf(Array.from({ length: 60 }, () => 1 + Math.floor(random() * 40)));
    const inFlight: { readonly bytes: Buffer; readonly done: () => void }[] = [];
    const stream: Buffer[] = [];
    const takeOne = () => {
      const { bytes, done } = inFlight.shift()!;
      stream.push(Buffer.from(bytes));
      done();
    };
    const write = (bytes: Buffer, done = () => {}) => inFlight.push({ bytes, done });
    const writer = new BlockWriter({ write } as unknown as Socket);
    for (const block of blocks) {
      writer.write(3, [block]);
      while (inFlight.length > 0 && random() < 0.6) takeOne();
    }
    while (inFlight.length > 0) takeOne();
    const { heard, reader } = reading();
    for (const piece of stream) reader.push(piece);
    assert.deepEqual(
      heard,
      blocks.map(({ header }) => `block 3 ${header.firstSequence} ${header.crc}`),
    );
  }
});

test('every block of a push is as it came until the next push, wherever the stream is cut', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const blocks = chainOf(Array.from({ length: 40 }, () => 1 + Math.floor(random() * 20)));
    const stream = written((socket) => new BlockWriter(socket).write(3, blocks));
    const lent: Block[] = [];
    const seen: number[] = [];
    const fail = () => assert.fail();
    const reader = new FrameReader({
      onMessage: fail,
      onAck: fail,
      onBroken: fail,
      onBlock: (_, block) => lent.push(block),
    });
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + Math.floor(random() * 30_000);
      // The chunk itself is the runtime's: nothing else uses its memory again.
      reader.push(Buffer.from(stream.subarray(at, end)));
      for (const { bytes, header } of lent.splice(0)) {
        assert.equal(decodeBlock(bytes, 0)?.header.crc, header.crc);
        seen.push(header.crc);
      }
      at = end;
    }
    assert.deepEqual(
      seen,
      blocks.map(({ header }) => header.crc),
    );
  }
});

test('what waits for a replica that reads nothing takes little more memory than it is long', () => {
  const waiting: Buffer[] = [];
  const writer = new BlockWriter({ write: (bytes: Buffer) => waiting.push(bytes) } as unknown as Socket);
  for (const block of chainOf([1, 1, 20, 1, 20, 300, 20, 600, 1, 20])) writer.write(3, [block]);
  const pieces = [...new Set(waiting.map(({ buffer }) => buffer))];
  const memory = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = waiting.reduce((sum, { length }) => sum + length, 0);
  assert.ok(memory < bytes + 600 * 1024, `${memory} for ${bytes}`);
});
