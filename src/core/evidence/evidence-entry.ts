import { canonicalJson, type Json } from '../base/canonical-json.ts';
import type { Epoch, GroupId, MonoMs, RunId, Term, WallMs } from '../base/ids.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type EvidenceKind, isEvidenceKind } from './evidence-kind.ts';

/** What the caller says; the chain adds its place, its time and its signature. */
export interface EvidenceBody {
  readonly kind: EvidenceKind;
  readonly group: GroupId | null;
  readonly run: RunId | null;
  readonly epoch: Epoch | null;
  readonly term: Term | null;
  readonly data: Json;
}

/** When the writer recorded it, on its own clocks. */
export interface EvidenceStamp {
  /** UTC, milliseconds since 1970. For people; order across hosts needs `clockErrorMs`. */
  readonly at: WallMs;
  /** True time lies within `at ± clockErrorMs`. Null = not known, so nothing is claimed about other hosts. */
  readonly clockErrorMs: number | null;
  /** The host's monotonic clock: durations between entries of one host and one boot. */
  readonly monoMs: MonoMs;
}

/** One link of one process's chain. Everything except `hash` and `signature` is hashed; the signature is over the hash. */
export interface EvidenceEntry extends EvidenceBody, EvidenceStamp {
  /** 1 for the first entry of a chain, then without gaps. */
  readonly sequence: number;
  readonly previousHash: string;
  /** Name of the controller or agent that wrote it; each has its own chain and key. */
  readonly chain: string;
  readonly hash: string;
  /** Base64 Ed25519 over `signedText(hash)`; empty = unsigned, which verification reports. */
  readonly signature: string;
}

/** The text whose digest is `hash`. */
export function hashedText(entry: Omit<EvidenceEntry, 'hash' | 'signature'>): string {
  const { sequence, previousHash, at, clockErrorMs, monoMs, chain, kind, group, run, epoch, term, data } = entry;
  return canonicalJson({
    sequence,
    previousHash,
    at,
    clockErrorMs,
    monoMs,
    chain,
    kind,
    group,
    run,
    epoch,
    term,
    data,
  });
}

/** The text that is signed: the hash in a domain of its own, so that the key's signatures mean nothing elsewhere. */
export const signedText = (hash: string): string => `holdfast-evidence-1 ${hash}`;

/** The entry as one line of a chain file, without its line feed. */
export const entryLine = (entry: EvidenceEntry): string => canonicalJson(entry);

const members: Readonly<Record<keyof EvidenceEntry, (value: unknown) => boolean>> = {
  sequence: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  previousHash: isText,
  at: isNumber,
  clockErrorMs: (value) => value === null || isNumber(value),
  monoMs: isNumber,
  chain: isText,
  kind: (value) => typeof value === 'string' && isEvidenceKind(value),
  group: isTextOrNull,
  run: isTextOrNull,
  epoch: isIntegerOrNull,
  term: isIntegerOrNull,
  data: () => true,
  hash: isText,
  signature: isText,
};

/**
 * Reads one line. Only the canonical text is accepted: the same value written differently (white space, a repeated key)
 * is a changed line, because another reader could see another value in it.
 */
export function parseEntry(line: string): Result<EvidenceEntry, string> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return err('it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('it is not an object');
  const record = value as Record<string, unknown>;
  for (const [name, accepts] of Object.entries(members)) {
    if (!Object.hasOwn(record, name)) return err(`it has no "${name}"`);
    if (!accepts(record[name])) return err(`its "${name}" is not what an entry has`);
  }
  for (const name of Object.keys(record))
    if (!Object.hasOwn(members, name)) return err(`it has a member "${name}" that entries do not have`);
  if (canonicalJson(value) !== line) return err('it is not written in canonical form');
  return ok(value as EvidenceEntry);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
function isNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value);
}
function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string';
}
function isIntegerOrNull(value: unknown): boolean {
  return value === null || Number.isSafeInteger(value);
}
