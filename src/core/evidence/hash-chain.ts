import { canonicalJson, type Digest } from '../base/canonical-json.ts';
import { type ChainItem, isUnreadable } from './chain-text.ts';
import { type EvidenceBody, type EvidenceEntry, type EvidenceStamp, hashedText, signedText } from './evidence-entry.ts';
import { isEvidenceKind } from './evidence-kind.ts';

/** End of a chain: what the next entry continues and what an anchor records. Sequence 0 = nothing written yet. */
export interface ChainHead {
  readonly chain: string;
  readonly sequence: number;
  readonly hash: string;
}

/**
 * Where a chain begins. The public key is part of it, so every hash of the chain (and every anchor) vouches for the key:
 * a chain rewritten under another key differs from its first entry on.
 */
export const genesisHead = (chain: string, publicKey: string, digest: Digest): ChainHead => ({
  chain,
  sequence: 0,
  hash: digest(canonicalJson({ holdfastEvidence: 1, chain, publicKey })),
});

/** The next entry of a chain, hashed and still unsigned. */
export function append(previous: ChainHead, body: EvidenceBody & EvidenceStamp, digest: Digest): EvidenceEntry {
  const { kind, group, run, epoch, term, data, at, clockErrorMs, monoMs } = body;
  const unhashed = {
    sequence: previous.sequence + 1,
    previousHash: previous.hash,
    chain: previous.chain,
    at,
    clockErrorMs,
    monoMs,
    kind,
    group,
    run,
    epoch,
    term,
    data,
  };
  return { ...unhashed, hash: digest(hashedText(unhashed)), signature: '' };
}

export const headOf = (entry: EvidenceEntry): ChainHead => ({
  chain: entry.chain,
  sequence: entry.sequence,
  hash: entry.hash,
});

/**
 * `edited` content does not match its hash, or cannot be read · `reordered` · `repeated` the same entry twice · `removed`
 * entries are missing before a later one · `truncated` an anchor saw entries that the file has no more · `forked` there
 * is another entry of this number, or this one continues another predecessor · `unsigned` · `foreign-signer` not this
 * chain's key.
 */
export type ChainFindingKind =
  | 'edited'
  | 'reordered'
  | 'repeated'
  | 'removed'
  | 'truncated'
  | 'forked'
  | 'unsigned'
  | 'foreign-signer';

export interface ChainFinding {
  readonly kind: ChainFindingKind;
  readonly chain: string;
  /** The first entry concerned. */
  readonly sequence: number;
  /** How many entries of this chain have a finding of this kind. */
  readonly count: number;
  /** For people: names the entry. */
  readonly message: string;
}

/** A head of this chain that an anchor recorded. */
export interface AnchoredHead {
  readonly anchor: number;
  readonly sequence: number;
  readonly hash: string;
}

export interface VerifyChainOptions {
  readonly chain: string;
  readonly digest: Digest;
  /** Null = signatures are not looked at (the simulator); the verdict says so. */
  readonly verifySignature: SignatureCheck | null;
  readonly publicKey: string;
  readonly anchors?: readonly AnchoredHead[];
}
export type SignatureCheck = (text: string, signature: string, publicKey: string) => boolean;

export interface ChainVerdict {
  readonly chain: string;
  readonly entries: number;
  /** `broken`: something that is there is not what was written. A cut tail alone leaves the rest `intact`. */
  readonly integrity: 'intact' | 'broken';
  readonly signaturesChecked: boolean;
  /** Every entry up to this one is present and as it was written. */
  readonly intactUpTo: number;
  readonly head: ChainHead | null;
  /** One per kind, the first of its kind, in order of entry number. */
  readonly findings: readonly ChainFinding[];
}

/** Judges one copy of one chain. Reads nothing but its arguments; the same items give the same verdict anywhere. */
export function verifyChain(items: readonly ChainItem[], options: VerifyChainOptions): ChainVerdict {
  const { chain, digest, publicKey } = options;
  const report = findingCollector(chain);
  const positions = new Map<number, number>();
  items.forEach((item, index) => {
    if (!isUnreadable(item)) positions.set(item.sequence, index);
  });
  const firstSeen = new Map<number, string>();
  let expected = 1;
  let previousHash: string | null = genesisHead(chain, publicKey, digest).hash;

  items.forEach((item, index) => {
    if (isUnreadable(item)) {
      report('edited', expected, `entry ${expected} (line ${item.line}) cannot be read: ${item.unreadable}`);
      expected += 1;
      previousHash = null;
      return;
    }
    const altered = alteration(item, options);
    if (altered !== null) {
      report('edited', expected, `entry ${expected} was edited: ${altered}`);
      expected += 1;
      previousHash = null;
      return;
    }
    checkSigner(item, options, report);
    const { sequence } = item;
    const before = firstSeen.get(sequence);
    if (before !== undefined) {
      if (before === item.hash) report('repeated', sequence, `entry ${sequence} stands in the file more than once`);
      else report('forked', sequence, `there are two different entries ${sequence}: the chain was continued twice`);
      return;
    }
    firstSeen.set(sequence, item.hash);
    if (sequence < expected) {
      report('reordered', sequence, `entry ${sequence} stands after entry ${expected - 1}`);
      return;
    }
    if (sequence > expected) {
      if ((positions.get(expected) ?? -1) > index) {
        report('reordered', expected, `entry ${sequence} stands before entry ${expected}`);
      } else {
        const last = sequence - 1;
        const gap = last === expected ? `entry ${expected} is` : `entries ${expected} to ${last} are`;
        report(
          'removed',
          expected,
          `${gap} missing: entry ${sequence} follows entry ${expected - 1}`,
          sequence - expected,
        );
      }
    } else if (previousHash !== null && item.previousHash !== previousHash) {
      if (sequence === 1)
        report(
          'foreign-signer',
          1,
          `entry 1 begins a chain of another name or key than ${fingerprint(publicKey, digest)}`,
        );
      else report('forked', sequence, `entry ${sequence} continues another entry ${sequence - 1} than the one present`);
    }
    expected = sequence + 1;
    previousHash = item.hash;
  });

  checkAnchors({ anchors: options.anchors ?? [], expected, firstSeen, report });
  const findings = report.all();
  const integrityFindings = findings.filter((finding) => finding.kind !== 'truncated');
  const firstBad = Math.min(expected, ...integrityFindings.map((finding) => finding.sequence));
  const last = items.findLast((item) => !isUnreadable(item));
  return {
    chain,
    entries: items.length,
    integrity: integrityFindings.length === 0 ? 'intact' : 'broken',
    signaturesChecked: options.verifySignature !== null,
    intactUpTo: firstBad - 1,
    head: last !== undefined && !isUnreadable(last) ? headOf(last) : null,
    findings,
  };
}

/** Short form of a public key for people to compare: the first 16 digits of its digest. */
export const fingerprint = (publicKey: string, digest: Digest): string => digest(publicKey).slice(0, 16);

function alteration(entry: EvidenceEntry, { chain, digest }: VerifyChainOptions): string | null {
  if (digest(hashedText(entry)) !== entry.hash) return 'its content does not match its hash';
  if (entry.chain !== chain) return `it belongs to the chain "${entry.chain}"`;
  if (!isEvidenceKind(entry.kind)) return `its kind "${String(entry.kind)}" is not in the list`;
  return null;
}

function checkSigner(entry: EvidenceEntry, options: VerifyChainOptions, report: Report): void {
  if (options.verifySignature === null) return;
  const { sequence } = entry;
  if (entry.signature === '') report('unsigned', sequence, `entry ${sequence} is not signed`);
  else if (!options.verifySignature(signedText(entry.hash), entry.signature, options.publicKey))
    report(
      'foreign-signer',
      sequence,
      `entry ${sequence} is not signed by this chain's key ${fingerprint(options.publicKey, options.digest)}`,
    );
}

function checkAnchors(input: {
  readonly anchors: readonly AnchoredHead[];
  readonly expected: number;
  readonly firstSeen: ReadonlyMap<number, string>;
  readonly report: Report;
}): void {
  const { expected, firstSeen, report } = input;
  const anchors = input.anchors.toSorted((left, right) => left.sequence - right.sequence || left.anchor - right.anchor);
  const cut = anchors.findLast((anchored) => anchored.sequence >= expected);
  if (cut !== undefined) {
    const range = cut.sequence === expected ? `entry ${expected} is` : `entries ${expected} to ${cut.sequence} are`;
    report(
      'truncated',
      expected,
      `the tail was cut: ${range} missing; anchor ${cut.anchor} saw entry ${cut.sequence}`,
      cut.sequence - expected + 1,
    );
  }
  for (const { anchor, sequence, hash } of anchors) {
    const present = firstSeen.get(sequence);
    if (present !== undefined && present !== hash)
      report('forked', sequence, `entry ${sequence} is another one than anchor ${anchor} recorded`);
  }
}

interface Report {
  (kind: ChainFindingKind, sequence: number, message: string, count?: number): void;
  all(): readonly ChainFinding[];
}

function findingCollector(chain: string): Report {
  const first = new Map<ChainFindingKind, ChainFinding>();
  const report = (kind: ChainFindingKind, sequence: number, message: string, count = 1): void => {
    const known = first.get(kind);
    if (known === undefined) first.set(kind, { kind, chain, sequence, count, message: `${chain}: ${message}` });
    else first.set(kind, { ...known, count: known.count + count });
  };
  return Object.assign(report, {
    all: () => [...first.values()].toSorted((left, right) => left.sequence - right.sequence),
  });
}
