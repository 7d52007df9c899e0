import { connect, type Socket } from 'node:net';
import { monoNowMs } from '../base/mono-clock.ts';
import type { TokenFile } from '../base/token-file.ts';
import { parseAddress } from '../control/contract-params.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import type { Block } from '../journal/block.ts';
import type { Journal, KeptTail } from '../journal/journal.ts';
import { FrameReader, writeAck, writeMessage } from './frames.ts';
import { parsePrimaryMessage, type StandbyMessage, type StateHash } from './messages.ts';
import { StandbyCore, type StandbyEffect, type StandbyEvent } from './standby-core.ts';

export interface ReplicationClientOptions {
  readonly instance: string;
  /** Shown to the primary; left out or null = none. */
  readonly token?: TokenFile | null;
  readonly journal: Journal;
  readonly epochs: EpochStore;
  readonly dialDeadlineMs: number;
  readonly silenceLimitMs: number;
  /** See `StandbyCoreOptions`. */
  readonly answerAfterMs: number;
  readonly stateHash: () => StateHash | null;
  /** A block was written to the journal. */
  readonly onBlock: (block: Block) => void;
  readonly onStored: (sequence: number) => void;
  /** The journal was cut; what was computed from it must be computed again. */
  readonly onCut: (tail: KeptTail) => void;
  readonly onUpstreamChanged: () => void;
}

/** What comes is read into the same memory again and again: at full speed new memory for it is a tenth of a standby's work. */
const READ_BYTES = 256 * 1024;

/** The standby's side of replication: carries out what its core says over one TCP connection at a time. */
export class ReplicationClient {
  readonly #options: ReplicationClientOptions;
  readonly core: StandbyCore;
  #connection = 0;
  #socket: Socket | null = null;
  #reader: FrameReader | null = null;
  /** Written in this turn, and not yet applied. */
  #appended: Block[] = [];
  /** Why the last connection ended, for people. */
  lastReason: string | null = null;

  constructor(options: ReplicationClientOptions) {
    this.#options = options;
    const { journal, ...rest } = options;
    this.core = new StandbyCore({ ...rest, log: journal });
  }

  step(event: StandbyEvent): void {
    for (const effect of this.core.step(event)) this.#perform(effect);
  }

  #perform(effect: StandbyEffect): void {
    const { journal, epochs } = this.#options;
    switch (effect.kind) {
      case 'dial':
        this.#dial(effect.connection, effect.address);
        return;
      case 'close':
        this.lastReason = effect.reason;
        if (effect.connection === this.#connection) this.#hangUp();
        return;
      case 'send':
        if (effect.connection === this.#connection && this.#socket !== null) this.#send(this.#socket, effect.message);
        return;
      case 'store-epoch':
        epochs.raise(effect.epoch);
        return;
      case 'append':
        journal.appendBlock(effect.block);
        this.#appended.push(effect.block);
        return;
      case 'note-released':
        journal.noteReleased(effect.sequence);
        return;
      case 'note-stored':
        this.#options.onStored(effect.sequence);
        return;
      case 'cut': {
        const tail = journal.cutAfter(effect.after);
        this.#options.onCut(tail);
        this.step({ kind: 'cut-done' });
        return;
      }
      case 'upstream-changed':
        this.#options.onUpstreamChanged();
        return;
    }
  }

  /** All blocks that came together are made durable together, and acknowledged before the state is computed from them. */
  #finishTurn(): void {
    if (this.#appended.length === 0) return;
    const blocks = this.#appended;
    this.#appended = [];
    this.#options.journal.sync();
    for (const block of blocks) this.#options.onBlock(block);
  }

  #send(socket: Socket, message: StandbyMessage): void {
    const token = this.#options.token ?? null;
    if (message.t === 'ack' && message.state === undefined) writeAck(socket, message);
    else writeMessage(socket, token === null || message.t !== 'hello' ? message : { ...message, token: token.text });
  }

  #dial(connection: number, text: string): void {
    this.#hangUp();
    this.#connection = connection;
    const address = parseAddress(text);
    if (address === null) return;
    const memory = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (length: number): boolean => {
      reader.push(memory.subarray(0, length));
      this.#finishTurn();
      return true;
    };
    const socket = connect({ ...address, noDelay: true, onread: { buffer: memory, callback } });
    const reader = new FrameReader({
      onMessage: (record) => {
        const message = parsePrimaryMessage(record);
        if (message === null) socket.destroy();
        else this.step({ kind: 'message', connection, message, nowMs: monoNowMs() });
      },
      onBlock: (senderEpoch, block) => this.step({ kind: 'block', connection, senderEpoch, block, nowMs: monoNowMs() }),
      onAck: () => socket.destroy(),
      onBroken: () => socket.destroy(),
    });
    this.#socket = socket;
    this.#reader = reader;
    socket.on('connect', () => this.step({ kind: 'connected', connection, nowMs: monoNowMs() }));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.step({ kind: 'closed', connection, nowMs: monoNowMs() }));
  }

  #hangUp(): void {
    this.#reader?.end();
    this.#socket?.destroy();
    this.#socket = null;
    this.#reader = null;
  }
}
