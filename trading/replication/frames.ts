import type { Socket } from 'node:net';
import { type JsonRecord, parseRecord } from '../base/json-record.ts';
import { type Block, decodeBlock, MAX_BLOCK_BYTES } from '../journal/block.ts';

/**
 * On the wire: `u32 length, u8 kind`, then JSON (kind 1), the sender's epoch in 8 bytes and a journal block (kind 2), or epoch and
 * sequence of a plain acknowledgement in 8 bytes each (kind 3).
 */
const KIND_MESSAGE = 1;
const KIND_BLOCK = 2;
const KIND_ACK = 3;
const PREFIX_BYTES = 5;
const EPOCH_BYTES = 8;
const BLOCK_PREFIX_BYTES = PREFIX_BYTES + EPOCH_BYTES;
const ACK_FRAME_BYTES = PREFIX_BYTES + 16;
/** The runtime has memory ready for pieces up to this. */
const POOLED_BYTES = 4000;
/** Memory for frames that is kept is no larger than this: a few turns at most orders a second. */
const KEPT_BYTES = 512 * 1024;
const EMPTY = Buffer.alloc(0);
const MAX_FRAME_BYTES = MAX_BLOCK_BYTES + 4096;

export const writeMessage = (socket: Socket, message: object): void => {
  const text = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + text.length);
  frame.writeUInt32LE(text.length + 1, 0);
  frame[4] = KIND_MESSAGE;
  text.copy(frame, PREFIX_BYTES);
  socket.write(frame);
};

/** A plain acknowledgement: there is one for each turn of a standby. */
export const writeAck = (socket: Socket, ack: { readonly epoch: number; readonly sequence: number }): void => {
  const frame = Buffer.alloc(ACK_FRAME_BYTES);
  frame.writeUInt32LE(ACK_FRAME_BYTES - 4, 0);
  frame[4] = KIND_ACK;
  frame.writeUIntLE(ack.epoch, PREFIX_BYTES, 6);
  frame.writeUIntLE(ack.sequence, PREFIX_BYTES + 8, 6);
  socket.write(frame);
};

/**
 * Writes blocks to one socket, each time as one piece, which is quicker than telling the system of several. They are copied for it, into
 * memory that is used again once the system has taken it.
 */
export class BlockWriter {
  readonly #socket: Socket;
  /** Null while the system has not taken what lies there: what is written meanwhile has memory of its own, no more than it needs. */
  #kept: Buffer | null = EMPTY;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(senderEpoch: number, blocks: readonly Block[]): void {
    const bytes = blocks.reduce((sum, block) => sum + BLOCK_PREFIX_BYTES + block.bytes.length, 0);
    if (bytes === 0) return;
    const kept = bytes > POOLED_BYTES && bytes <= KEPT_BYTES ? this.#takeKept() : null;
    const memory = kept ?? Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const block of blocks) {
      writeBlockPrefix(memory, at, senderEpoch, block);
      at += BLOCK_PREFIX_BYTES + block.bytes.copy(memory, at + BLOCK_PREFIX_BYTES);
    }
    if (kept === null) this.#socket.write(memory);
    else
      this.#socket.write(kept.subarray(0, bytes), () => {
        this.#kept = kept;
      });
  }

  #takeKept(): Buffer | null {
    const kept = this.#kept;
    this.#kept = null;
    return kept === EMPTY ? Buffer.allocUnsafeSlow(KEPT_BYTES) : kept;
  }
}

const writeBlockPrefix = (bytes: Buffer, at: number, senderEpoch: number, block: Block): void => {
  bytes.writeUInt32LE(1 + EPOCH_BYTES + block.bytes.length, at);
  bytes[at + 4] = KIND_BLOCK;
  bytes.writeUIntLE(senderEpoch, at + PREFIX_BYTES, 6);
  bytes.writeUInt16LE(0, at + PREFIX_BYTES + 6);
};

/**
 * Cuts a byte stream into frames. Anything unreadable is reported once; nothing after it is read. The bytes of a chunk are not kept,
 * and those of a block are lent: as they are now until the next `push`.
 */
export class FrameReader {
  readonly #onMessage: (record: JsonRecord) => void;
  readonly #onBlock: (senderEpoch: number, block: Block) => void;
  readonly #onAck: (epoch: number, sequence: number) => void;
  readonly #onBroken: (complaint: string) => void;
  /** The first bytes of a frame, too few to say how long it is. */
  #rest: Buffer = Buffer.alloc(0);
  /** A frame that comes in more than one chunk, and how much of it is there. */
  #frame: Buffer | null = null;
  #filled = 0;
  /** Where such a frame is put together: in the one that the frame before did not have, whose block is in use during this push. */
  readonly #memories: [Buffer, Buffer] = [EMPTY, EMPTY];
  #which: 0 | 1 = 0;
  #ended = false;

  constructor(options: {
    onMessage: (record: JsonRecord) => void;
    onBlock: (senderEpoch: number, block: Block) => void;
    onAck: (epoch: number, sequence: number) => void;
    onBroken: (complaint: string) => void;
  }) {
    this.#onMessage = options.onMessage;
    this.#onBlock = options.onBlock;
    this.#onAck = options.onAck;
    this.#onBroken = options.onBroken;
  }

  end(): void {
    this.#ended = true;
    this.#rest = Buffer.alloc(0);
    this.#frame = null;
  }

  push(chunk: Buffer): void {
    let offset = this.#frame === null ? 0 : this.#fill(this.#frame, chunk);
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = EMPTY;
    while (!this.#ended && bytes.length - offset >= PREFIX_BYTES) {
      const length = bytes.readUInt32LE(offset);
      if (length < 1 || length > MAX_FRAME_BYTES) {
        this.#broken(`a frame of ${length} bytes`);
        return;
      }
      const end = offset + 4 + length;
      if (end > bytes.length) {
        this.#frame = this.#roomFor(end - offset);
        this.#filled = bytes.copy(this.#frame, 0, offset);
        return;
      }
      this.#take(bytes, offset, end);
      offset = end;
    }
    if (!this.#ended && offset < bytes.length) this.#rest = Buffer.from(bytes.subarray(offset));
  }

  #roomFor(length: number): Buffer {
    if (length > KEPT_BYTES) return Buffer.allocUnsafeSlow(length);
    this.#which = this.#which === 0 ? 1 : 0;
    if (this.#memories[this.#which].length < length) this.#memories[this.#which] = Buffer.allocUnsafeSlow(2 * length);
    return this.#memories[this.#which].subarray(0, length);
  }

  /** How much of the chunk belongs to the frame that has begun. */
  #fill(frame: Buffer, chunk: Buffer): number {
    const taken = chunk.copy(frame, this.#filled);
    this.#filled += taken;
    if (this.#filled === frame.length) {
      this.#frame = null;
      this.#take(frame, 0, frame.length);
    }
    return taken;
  }

  #take(bytes: Buffer, offset: number, end: number): void {
    const kind = bytes[offset + 4];
    if (kind === KIND_MESSAGE) {
      const record = parseRecord(bytes.toString('utf8', offset + PREFIX_BYTES, end));
      record === null ? this.#broken('a message that is not JSON') : this.#onMessage(record);
      return;
    }
    if (kind === KIND_ACK && end - offset === ACK_FRAME_BYTES) {
      this.#onAck(bytes.readUIntLE(offset + PREFIX_BYTES, 6), bytes.readUIntLE(offset + PREFIX_BYTES + 8, 6));
      return;
    }
    if (kind !== KIND_BLOCK || end - offset < BLOCK_PREFIX_BYTES) {
      this.#broken(`a frame of kind ${String(kind)}`);
      return;
    }
    const start = offset + BLOCK_PREFIX_BYTES;
    const block = decodeBlock(bytes, start);
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
