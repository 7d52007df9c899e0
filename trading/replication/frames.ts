import type { Socket } from 'node:net';
import { type JsonRecord, parseRecord } from '../base/json-record.ts';
import { type Block, decodeBlock, MAX_BLOCK_BYTES } from '../journal/block.ts';

/** On the wire: `u32 length, u8 kind`, then JSON (kind 1) or the sender's epoch in 8 bytes and a journal block (kind 2). */
const KIND_MESSAGE = 1;
const KIND_BLOCK = 2;
const PREFIX_BYTES = 5;
const EPOCH_BYTES = 8;
const MAX_FRAME_BYTES = MAX_BLOCK_BYTES + 4096;

export const writeMessage = (socket: Socket, message: object): void => {
  const text = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + text.length);
  frame.writeUInt32LE(text.length + 1, 0);
  frame[4] = KIND_MESSAGE;
  text.copy(frame, PREFIX_BYTES);
  socket.write(frame);
};

/** Writes blocks as one burst. */
export const writeBlocks = (socket: Socket, senderEpoch: number, blocks: readonly Block[]): void => {
  socket.cork();
  for (const block of blocks) {
    const prefix = Buffer.alloc(PREFIX_BYTES + EPOCH_BYTES);
    prefix.writeUInt32LE(1 + EPOCH_BYTES + block.bytes.length, 0);
    prefix[4] = KIND_BLOCK;
    prefix.writeUIntLE(senderEpoch, PREFIX_BYTES, 6);
    socket.write(prefix);
    socket.write(block.bytes);
  }
  socket.uncork();
};

/** Cuts a byte stream into frames. Anything unreadable is reported once; nothing after it is read. */
export class FrameReader {
  readonly #onMessage: (record: JsonRecord) => void;
  readonly #onBlock: (senderEpoch: number, block: Block) => void;
  readonly #onBroken: (complaint: string) => void;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(options: {
    onMessage: (record: JsonRecord) => void;
    onBlock: (senderEpoch: number, block: Block) => void;
    onBroken: (complaint: string) => void;
  }) {
    this.#onMessage = options.onMessage;
    this.#onBlock = options.onBlock;
    this.#onBroken = options.onBroken;
  }

  end(): void {
    this.#ended = true;
    this.#rest = Buffer.alloc(0);
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    while (!this.#ended && bytes.length - offset >= PREFIX_BYTES) {
      const length = bytes.readUInt32LE(offset);
      if (length < 1 || length > MAX_FRAME_BYTES) {
        this.#broken(`a frame of ${length} bytes`);
        return;
      }
      const end = offset + 4 + length;
      if (end > bytes.length) break;
      this.#frame(bytes, offset, end);
      offset = end;
    }
    if (!this.#ended) this.#rest = bytes.subarray(offset);
  }

  #frame(bytes: Buffer, offset: number, end: number): void {
    const kind = bytes[offset + 4];
    if (kind === KIND_MESSAGE) {
      const record = parseRecord(bytes.toString('utf8', offset + PREFIX_BYTES, end));
      record === null ? this.#broken('a message that is not JSON') : this.#onMessage(record);
      return;
    }
    if (kind !== KIND_BLOCK || end - offset < PREFIX_BYTES + EPOCH_BYTES) {
      this.#broken(`a frame of kind ${String(kind)}`);
      return;
    }
    const start = offset + PREFIX_BYTES + EPOCH_BYTES;
    // A copy: the block outlives the chunk it came in.
    const block = decodeBlock(Buffer.from(bytes.subarray(start, end)), 0);
    if (block === null || block.bytes.length !== end - start) {
      this.#broken('a block whose checksum is wrong');
      return;
    }
    this.#onBlock(bytes.readUIntLE(offset + PREFIX_BYTES, 6), block);
  }

  #broken(complaint: string): void {
    this.end();
    this.#onBroken(complaint);
  }
}
