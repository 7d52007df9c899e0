import type { EventQueue } from './event-queue.ts';

export interface LogEntry {
  readonly id: number;
  readonly epoch: number;
  /** Takes risk away: a cancel. */
  readonly cancel: boolean;
}

/** A log on a disk that may be slow: what is not on it yet is gone when power is lost, and is never acknowledged. */
export class DiskLog {
  readonly #queue: EventQueue;
  #entries: LogEntry[] = [];
  #synced = 0;
  /** How long a write to the disk takes. */
  diskMs = 0;
  /** Nothing can be written to it: whoever needs it ends, also as soon as it is started. */
  isFull = false;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  get entries(): readonly LogEntry[] {
    return this.#entries;
  }
  get length(): number {
    return this.#entries.length;
  }
  /** So many entries are on the disk. */
  get synced(): number {
    return this.#synced;
  }

  /** Is this entry on the disk? */
  holds(index: number, id: number): boolean {
    return index < this.#synced && this.#entries[index]?.id === id;
  }

  add(entry: LogEntry): void {
    this.#entries.push(entry);
  }

  /** Whatever is in it counts as written, e.g. because replay has ended. */
  settle(): void {
    this.#synced = this.#entries.length;
  }

  losePower(): void {
    this.#entries.length = Math.min(this.#entries.length, this.#synced);
  }

  /** Up to `common` it stays as it is; what follows is the other one's. */
  continueWith(common: number, other: readonly LogEntry[]): void {
    this.#synced = Math.min(this.#synced, common);
    this.#entries = [...this.#entries.slice(0, common), ...other.slice(common)];
  }

  /** How far it says the same as another one, from the beginning. */
  commonWith(other: readonly LogEntry[]): number {
    const shortest = Math.min(other.length, this.#entries.length);
    let common = 0;
    while (
      common < shortest &&
      other[common]!.id === this.#entries[common]!.id &&
      other[common]!.epoch === this.#entries[common]!.epoch
    )
      common += 1;
    return common;
  }

  /** Runs `then` now and, with a slow disk, again when everything up to here is on it, if `lives` still. */
  sync(lives: () => boolean, then: () => void): void {
    const upTo = this.#entries.length;
    if (this.diskMs === 0) this.#synced = upTo;
    else
      this.#queue.after(this.diskMs, () => {
        if (!lives()) return;
        this.#synced = Math.max(this.#synced, Math.min(upTo, this.#entries.length));
        then();
      });
    then();
  }
}
