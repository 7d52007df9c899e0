import { BodyWriter } from './body-writer.ts';
import type { FixMessage } from './fix-message.ts';
import { FrameReader } from './frame-reader.ts';
import { KeptSession } from './kept-session.ts';
import { SessionCore } from './session-core.ts';
import type { FixEntry } from './session-entry.ts';
import { type EntryLog, SessionStore } from './session-store.ts';
import type { DeliveryMarks, SessionEffects, SessionNotice, SessionOptions } from './session-types.ts';
import type { SimulatedTime, SimulatedWire, WireEnd } from './simulated-wire.ts';
import { TAG } from './tags.ts';

const WALL_BASE_MS = Date.UTC(2026, 0, 5, 9);

/** What an endpoint tells its world of. */
export interface EndpointWatch {
  /** Whole frames that left. */
  left(frames: Buffer): void;
  /** `place`: how much of the disk has to survive for this delivery to be remembered. */
  delivered(id: string, possDup: boolean, place: number): void;
  /** Of the deliveries, those that needed more of the disk than this are forgotten. */
  forgotAfter(place: number): void;
  accepted(id: string): void;
  notice(notice: SessionNotice): void;
  violation(text: string): void;
}

/** One side: a process that may die at any moment, and a disk that keeps what was safe and perhaps some of the rest. */
export class SimulatedEndpoint implements WireEnd, EntryLog {
  readonly #options: SessionOptions;
  readonly #time: SimulatedTime;
  readonly #random: () => number;
  readonly #watch: EndpointWatch;
  readonly #writer = new BodyWriter();
  #disk: FixEntry[] = [];
  #safe = 0;
  #waiting: { place: number; done: () => void }[] = [];
  #syncing = false;
  #life = 0;
  #core: SessionCore | null = null;
  #store: SessionStore | null = null;
  #reader: FrameReader | null = null;
  #wire: { wire: SimulatedWire; end: 0 | 1 } | null = null;
  #batch: Buffer[] = [];
  #nextId = 1;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(options: {
    session: SessionOptions;
    time: SimulatedTime;
    random: () => number;
    watch: EndpointWatch;
  }) {
    this.#options = options.session;
    this.#time = options.time;
    this.#random = options.random;
    this.#watch = options.watch;
    this.start();
  }

  get alive(): boolean {
    return this.#core !== null;
  }
  get core(): SessionCore | null {
    return this.#core;
  }
  get connected(): boolean {
    return this.#wire !== null;
  }

  start(): void {
    const kept = new KeptSession('s', { inMemory: 8 });
    this.#disk.forEach((entry, at) => {
      kept.apply(entry, at + 1);
    });
    this.#store = new SessionStore(this, kept);
    const life = this.#life;
    const store = this.#store;
    const effects: SessionEffects = {
      keepSent: (message) => store.keepSent(message),
      keepNumbersBefore: (next) => store.keepNumbersBefore(next),
      keepReceived: (next) => store.keepReceived(next),
      keepReset: () => store.keepReset(),
      transmit: (frame) => this.#transmit(frame),
      deliver: (message, marks) => this.#deliver(message, marks),
      disconnect: () => this.#hangUp(life),
      notice: (notice) => this.#watch.notice(notice),
    };
    this.#core = new SessionCore({ session: this.#options, numbers: kept.numbers, sent: store, effects });
  }

  crash(): void {
    if (this.#core === null) return;
    this.#life += 1;
    this.#core = null;
    this.#store = null;
    this.#waiting = [];
    this.#syncing = false;
    this.#batch = [];
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const keep = this.#safe + Math.floor(this.#random() * (this.#disk.length - this.#safe + 1));
    this.#disk.length = keep;
    this.#safe = keep;
    this.#watch.forgotAfter(keep);
    this.#wire?.wire.cut({ silent: this.#random() < 0.3 });
    this.#wire = null;
  }

  connect(wire: SimulatedWire, end: 0 | 1): void {
    this.#core!.disconnected('replaced');
    this.#finish();
    this.#wire = { wire, end };
    this.#reader = new FrameReader({
      maxMessageBytes: 4096,
      onMessage: (message) => {
        if (this.#wire?.wire === wire) this.#core?.receive(message, this.#now);
      },
      onGarbled: (found) => {
        if (this.#wire?.wire === wire) this.#core?.garbled(found);
      },
    });
    this.#core!.connected(this.#now);
    this.#finish();
  }

  bytes(chunk: Buffer): void {
    if (this.#core === null || this.#wire === null) return;
    this.#reader?.push(chunk);
    this.#finish();
  }

  closed(): void {
    if (this.#core === null || this.#wire === null) return;
    this.#wire = null;
    this.#core.disconnected('the connection was cut');
    this.#finish();
  }

  /** Sends one message of the application, and now and then a few at once. */
  send(): void {
    if (this.#core === null) return;
    const count = this.#random() < 0.1 ? 1 + Math.floor(this.#random() * 20) : 1;
    const ids: string[] = [];
    for (let at = 0; at < count; at++) {
      const id = `m${this.#nextId++}`;
      const fields = this.#writer.begin().text(TAG.ClOrdID, id).text(TAG.Side, '1');
      if (this.#core.send('H', fields.body(), { now: this.#now }) !== null) ids.push(id);
    }
    this.#finish();
    this.whenSafe(() => {
      for (const id of ids) this.#watch.accepted(id);
    });
  }

  logout(): void {
    this.#core?.logout('end of day', this.#now);
    this.#finish();
  }

  append(entries: readonly FixEntry[]): number {
    this.#disk.push(...entries);
    return this.#disk.length - entries.length + 1;
  }

  whenSafe(done: () => void): void {
    if (this.#waiting.length === 0 && this.#safe === this.#disk.length) {
      done();
      return;
    }
    this.#waiting.push({ place: this.#disk.length, done });
    this.#sync();
  }

  read(place: number): FixEntry | null {
    return this.#disk[place - 1] ?? null;
  }

  #sync(): void {
    if (this.#syncing || this.#safe === this.#disk.length) return;
    this.#syncing = true;
    const life = this.#life;
    const target = this.#disk.length;
    this.#time.at(this.#time.nowMs + this.#random() * (this.#random() < 0.02 ? 800 : 5), () => {
      if (life !== this.#life) return;
      this.#syncing = false;
      this.#safe = target;
      while (this.#waiting.length > 0 && this.#waiting[0]!.place <= target) this.#waiting.shift()!.done();
      this.#sync();
    });
  }

  get #now(): { monoMs: number; wallMs: number } {
    return { monoMs: this.#time.nowMs, wallMs: Math.floor(WALL_BASE_MS + this.#time.nowMs) };
  }

  #transmit(frame: Buffer): boolean {
    this.#batch.push(Buffer.from(frame));
    if (this.#random() > 0.02) return true;
    const life = this.#life;
    this.#time.at(this.#time.nowMs + this.#random() * 200, () => {
      if (life !== this.#life) return;
      this.#core?.drained(this.#now);
      this.#finish();
    });
    return false;
  }

  #deliver(message: FixMessage, marks: DeliveryMarks): void {
    const id = message.text(TAG.ClOrdID);
    if (id === null) this.#watch.violation('a message arrived without what was in it');
    else this.#watch.delivered(id, marks.possDup, this.#disk.length);
  }

  #hangUp(life: number): void {
    if (life !== this.#life || this.#wire === null) return;
    const { wire } = this.#wire;
    this.#wire = null;
    const batch = this.#batch;
    this.#batch = [];
    this.#flush(batch, wire);
    this.#time.at(this.#time.nowMs + 40, () => wire.cut({ silent: this.#random() < 0.1 }));
  }

  /** The end of a turn: what was kept goes to the disk, what is to be sent follows when it is safe. */
  #finish(): void {
    const batch = this.#batch;
    this.#batch = [];
    if (this.#wire === null) this.#store?.settle();
    else this.#flush(batch, this.#wire.wire);
    this.#arm();
  }

  #flush(batch: readonly Buffer[], wire: SimulatedWire): void {
    const end = this.#options.role === 'initiator' ? 0 : 1;
    const store = this.#store;
    store?.settle();
    if (store !== null && batch.length > 0) {
      store.whenSafe(() => {
        const bytes = Buffer.concat(batch);
        this.#watch.left(bytes);
        wire.send(end, bytes);
      });
    }
  }

  #arm(): void {
    const wakeAtMs = this.#core?.wakeAtMs ?? Number.POSITIVE_INFINITY;
    if (wakeAtMs === Number.POSITIVE_INFINITY || wakeAtMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = wakeAtMs;
    const life = this.#life;
    this.#time.at(wakeAtMs, () => {
      if (life !== this.#life) return;
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#core?.tick(this.#now);
      this.#finish();
    });
  }
}
