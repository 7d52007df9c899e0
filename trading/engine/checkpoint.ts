import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CodedError } from '../base/coded-error.ts';
import { syncDirectory } from '../base/durable-file.ts';
import { asRecord, countField, type JsonRecord, parseRecord, textField } from '../base/json-record.ts';
import type { LogEnd } from '../journal/block.ts';
import { readFixImage, writeFixImage } from './fix-sessions-image.ts';
import type { KeptFixSessions } from './kept-fix-sessions.ts';
import type { OrderState } from './order-state.ts';
import { readImage, writeImage } from './state-image.ts';
import { ENGINE_VERSION } from './version.ts';

/** Where a checkpoint comes from, and what it must be equal to. */
export interface Provenance {
  readonly instance: string;
  /** The state is that after this entry, the last of a block, in this epoch. */
  readonly sequence: number;
  readonly epoch: number;
  /** Checksum of that block: says of which journal it is. */
  readonly chainCrc: number;
  readonly stateHash: string;
  readonly codeVersion: string;
  /** Wall clock, milliseconds. */
  readonly takenAt: number;
}

/** What a journal amounts to after an entry. */
export interface CheckpointContent {
  readonly state: OrderState;
  /** Every FIX session that the journal has up to there, whichever an engine is configured for. */
  readonly sessions: KeptFixSessions;
}

export interface Checkpoint extends CheckpointContent {
  readonly file: string;
  readonly provenance: Provenance;
}

/** End of the block that a checkpoint was taken after. */
export const baseOf = ({ provenance }: Checkpoint): LogEnd => ({
  sequence: provenance.sequence,
  epoch: provenance.epoch,
  crc: provenance.chainCrc,
});

const MAGIC = 0x3343_4648; // "HFC3"
/** Of formats before: they hold no FIX sessions. */
const OLDER_MAGICS: ReadonlySet<number> = new Set([0x3143_4648, 0x3243_4648]);
const HEAD_BYTES = 16;
const CRC_FROM = 8;
const KEPT = 2;
const NAME = /^checkpoint-(\d{16})\.bin$/;

const nameOf = (sequence: number): string => `checkpoint-${String(sequence).padStart(16, '0')}.bin`;

/** A checkpoint that cannot be used. Nothing is lost: an earlier one, or the journal alone, gives the same state. */
export class CheckpointDamaged extends CodedError {
  constructor(file: string, found: string) {
    super({
      code: 'HF-7206',
      attempted: `load the checkpoint ${file}`,
      found,
      next: 'nothing needs to be done: the one before it, or the whole journal, is used; find out what changed the file',
    });
  }
}

/**
 * Writes a checkpoint, reads it again into a second state, and gives it its name only when the two are equal. Keeps the newest
 * two. Returns its file.
 */
export const writeCheckpoint = (directory: string, content: CheckpointContent, provenance: Provenance): string => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // What an interrupted one left behind.
  for (const name of readdirSync(directory)) if (name.endsWith('.bin.new')) rmSync(join(directory, name));
  const about = Buffer.from(JSON.stringify(provenance));
  const sessions = writeFixImage(content.sessions);
  const bytes = Buffer.concat([Buffer.alloc(HEAD_BYTES), about, sessions, writeImage(content.state)]);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(about.length, 8);
  bytes.writeUInt32LE(sessions.length, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(CRC_FROM)), 4);
  const path = join(directory, nameOf(provenance.sequence));
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  // Restore-tested before it counts.
  if (!writeFixImage(loadCheckpoint(temporary).sessions).equals(sessions))
    throw new CheckpointDamaged(temporary, 'its FIX sessions are not those that were written');
  renameSync(temporary, path);
  syncDirectory(directory);
  for (const name of checkpointNames(directory).slice(KEPT)) rmSync(join(directory, name));
  return path;
};

/** What a checkpoint holds; throws `CheckpointDamaged` unless its checksum and its state's own hash are right. */
export const loadCheckpoint = (file: string): Checkpoint => {
  const bytes = readFileSync(file);
  if (bytes.length >= HEAD_BYTES && OLDER_MAGICS.has(bytes.readUInt32LE(0)))
    throw new CheckpointDamaged(file, 'it was written in an older format, which holds no FIX sessions');
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(0) !== MAGIC)
    throw new CheckpointDamaged(file, 'it is no checkpoint of this version');
  if (crc32(bytes.subarray(CRC_FROM)) !== bytes.readUInt32LE(4))
    throw new CheckpointDamaged(file, 'its checksum is wrong');
  const sessionsAt = HEAD_BYTES + bytes.readUInt32LE(8);
  const imageAt = sessionsAt + bytes.readUInt32LE(12);
  const provenance = readProvenance(parseRecord(bytes.toString('utf8', HEAD_BYTES, sessionsAt)));
  if (provenance === null) throw new CheckpointDamaged(file, 'it does not say where it comes from');
  if (provenance.codeVersion !== ENGINE_VERSION)
    throw new CheckpointDamaged(
      file,
      `it was taken by version ${provenance.codeVersion} of the code; this is ${ENGINE_VERSION}`,
    );
  try {
    const state = readImage(bytes.subarray(imageAt));
    if (state.hash !== provenance.stateHash || state.recomputedHash() !== provenance.stateHash)
      throw new Error(`its state has the hash ${state.hash}, not ${provenance.stateHash}`);
    return { file, provenance, state, sessions: readFixImage(bytes.subarray(sessionsAt, imageAt)) };
  } catch (error) {
    throw new CheckpointDamaged(file, (error as Error).message);
  }
};

/** The newest checkpoint up to this sequence that is whole; each that is not is told to `onDamaged` and passed over. */
export const newestCheckpoint = (
  directory: string,
  options: { readonly upTo?: number; readonly onDamaged: (error: CheckpointDamaged) => void },
): Checkpoint | null => {
  for (const name of checkpointNames(directory)) {
    if (Number(NAME.exec(name)![1]) > (options.upTo ?? Number.MAX_SAFE_INTEGER)) continue;
    try {
      return loadCheckpoint(join(directory, name));
    } catch (error) {
      if (!(error instanceof CheckpointDamaged)) throw error;
      options.onDamaged(error);
    }
  }
  return null;
};

/**
 * Sequence up to which the journal's entries are held by every checkpoint that is kept, all of them whole, so that the loss of any
 * one leaves another; 0 when fewer are there. Loads them.
 */
export const coveredUpTo = (directory: string): number => {
  const names = checkpointNames(directory).slice(0, KEPT);
  if (names.length < KEPT) return 0;
  try {
    return Math.min(...names.map((name) => loadCheckpoint(join(directory, name)).provenance.sequence));
  } catch (error) {
    if (error instanceof CheckpointDamaged) return 0;
    throw error;
  }
};

/** Removes what is beyond this sequence: it is of a history that was cut. */
export const dropCheckpointsAfter = (directory: string, sequence: number): void => {
  for (const name of checkpointNames(directory))
    if (Number(NAME.exec(name)![1]) > sequence) rmSync(join(directory, name), { force: true });
};

/** Newest first. */
const checkpointNames = (directory: string): string[] => {
  try {
    return readdirSync(directory)
      .filter((name) => NAME.test(name))
      .sort()
      .reverse();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

const readProvenance = (value: JsonRecord | null): Provenance | null => {
  const record = asRecord(value);
  if (record === null) return null;
  const instance = textField(record, 'instance');
  const stateHash = textField(record, 'stateHash');
  const codeVersion = textField(record, 'codeVersion');
  const [sequence, epoch] = [countField(record, 'sequence'), countField(record, 'epoch')];
  const [chainCrc, takenAt] = [countField(record, 'chainCrc'), countField(record, 'takenAt')];
  if (instance === null || stateHash === null || codeVersion === null) return null;
  if (sequence === null || epoch === null || chainCrc === null || takenAt === null) return null;
  return { instance, sequence, epoch, chainCrc, stateHash, codeVersion, takenAt };
};
