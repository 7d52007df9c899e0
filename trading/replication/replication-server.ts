import { createServer, type Server, type Socket } from 'node:net';
import { Door } from '../base/door.ts';
import type { JsonRecord } from '../base/json-record.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import type { TokenFile } from '../base/token-file.ts';
import { type Block, lastSequenceOf } from '../journal/block.ts';
import type { Journal } from '../journal/journal.ts';
import { JournalRemoved } from '../journal/recovery-start.ts';
import { JournalCorrupt } from '../journal/segment-recovery.ts';
import { BlockWriter, FrameReader, writeMessage } from './frames.ts';
import { parseStandbyMessage } from './messages.ts';
import { PrimaryCore, type PrimaryEffect, type PrimaryEvent } from './primary-core.ts';

export interface ReplicationServerOptions {
  readonly instance: string;
  readonly journal: Journal;
  readonly lostAfterMs: number;
  /** What a replica must show with its first message; left out or null = nothing. */
  readonly token?: TokenFile | null;
  readonly windowEntries: number;
  readonly stateHashAt: (sequence: number) => string | null;
  /** See `PrimaryCoreOptions`. */
  readonly readersStored?: () => number;
  /** Everything up to here is held by the whole acknowledgement set. */
  readonly onHeld: (sequence: number) => void;
  readonly onReplicasChanged: () => void;
  readonly onSuperseded: (epoch: number) => void;
}

const SEND_BYTES = 256 * 1024;
/** Replicas, and their old connections. */
const MOST_CONNECTIONS = 64;

/**
 * Standbys hear of a new holder before it has been promoted. Refused, they would come again later than they need to; so they wait
 * here for as long, which is less than a standby's own patience.
 */
const REFUSE_AFTER_MS = 1000;

interface Peer {
  readonly socket: Socket;
  readonly reader: FrameReader;
  readonly blocks: BlockWriter;
}

/** The primary's replication port. It always listens; while the instance is not primary standbys wait for a moment and are refused. */
export class ReplicationServer {
  readonly #options: ReplicationServerOptions;
  readonly #server: Server;
  readonly #door: Door;
  readonly #connections = new Map<number, Peer>();
  /** Came while this instance was not primary; nothing has been read from them. */
  readonly #early = new Map<Socket, NodeJS.Timeout>();
  #nextConnection = 1;
  #core: PrimaryCore | null = null;
  #epoch = 0;

  constructor(options: ReplicationServerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#door = new Door(this.#server, { most: MOST_CONNECTIONS });
  }

  /** The running state machine; null while the instance is not primary. */
  get core(): PrimaryCore | null {
    return this.#core;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  listen(options: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options.port, options.host, () => resolve());
    });
  }

  start(options: { readonly epoch: number; readonly ackSet: readonly string[] }): void {
    this.stop();
    const { instance, journal, lostAfterMs, windowEntries, stateHashAt, readersStored } = this.#options;
    this.#epoch = options.epoch;
    const settings = { instance, log: journal, lostAfterMs, windowEntries, stateHashAt };
    this.#core = new PrimaryCore({
      ...options,
      ...settings,
      ...(readersStored === undefined ? {} : { readersStored }),
    });
    this.step({ kind: 'local-durable' });
    for (const [socket, timer] of this.#early) {
      clearTimeout(timer);
      this.#serve(socket);
    }
    this.#early.clear();
  }

  stop(): void {
    this.#core = null;
    for (const { socket, reader } of this.#connections.values()) {
      reader.end();
      socket.destroy();
    }
    this.#connections.clear();
  }

  step(event: PrimaryEvent): void {
    if (this.#core === null) return;
    for (const effect of this.#core.step(event)) this.#perform(effect);
  }

  close(): Promise<void> {
    this.stop();
    for (const [socket, timer] of this.#early) {
      clearTimeout(timer);
      socket.destroy();
    }
    this.#early.clear();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#core !== null) return this.#serve(socket);
    const refuse = () => {
      this.#early.delete(socket);
      writeMessage(socket, { t: 'refused', code: 'not-primary', epoch: this.#epoch });
      socket.end();
      socket.resume();
    };
    this.#early.set(socket, setTimeout(refuse, REFUSE_AFTER_MS));
    socket.on('close', () => {
      clearTimeout(this.#early.get(socket));
      this.#early.delete(socket);
    });
  }

  #serve(socket: Socket): void {
    const connection = this.#nextConnection++;
    const reader = new FrameReader({
      onMessage: (record) => {
        this.#door.spoke(socket);
        if (!this.#believes(record)) return this.#turnAway(connection, socket);
        const message = parseStandbyMessage(record);
        if (message === null) socket.destroy();
        else this.step({ kind: 'message', connection, message, nowMs: monoNowMs() });
      },
      onAck: (epoch, sequence) =>
        this.step({ kind: 'message', connection, message: { t: 'ack', epoch, sequence }, nowMs: monoNowMs() }),
      onBlock: () => socket.destroy(),
      onBroken: () => socket.destroy(),
    });
    this.#connections.set(connection, { socket, reader, blocks: new BlockWriter(socket) });
    this.step({ kind: 'connected', connection, nowMs: monoNowMs() });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('close', () => {
      if (!this.#connections.delete(connection)) return;
      this.step({ kind: 'closed', connection });
    });
  }

  /** Whatever a stranger says, also of epochs, is not heard. */
  #believes(record: JsonRecord): boolean {
    const token = this.#options.token ?? null;
    return token === null || record['t'] !== 'hello' || token.accepts(record['token']);
  }

  #turnAway(connection: number, socket: Socket): void {
    writeMessage(socket, { t: 'refused', code: 'unauthorized', epoch: this.#epoch });
    this.#perform({ kind: 'close', connection, reason: 'it did not show the token' });
    this.step({ kind: 'closed', connection });
  }

  /** Null when what a replica needs cannot be read: it is told, and connects again. */
  #read(connection: number, after: number): readonly Block[] | null {
    try {
      return this.#options.journal.blocksAfter(after, SEND_BYTES);
    } catch (error) {
      if (!(error instanceof JournalRemoved || error instanceof JournalCorrupt)) throw error;
      const code = error instanceof JournalRemoved ? 'removed' : 'damaged';
      this.#perform({ kind: 'send', connection, message: { t: 'refused', code, epoch: this.#epoch } });
      this.#perform({ kind: 'close', connection, reason: error.message });
      this.step({ kind: 'closed', connection });
      return null;
    }
  }

  #perform(effect: PrimaryEffect): void {
    switch (effect.kind) {
      case 'send': {
        const peer = this.#connections.get(effect.connection);
        if (peer !== undefined) writeMessage(peer.socket, effect.message);
        return;
      }
      case 'send-log': {
        const peer = this.#connections.get(effect.connection);
        if (peer === undefined) return;
        const blocks = this.#read(effect.connection, effect.after);
        if (blocks === null) return;
        const last = blocks.at(-1);
        peer.blocks.write(this.#epoch, blocks);
        const sequence = last === undefined ? effect.after : lastSequenceOf(last.header);
        this.step({ kind: 'sent', connection: effect.connection, sequence });
        return;
      }
      case 'close': {
        const peer = this.#connections.get(effect.connection);
        this.#connections.delete(effect.connection);
        peer?.reader.end();
        peer?.socket.end();
        peer?.socket.resume();
        return;
      }
      case 'held':
        this.#options.onHeld(effect.sequence);
        return;
      case 'replicas-changed':
      case 'state-differs':
        this.#options.onReplicasChanged();
        return;
      case 'superseded':
        this.#options.onSuperseded(effect.epoch);
        return;
    }
  }
}
