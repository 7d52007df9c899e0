import type { PathState } from './path-model.ts';

/** What travels: bytes, the opening of a connection, its orderly end, or its reset. */
export type Parcel = Buffer | 'open' | 'end' | 'reset';

/** Where a line delivers. `full`: nothing more until the line's `unblock()`. */
export type Delivery = (parcels: readonly Parcel[]) => 'ready' | 'full';

/**
 * One direction of one path, shared by every connection that uses it. When the path closes, what is under way is held; when
 * it opens again it arrives one path latency later, as a retransmission would.
 */
export class Lane {
  #state: PathState;
  readonly #lines = new Set<DelayLine>();
  readonly #clock: LineClock;

  constructor(state: PathState, clock: LineClock) {
    this.#state = state;
    this.#clock = clock;
  }

  get state(): PathState {
    return this.#state;
  }

  change(state: PathState): void {
    const reopened = state.open && !this.#state.open;
    this.#state = state;
    if (reopened) for (const line of this.#lines) line.resend();
  }

  line(delivery: Delivery): DelayLine {
    const line = new DelayLine(this, this.#clock, delivery);
    this.#lines.add(line);
    return line;
  }

  drop(line: DelayLine): void {
    this.#lines.delete(line);
  }
}

/** First in, first out, each parcel after the latency its lane had when it was sent. */
export class DelayLine {
  readonly #lane: Lane;
  readonly #clock: LineClock;
  readonly #delivery: Delivery;
  #parcels: { readonly parcel: Parcel; readonly dueAt: number }[] = [];
  #notBefore = 0;
  #lastDueAt = 0;
  #queuedBytes = 0;
  #blocked = false;
  #closed = false;
  /** Kept by the clock: is this line in its heap? */
  scheduled = false;

  constructor(lane: Lane, clock: LineClock, delivery: Delivery) {
    this.#lane = lane;
    this.#clock = clock;
    this.#delivery = delivery;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** When the first parcel may be delivered; infinite while nothing can be. */
  get dueAt(): number {
    const first = this.#parcels[0];
    if (first === undefined || this.#blocked || this.#closed || !this.#lane.state.open) return Number.POSITIVE_INFINITY;
    return Math.max(first.dueAt, this.#notBefore);
  }

  send(parcel: Parcel): void {
    if (this.#closed) return;
    const { open, oneWayMs, lossPercent } = this.#lane.state;
    if (open && oneWayMs === 0 && lossPercent === 0 && this.#parcels.length === 0 && !this.#blocked) {
      if (this.#delivery([parcel]) === 'full') this.#blocked = true;
      return;
    }
    let dueAt = this.#clock.now() + oneWayMs;
    if (lossPercent > 0 && this.#clock.chance() * 100 < lossPercent) dueAt += retransmissionMs(oneWayMs);
    this.#lastDueAt = Math.max(this.#lastDueAt, dueAt);
    this.#parcels.push({ parcel, dueAt: this.#lastDueAt });
    if (typeof parcel !== 'string') this.#queuedBytes += parcel.length;
    this.#clock.schedule(this);
  }

  /** Delivers what is due. Called by the clock only. */
  deliverUntil(nowMs: number): void {
    if (this.dueAt > nowMs) return;
    let count = 0;
    const due: Parcel[] = [];
    for (const { parcel, dueAt } of this.#parcels) {
      if (dueAt > nowMs) break;
      count += 1;
      due.push(parcel);
      if (typeof parcel === 'string') break;
      this.#queuedBytes -= parcel.length;
    }
    this.#parcels.splice(0, count);
    if (this.#delivery(due) === 'full') this.#blocked = true;
    else if (typeof due.at(-1) === 'string') this.deliverUntil(nowMs);
  }

  /** The receiving side can take more. */
  unblock(): void {
    this.#blocked = false;
    this.#clock.schedule(this);
  }

  /** The path is open again: what was held sets out anew. */
  resend(): void {
    this.#notBefore = this.#clock.now() + this.#lane.state.oneWayMs;
    this.#clock.schedule(this);
  }

  close(): void {
    this.#closed = true;
    this.#parcels = [];
    this.#queuedBytes = 0;
    this.#lane.drop(this);
  }
}

/** What TCP needs to notice and repeat a lost segment at the end of a burst. */
const retransmissionMs = (oneWayMs: number): number => Math.max(200, 4 * oneWayMs);

/**
 * One timer for all lines: wakes for the earliest parcel and serves everything that is due within half a millisecond, so that
 * thousands of messages a second cost at most a thousand wake-ups.
 */
export class LineClock {
  readonly #heap: DelayLine[] = [];
  readonly #due: number[] = [];
  #timer: NodeJS.Timeout | null = null;
  #wakesAt = Number.POSITIVE_INFINITY;
  #seed = 0x9e3779b9;

  now(): number {
    return performance.now();
  }

  /** Uniform in [0, 1), the same sequence in every run. */
  chance(): number {
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    return (this.#seed >>> 0) / 0x1_0000_0000;
  }

  schedule(line: DelayLine): void {
    if (line.scheduled) return;
    const dueAt = line.dueAt;
    if (dueAt === Number.POSITIVE_INFINITY) return;
    line.scheduled = true;
    this.#push(line, dueAt);
    this.#arm();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#heap.length = 0;
    this.#due.length = 0;
  }

  #tick(): void {
    this.#timer = null;
    this.#wakesAt = Number.POSITIVE_INFINITY;
    const until = this.now() + toleranceMs;
    const again: DelayLine[] = [];
    while (this.#heap.length > 0 && this.#due[0]! <= until) {
      const line = this.#pop();
      line.scheduled = false;
      line.deliverUntil(until);
      again.push(line);
    }
    for (const line of again) this.schedule(line);
    this.#arm();
  }

  #arm(): void {
    const first = this.#due[0];
    if (first === undefined || first >= this.#wakesAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#wakesAt = first;
    // A timer counts whole milliseconds of the host's clock from the one in which it was set: it rings when `first` is near enough,
    // and not before, because then a second one would be needed.
    const hostMs = Number(process.hrtime.bigint()) / 1e6;
    const wholeMs = Math.ceil(hostMs + first - this.now() - toleranceMs) - Math.floor(hostMs);
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, wholeMs));
  }

  #push(line: DelayLine, dueAt: number): void {
    let at = this.#heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#due[parent]! <= dueAt) break;
      this.#heap[at] = this.#heap[parent]!;
      this.#due[at] = this.#due[parent]!;
      at = parent;
    }
    this.#heap[at] = line;
    this.#due[at] = dueAt;
  }

  #pop(): DelayLine {
    const first = this.#heap[0]!;
    const line = this.#heap.pop()!;
    const dueAt = this.#due.pop()!;
    const size = this.#heap.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#due[child + 1]! < this.#due[child]!) child += 1;
      if (this.#due[child]! >= dueAt) break;
      this.#heap[at] = this.#heap[child]!;
      this.#due[at] = this.#due[child]!;
      at = child;
    }
    this.#heap[at] = line;
    this.#due[at] = dueAt;
    return first;
  }
}

const toleranceMs = 0.5;
