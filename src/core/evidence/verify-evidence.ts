import type { Digest } from '../base/canonical-json.ts';
import { type Anchor, collectAnchors, type HeldAnchor } from './anchor.ts';
import { type ChainItem, isUnreadable, type TornTail } from './chain-text.ts';
import { type ChainExtent, type Completeness, completeness, missingSentence } from './completeness.ts';
import { hashedText, signedText } from './evidence-entry.ts';
import { type ChainFinding, type ChainVerdict, fingerprint, type SignatureCheck, verifyChain } from './hash-chain.ts';

/** One copy of one chain, from a directory or a bundle. */
export interface ChainCopy {
  readonly chain: string;
  readonly publicKey: string;
  readonly source: string;
  readonly items: readonly ChainItem[];
  readonly tornTail: TornTail | null;
}

export interface VerifyEvidenceOptions {
  readonly digest: Digest;
  readonly verifySignature: SignatureCheck | null;
  /** Public keys known from elsewhere, by chain. A chain without one is checked against the key beside it, and that is said. */
  readonly trustedKeys?: Readonly<Record<string, string>>;
  /** Anchors that the authority still has. */
  readonly fromAuthority?: readonly Anchor[];
}

export interface CopyVerdict extends ChainVerdict {
  readonly source: string;
  readonly fingerprint: string;
  readonly tornTail: TornTail | null;
}

/** Two separate answers: is what is there what was written, and is everything there. */
export interface EvidenceVerdict {
  readonly integrity: 'intact' | 'broken';
  readonly completeness: Completeness;
  readonly entries: number;
  readonly chains: readonly CopyVerdict[];
  readonly findings: readonly ChainFinding[];
  /** Facts that are no fault: torn tails, unclean ends, keys nobody vouched for. */
  readonly notes: readonly string[];
  /** Both answers in one sentence. */
  readonly sentence: string;
}

export function verifyEvidence(copies: readonly ChainCopy[], options: VerifyEvidenceOptions): EvidenceVerdict {
  const keyOf = (copy: ChainCopy) => options.trustedKeys?.[copy.chain] ?? copy.publicKey;
  const judge = (copy: ChainCopy, anchors: readonly HeldAnchor[]): ChainVerdict =>
    verifyChain(copy.items, {
      chain: copy.chain,
      publicKey: keyOf(copy),
      digest: options.digest,
      verifySignature: options.verifySignature,
      anchors: anchors.flatMap(({ anchor }) => {
        const head = anchor.heads[copy.chain];
        return head === undefined ? [] : [{ anchor: anchor.number, ...head }];
      }),
    });

  const believed = copies.map((copy) => copy.items.filter((item) => isBelieved(item, keyOf(copy), options)));
  const anchors = collectAnchors(believed, {
    digest: options.digest,
    ...(options.fromAuthority ? { fromAuthority: options.fromAuthority } : {}),
  });
  const forks = forkFindings(copies);
  const chains = copies.map((copy): CopyVerdict => {
    const verdict = judge(copy, anchors);
    const forked = forks.filter((fork) => fork.chain === copy.chain);
    return {
      ...verdict,
      integrity: forked.length > 0 ? 'broken' : verdict.integrity,
      findings: [...verdict.findings, ...forked],
      source: copy.source,
      fingerprint: fingerprint(keyOf(copy), options.digest),
      tornTail: copy.tornTail,
    };
  });
  const extents = copies.map((copy, index): ChainExtent => extent(copy, chains[index]));
  const complete = completeness(extents, anchors);
  const findings = distinct(chains.flatMap((chain) => chain.findings));
  const integrity = chains.some((chain) => chain.integrity === 'broken') ? 'broken' : 'intact';
  const entries = chains.reduce((sum, chain) => sum + chain.entries, 0);
  return {
    integrity,
    completeness: complete,
    entries,
    chains,
    findings,
    notes: notes(copies, options),
    sentence: sentence({ integrity, entries, chains, findings, complete }),
  };
}

/** An anchor counts when its own entry is authentic, also where the chain around it is broken. */
function isBelieved(item: ChainItem, publicKey: string, { digest, verifySignature }: VerifyEvidenceOptions): boolean {
  if (isUnreadable(item) || (item.kind !== 'anchor' && item.kind !== 'countersign')) return false;
  if (digest(hashedText(item)) !== item.hash) return false;
  return verifySignature === null || verifySignature(signedText(item.hash), item.signature, publicKey);
}

function extent(copy: ChainCopy, verdict: CopyVerdict | undefined): ChainExtent {
  const hashes = new Map(
    copy.items.flatMap((item) => (isUnreadable(item) ? [] : [[item.sequence, item.hash] as const])),
  );
  return {
    chain: copy.chain,
    source: copy.source,
    intactUpTo: verdict?.intactUpTo ?? 0,
    head: verdict?.head ?? null,
    hashAt: (sequence) => hashes.get(sequence) ?? null,
  };
}

/** Two copies of one chain may differ in length; where they differ in content, both are kept and the chain is forked. */
function forkFindings(copies: readonly ChainCopy[]): readonly ChainFinding[] {
  const findings: ChainFinding[] = [];
  copies.forEach((left, index) => {
    const right = copies.slice(index + 1).find((copy) => copy.chain === left.chain);
    if (right === undefined) return;
    const hashes = new Map(
      left.items.flatMap((item) => (isUnreadable(item) ? [] : [[item.sequence, item.hash] as const])),
    );
    const differs = right.items.find(
      (item) => !isUnreadable(item) && hashes.has(item.sequence) && hashes.get(item.sequence) !== item.hash,
    );
    if (differs === undefined || isUnreadable(differs)) return;
    const { chain } = left;
    const { sequence } = differs;
    const message = `${chain}: entry ${sequence} differs between ${left.source} and ${right.source}: the chain was continued twice; both branches are kept`;
    findings.push({ kind: 'forked', chain, sequence, count: 1, message });
  });
  return findings;
}

function notes(copies: readonly ChainCopy[], options: VerifyEvidenceOptions): readonly string[] {
  const said: string[] = [];
  const untrusted = copies.filter((copy) => options.trustedKeys?.[copy.chain] === undefined);
  if (options.verifySignature === null) said.push('Signatures were not checked.');
  else if (untrusted.length > 0)
    said.push(
      `${untrusted.length} of ${copies.length} chains were checked against the key found beside them: compare the fingerprints with ones you had before.`,
    );
  for (const copy of copies) {
    if (copy.tornTail !== null)
      said.push(
        `${copy.chain}: the last line after entry ${copy.tornTail.afterSequence} is unfinished (${copy.tornTail.characters} characters), as a crash leaves it; it was never reported as durable.`,
      );
    said.push(...startNotes(copy));
  }
  return said;
}

function startNotes(copy: ChainCopy): readonly string[] {
  const said: string[] = [];
  let previousKind: string | null = null;
  for (const item of copy.items) {
    if (isUnreadable(item)) continue;
    if (item.kind === 'started') {
      if (previousKind !== null && previousKind !== 'stopped')
        said.push(`${copy.chain}: the process ended without saying so before entry ${item.sequence}.`);
      const torn = (
        item.data as { readonly tornTail?: { readonly bytes?: number; readonly file?: string } | null } | null
      )?.tornTail;
      if (torn)
        said.push(`${copy.chain}: entry ${item.sequence} set a torn tail of ${torn.bytes} bytes aside (${torn.file}).`);
    }
    previousKind = item.kind;
  }
  return said;
}

function distinct(findings: readonly ChainFinding[]): readonly ChainFinding[] {
  return [...new Map(findings.map((finding) => [`${finding.kind} ${finding.message}`, finding])).values()];
}

function sentence(input: {
  readonly integrity: 'intact' | 'broken';
  readonly entries: number;
  readonly chains: readonly CopyVerdict[];
  readonly findings: readonly ChainFinding[];
  readonly complete: Completeness;
}): string {
  const { integrity, entries, chains, findings, complete } = input;
  const counted = `${entries} entries in ${chains.length} ${chains.length === 1 ? 'chain' : 'chains'}`;
  const first = findings.find((finding) => finding.kind !== 'truncated');
  const whole = integrity === 'intact' ? `Intact: ${counted}.` : `Broken: ${first?.message ?? 'see the findings'}.`;
  return `${whole} ${complete.sentence}`;
}

/** What a person has to look at, most important first; empty when both answers are good. */
export const evidenceProblems = (verdict: EvidenceVerdict): readonly string[] => [
  ...new Set([
    ...verdict.findings.map((finding) => finding.message),
    ...verdict.completeness.missing.map(missingSentence),
    ...(verdict.completeness.conflictingAnchors.length > 0
      ? [`anchors ${verdict.completeness.conflictingAnchors.join(', ')} exist with different contents`]
      : []),
  ]),
];
