import { closeSync, fdatasync, fsyncSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../base/durable-file.ts';
import { type Block, blockEnd, decodeBlock, EMPTY_LOG, type LogEnd, lastSequenceOf, whyNotNext } from './block.ts';
import { BlockIndex } from './block-index.ts';
import { CommitMarker } from './commit-marker.ts';
import { segmentNames } from './journal-reader.ts';
import { OldSegments } from './old-segments.ts';
import { RecentBlocks } from './recent-blocks.ts';
import type { RecordBatch } from './record-batch.ts';
import { endBefore, firstOf, JournalRemoved, OtherHistory, recoveryStart } from './recovery-start.ts';
import { SegmentFile } from './segment-file.ts';
import { JournalCorrupt, readSegment, SegmentMemory, type SegmentRead } from './segment-recovery.ts';

export interface JournalOptions {
  readonly directory: string;
  /**
   * `group`: durable means synced; one sync is in flight at a time and covers all that was written before it started.
   * `none`: durable means handed to the operating system: survives the process, not the machine.
   */
  readonly sync: 'group' | 'none';
  readonly segmentBytes?: number;
  /**
   * End of a block up to which everything is known from elsewhere, a checkpoint: segments in front of the one that holds it are not
   * read. Left out or null = nothing is.
   */
  readonly base?: LogEnd | null;
  /** The durable end moved. */
  readonly onDurable: (sequence: number) => void;
  /** A write or sync failed: nothing more can be promised, end the process. */
  readonly onFailure: (error: Error) => void;
}

/** A tail that was cut off and kept. */
export interface KeptTail {
  readonly file: string;
  readonly fromSequence: number;
  readonly count: number;
  readonly released: number;
}

/** An append-only log of chained blocks in segment files. One process writes it; reads see what was written. */
export class Journal {
  readonly #options: JournalOptions;
  readonly #segmentBytes: number;
  /** Of the segments that were read; those in front of them are `#old`. */
  #index = new BlockIndex();
  readonly #old: OldSegments;
  /** Segments at the front of the list that were removed. */
  #removed = 0;
  readonly #recent = new RecentBlocks(4 * 1024 * 1024);
  readonly #marker: CommitMarker;
  #segments: string[] = [];
  #file: SegmentFile | null = null;
  #tornBytes = 0;
  #end: LogEnd = { sequence: 0, epoch: 0, crc: 0 };
  #durable = 0;
  #released = 0;
  #syncing = false;
  #failed = false;
  /** Counts cuts: a sync that was in flight during one proves nothing about what was written since. */
  #cuts = 0;
  #retired: SegmentFile[] = [];

  private constructor(options: JournalOptions) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? 16 * 1024 * 1024;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    this.#old = new OldSegments(options.directory);
    this.#marker = new CommitMarker(join(options.directory, 'commit-marker'));
  }

  /**
   * Recovers what is there, giving each block to `onBlock` in order, its bytes only until that returns, and makes it durable. A
   * torn tail is cut. Throws `JournalCorrupt` on damage in the middle, or when the log is shorter than its commit marker says, and
   * `OtherHistory`, with nothing changed, when `base` is not in it. Yields between segments.
   */
  static async open(options: JournalOptions, onBlock: (block: Block) => void): Promise<Journal> {
    const journal = new Journal(options);
    try {
      await journal.#recover(onBlock);
    } catch (error) {
      journal.close();
      throw error;
    }
    return journal;
  }

  /** First entry that is on disk; the next one when there is none. */
  get first(): number {
    return firstOf(this.#segments[this.#removed]!);
  }

  /** Last entry written. */
  get end(): LogEnd {
    return this.#end;
  }

  /** Everything up to here is durable in the sense of the `sync` option. */
  get durable(): number {
    return this.#durable;
  }

  /** Highest sequence known to have been released, by this instance or by the primary that it followed. */
  get released(): number {
    return this.#released;
  }

  /** Bytes of a write that did not finish, cut when this was opened. */
  get tornBytes(): number {
    return this.#tornBytes;
  }

  /** Stored with the next sync. */
  noteReleased(sequence: number): void {
    if (sequence > this.#released) this.#released = Math.min(sequence, this.#end.sequence);
  }

  /** Writes the records gathered as one block at the end. Not durable yet: `sync` follows. The block's bytes are the batch's. */
  append(options: { readonly epoch: number; readonly batch: RecordBatch }): Block {
    const block = options.batch.seal({ previous: this.#end, committed: this.#released, epoch: options.epoch });
    this.#write(block);
    return block;
  }

  /** Writes a block received from the primary, and keeps none of its memory. Throws when it does not follow the end. */
  appendBlock(block: Block): void {
    const refusal = whyNotNext(this.#end, block.header);
    if (refusal !== null) throw new Error(`a block was not appended because ${refusal}`);
    this.#write(block);
    this.noteReleased(block.header.committed);
  }

  /** Starts a group commit unless one is running; `onDurable` tells when. */
  sync(): void {
    if (this.#syncing || this.#failed || this.#file === null || this.#durable === this.#end.sequence) return;
    const target = this.#end.sequence;
    if (this.#options.sync === 'none') {
      this.#becameDurable(target);
      return;
    }
    this.#syncing = true;
    const cuts = this.#cuts;
    fdatasync(this.#file.descriptor, (error) => {
      this.#syncing = false;
      for (const file of this.#retired.splice(0)) file.close();
      if (this.#failed || this.#file === null) return;
      if (error !== null) return this.#fail(error);
      const isProven = cuts === this.#cuts;
      // The disk goes on with what gathered meanwhile, while what waited for this one is told.
      if (!isProven || this.#end.sequence > target) this.sync();
      if (isProven) this.#becameDurable(target);
      this.sync();
    });
  }

  /**
   * Blocks in order, from the one that holds `after + 1`, at least one if there is one, else up to about `maxBytes`. Throws
   * `JournalRemoved` when that one is no longer there. Their bytes are lent: who keeps them beyond the next append copies them.
   */
  blocksAfter(after: number, maxBytes: number): Block[] {
    const blocks: Block[] = [];
    if (after + 1 < this.first) throw new JournalRemoved({ wanted: after + 1, first: this.first });
    if (after < this.#readFrom) return this.#old.blocksAfter(after, maxBytes);
    let bytes = 0;
    for (let number = this.#index.blockOf(after + 1); number < this.#index.count && bytes < maxBytes; number++) {
      const block = this.#recent.get(number) ?? this.#readBlock(number);
      blocks.push(block);
      bytes += block.bytes.length;
    }
    return blocks;
  }

  /** The log's end as it was when this sequence was last, if a block ends there. */
  endAt(sequence: number): LogEnd | null {
    const end = this.endAtOrBelow(sequence);
    return end.sequence === sequence ? end : null;
  }

  /** The same for the last block that ends at or below this sequence. */
  endAtOrBelow(sequence: number): LogEnd {
    const end = this.#index.endAt(this.#index.blockOf(sequence + 1) - 1);
    return end.sequence > this.#readFrom ? end : (this.#old.endAtOrBelow(sequence) ?? this.#origin);
  }

  /** 0 where nothing of so old an epoch is there. */
  lastSequenceOfEpochAtMost(epoch: number): number {
    const block = this.#index.lastBlockOfEpochAtMost(epoch);
    if (block >= 0) return this.#index.endAt(block).sequence;
    return this.#old.endOfEpochAtMost(epoch)?.sequence ?? 0;
  }

  /** Epoch of one entry; 0 when there is none. */
  epochOf(sequence: number): number {
    if (sequence < this.first || sequence > this.#end.sequence) return 0;
    if (sequence <= this.#readFrom) return this.#old.blocksAfter(sequence - 1, 1)[0]?.header.epoch ?? 0;
    return this.#index.endAt(this.#index.blockOf(sequence)).epoch;
  }

  /**
   * Removes everything after a block's end, keeping it in a file first. Interrupted anywhere, recovery finds either the
   * whole log or a shorter one that still holds all that is not being cut.
   */
  cutAfter(sequence: number): KeptTail {
    if (sequence <= this.#readFrom) this.#reachBackTo(sequence);
    const first = this.#index.blockOf(sequence + 1);
    const joint = this.#index.endAt(first - 1);
    if (joint.sequence !== sequence || first === this.#index.count)
      throw new Error(`there is no tail to cut after ${sequence}`);
    this.#cuts += 1;
    const kept = this.#keepTail(first);
    const released = Math.max(0, this.#released - sequence);
    this.#durable = Math.min(this.#durable, sequence);
    this.#released = Math.min(this.#released, sequence);
    this.#marker.write({ durable: this.#durable, released: this.#released });
    this.#marker.sync();
    const tail = { file: kept, fromSequence: sequence + 1, count: this.#end.sequence - sequence, released };
    this.#removeFrom(first);
    this.#end = joint;
    this.#recent.clear(this.#index.count);
    return tail;
  }

  /**
   * Removes the oldest segments of which every entry is at or below this sequence, never the newest one. Interrupted anywhere, what
   * is left has no gap. Returns how many it removed.
   */
  removeUpTo(sequence: number): number {
    const { directory } = this.#options;
    const before = this.#removed;
    while (this.#removed < this.#segments.length - 1 && firstOf(this.#segments[this.#removed + 1]!) <= sequence + 1) {
      unlinkSync(join(directory, this.#segments[this.#removed]!));
      syncDirectory(directory);
      this.#removed += 1;
    }
    const left = this.#segments.slice(this.#removed, this.#segments.length);
    const old = left.filter((name) => firstOf(name) <= this.#readFrom);
    if (this.#removed > before) this.#old.set(old, this.#index.endAt(-1));
    return this.#removed - before;
  }

  close(): void {
    this.#retire();
    this.#file = null;
    this.#marker.close();
  }

  /** Zeros in front of the blocks pay only where files are synced. */
  get #growth(): 'ahead' | 'as-written' {
    return this.#options.sync === 'group' ? 'ahead' : 'as-written';
  }

  /** Everything up to here lies in segments that were not read. */
  get #readFrom(): number {
    return this.#index.endAt(-1).sequence;
  }

  /** What is in front of all that is on disk. */
  get #origin(): LogEnd {
    if (this.first === this.#readFrom + 1) return this.#index.endAt(-1);
    return this.first === 1 ? EMPTY_LOG : { sequence: this.first - 1, epoch: 0, crc: 0 };
  }

  async #recover(onBlock: (block: Block) => void): Promise<void> {
    const { directory, base = null } = this.#options;
    this.#segments = segmentNames(directory);
    const start = recoveryStart(directory, this.#segments, base);
    this.#index = new BlockIndex(start.end);
    this.#old.set(this.#segments.slice(0, start.segment), start.end);
    this.#end = start.end;
    const memory = new SegmentMemory();
    let met = base === null || start.end === base;
    for (const [segment, name] of this.#segments.entries()) {
      if (segment < start.segment) continue;
      const isLast = segment === this.#segments.length - 1;
      const read = readSegment({
        file: join(directory, name),
        end: this.#end,
        isLast,
        memory,
        onBlock: (block, offset) => {
          this.#index.add(block.header, { segment, offset, bytes: block.bytes.length });
          this.#released = Math.max(this.#released, block.header.committed);
          met ||= base?.crc === block.header.crc && base.sequence === lastSequenceOf(block.header);
          onBlock(block);
        },
      });
      this.#end = read.end;
      if (!met && (isLast || read.end.sequence >= base!.sequence)) throw notIn(directory, base!);
      if (isLast) this.#openLast(join(directory, name), read);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!met && this.#segments.length === 0) throw notIn(directory, base!);
    const { released } = this.#marker.marker;
    this.#released = Math.min(Math.max(this.#released, released), this.#end.sequence);
    this.#recent.clear(this.#index.count);
    if (this.#segments.length === 0) {
      this.#refuseShort(directory, 0);
      this.#startSegment();
    }
    this.#file?.sync();
    this.#durable = this.#end.sequence;
    this.#marker.write({ durable: this.#durable, released: this.#released });
  }

  /** Takes what was not read into the index, from the segment that holds this entry on. */
  #reachBackTo(sequence: number): void {
    const from = this.#old.segmentOf(sequence);
    if (from === -1) return;
    const all = this.#segments.slice(this.#removed);
    const { directory } = this.#options;
    const index = new BlockIndex(endBefore(directory, all[from]!));
    for (let segment = from; segment < this.#old.count; segment++) {
      let offset = 0;
      for (const { header, bytes } of this.#old.blocks(segment)) {
        index.add(header, { segment: this.#removed + segment, offset, bytes: bytes.length });
        offset += bytes.length;
      }
    }
    index.append(this.#index);
    this.#index = index;
    this.#old.set(all.slice(0, from), index.endAt(-1));
    this.#recent.clear(index.count);
  }

  #openLast(path: string, read: SegmentRead): void {
    const { goodBytes, totalBytes, torn } = read;
    this.#refuseShort(path, goodBytes);
    this.#file = SegmentFile.resume(path, { bytes: goodBytes, allocated: totalBytes, growth: this.#growth });
    if (!torn) return;
    this.#tornBytes = totalBytes - goodBytes;
    this.#file.cutTo(goodBytes);
  }

  /** Less than is known to have been safe: whatever is missing was no torn write. */
  #refuseShort(file: string, offset: number): void {
    const { durable } = this.#marker.marker;
    if (this.#end.sequence >= durable) return;
    const found = `the log ends at sequence ${this.#end.sequence}, but ${durable} had been made durable`;
    throw new JournalCorrupt({ file, offset, found });
  }

  #write(block: Block): void {
    if (this.#file === null || this.#file.bytes >= this.#segmentBytes) this.#startSegment();
    const file = this.#file!;
    const offset = file.bytes;
    try {
      file.write(block.bytes);
    } catch (error) {
      this.#fail(error as Error);
      throw error;
    }
    this.#index.add(block.header, { segment: this.#segments.length - 1, offset, bytes: block.bytes.length });
    this.#recent.push(this.#index.count - 1, block);
    this.#end = blockEnd(block.header);
  }

  /** The finished segment is whole, without zeros, and where blocks are synced it is synced before the next one exists. */
  #startSegment(): void {
    const { directory, sync } = this.#options;
    if (sync === 'none') this.#file?.finish((error) => this.#fail(error));
    else {
      this.#file?.cutTo(this.#file.bytes);
      this.#retire();
    }
    const name = `segment-${String(this.#end.sequence + 1).padStart(16, '0')}.log`;
    this.#file = SegmentFile.create(join(directory, name), this.#growth);
    this.#segments.push(name);
    syncDirectory(directory);
  }

  /** A file that is being synced is closed after that. */
  #retire(): void {
    if (this.#file === null) return;
    if (this.#syncing) this.#retired.push(this.#file);
    else this.#file.close();
  }

  #readBlock(number: number): Block {
    const { segment, offset, bytes } = this.#index.place(number);
    const path = join(this.#options.directory, this.#segments[segment]!);
    const buffer = Buffer.allocUnsafe(bytes);
    const file = openSync(path, 'r');
    try {
      readSync(file, buffer, 0, bytes, offset);
    } finally {
      closeSync(file);
    }
    const block = decodeBlock(buffer, 0);
    if (block === null)
      throw new JournalCorrupt({
        file: path,
        offset,
        found: 'this block was good when it was written and is damaged now',
      });
    return block;
  }

  #keepTail(first: number): string {
    const { directory } = this.#options;
    const end = this.#index.endAt(this.#index.count - 1);
    const stem = `diverged-${String(this.#index.endAt(first - 1).sequence + 1).padStart(16, '0')}-epoch-${end.epoch}-crc-${end.crc.toString(16)}`;
    const path = join(directory, `${stem}.log`);
    const file = openSync(path, 'w', 0o600);
    try {
      for (let number = first; number < this.#index.count; number++) writeSync(file, this.#readBlock(number).bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    syncDirectory(directory);
    return path;
  }

  /** Newest segments go first, so that what is left is always a whole prefix. */
  #removeFrom(first: number): void {
    const { directory } = this.#options;
    const place = this.#index.place(first);
    this.#retire();
    while (this.#segments.length - 1 > place.segment) {
      unlinkSync(join(directory, this.#segments.pop()!));
      syncDirectory(directory);
    }
    const path = join(directory, this.#segments[place.segment]!);
    this.#file = SegmentFile.resume(path, { bytes: place.offset, allocated: place.offset, growth: this.#growth });
    this.#file.cutTo(place.offset);
    this.#index.truncate(first);
  }

  #becameDurable(sequence: number): void {
    if (sequence <= this.#durable) return;
    this.#durable = sequence;
    // Before anything that waited for it leaves: whatever this process is killed at, what it let out is known to have been safe.
    this.#marker.write({ durable: this.#durable, released: Math.min(this.#released, this.#durable) });
    this.#options.onDurable(sequence);
  }

  #fail(error: Error): void {
    this.#failed = true;
    this.#options.onFailure(error);
  }
}

const notIn = (directory: string, { sequence }: LogEnd): OtherHistory =>
  new OtherHistory(`no block of the journal in ${directory} ends at ${sequence} with the checksum that was asked for`);
