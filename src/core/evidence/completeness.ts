import type { HeldAnchor } from './anchor.ts';
import type { ChainHead } from './hash-chain.ts';

/** One copy of a chain as far as it was found intact. */
export interface ChainExtent {
  readonly chain: string;
  /** Where the copy was found, for people. */
  readonly source: string;
  readonly intactUpTo: number;
  readonly head: ChainHead | null;
  /** Hash of an entry; null when the copy does not have it. */
  readonly hashAt: (sequence: number) => string | null;
}

/**
 * `complete`: every chain has what every known anchor saw of it. `incomplete`: something an anchor saw is missing.
 * `unproven`: there is no anchor, so a cut tail could not be seen.
 */
export interface Completeness {
  readonly verdict: 'complete' | 'incomplete' | 'unproven';
  /** The last anchor up to which nothing is missing. */
  readonly upToAnchor: {
    readonly number: number;
    readonly hash: string;
    readonly countersignedBy: readonly string[];
  } | null;
  readonly latestAnchor: number | null;
  /** What anchors saw and no copy has. */
  readonly missing: readonly MissingEntries[];
  /** Numbers that the authority gave out and nobody here has; later anchors cover the same entries. */
  readonly missingAnchors: readonly number[];
  /** Numbers with more than one content: the authority was restored, or somebody lies. */
  readonly conflictingAnchors: readonly number[];
  /** Kept and shown: present, but vouched for by their own chain only. */
  readonly unanchored: readonly UnanchoredBranch[];
  /** The verdict in one sentence. */
  readonly sentence: string;
}

export interface MissingEntries {
  readonly chain: string;
  readonly from: number;
  readonly through: number;
  readonly anchor: number;
  /** `absent`: no copy of the chain is here. `cut`: it ends before `through`. `broken`: it is not intact from `from` on. */
  readonly how: 'absent' | 'cut' | 'broken';
}

export interface UnanchoredBranch {
  readonly chain: string;
  readonly source: string;
  readonly from: number;
  readonly through: number;
  /** `tail`: after the last anchor. `branch`: differs from what an anchor recorded. `never`: no anchor names the chain. */
  readonly why: 'tail' | 'branch' | 'never';
}

export function completeness(chains: readonly ChainExtent[], anchors: readonly HeldAnchor[]): Completeness {
  const missing = missingEntries(chains, anchors);
  let upTo: HeldAnchor | null = null;
  for (const held of anchors) {
    if (!isCovered(held, chains)) break;
    upTo = held;
  }
  const numbers = anchors.map((held) => held.anchor.number);
  const latest = numbers.at(-1) ?? null;
  const conflicting = [...new Set(numbers.filter((number, index) => numbers.indexOf(number) !== index))];
  const verdict = anchors.length === 0 ? 'unproven' : upTo === anchors.at(-1) ? 'complete' : 'incomplete';
  const result = {
    verdict,
    upToAnchor: upTo && {
      number: upTo.anchor.number,
      hash: upTo.anchor.hash,
      countersignedBy: [
        ...new Set(upTo.heldBy.filter((by) => by.chain !== upTo.anchor.by).map((by) => by.chain)),
      ].sort(),
    },
    latestAnchor: latest,
    missing,
    missingAnchors: gaps(numbers),
    conflictingAnchors: conflicting,
    unanchored: unanchoredBranches(chains, anchors),
  } as const;
  return { ...result, sentence: sentence(result) };
}

const isCovered = (held: HeldAnchor, chains: readonly ChainExtent[]): boolean =>
  Object.entries(held.anchor.heads).every(([chain, head]) => isHeld({ chain, ...head }, chains));

const isHeld = (head: ChainHead, chains: readonly ChainExtent[]): boolean =>
  head.sequence === 0 ||
  chains.some(
    (copy) => copy.chain === head.chain && copy.intactUpTo >= head.sequence && copy.hashAt(head.sequence) === head.hash,
  );

function missingEntries(chains: readonly ChainExtent[], anchors: readonly HeldAnchor[]): readonly MissingEntries[] {
  const widest = new Map<string, MissingEntries>();
  for (const { anchor } of anchors)
    for (const [chain, head] of Object.entries(anchor.heads)) {
      if (isHeld({ chain, ...head }, chains)) continue;
      const copies = chains.filter((copy) => copy.chain === chain);
      const from = 1 + Math.max(0, ...copies.map((copy) => Math.min(copy.intactUpTo, head.sequence - 1)));
      const known = widest.get(chain);
      if (known !== undefined && head.sequence <= known.through) continue;
      const longer = copies.some((copy) => (copy.head?.sequence ?? 0) >= head.sequence);
      const how = copies.length === 0 ? 'absent' : longer ? 'broken' : 'cut';
      widest.set(chain, { chain, from, through: head.sequence, anchor: anchor.number, how });
    }
  return [...widest.values()].toSorted((left, right) => (left.chain < right.chain ? -1 : 1));
}

function unanchoredBranches(
  chains: readonly ChainExtent[],
  anchors: readonly HeldAnchor[],
): readonly UnanchoredBranch[] {
  const branches: UnanchoredBranch[] = [];
  for (const copy of chains) {
    const { chain, source } = copy;
    const through = copy.head?.sequence ?? 0;
    if (through === 0) continue;
    const heads = anchors
      .flatMap(({ anchor }) => anchor.heads[chain] ?? [])
      .toSorted((a, b) => a.sequence - b.sequence);
    const differing = heads.find((head) => head.sequence <= through && copy.hashAt(head.sequence) !== head.hash);
    const agreed = heads.findLast((head) => head.sequence > 0 && copy.hashAt(head.sequence) === head.hash);
    const from = (agreed?.sequence ?? 0) + 1;
    if (from > through) continue;
    // A copy that an anchor's head lies beyond is covered up to its end by that head's hash.
    const covered = differing === undefined && heads.some((head) => head.sequence > through);
    if (covered) continue;
    const why = differing !== undefined ? 'branch' : agreed === undefined ? 'never' : 'tail';
    branches.push({ chain, source, from, through, why });
  }
  return branches;
}

function gaps(numbers: readonly number[]): readonly number[] {
  const known = new Set(numbers);
  const first = numbers[0] ?? 0;
  const last = numbers.at(-1) ?? -1;
  const absent: number[] = [];
  for (let number = first; number <= last && absent.length < 1_000; number += 1)
    if (!known.has(number)) absent.push(number);
  return absent;
}

export function missingSentence({ chain, from, through, anchor, how }: MissingEntries): string {
  if (how === 'absent') return `the chain ${chain} is not here; anchor ${anchor} saw its entries up to ${through}`;
  if (how === 'broken')
    return `${chain} cannot be relied on from entry ${from}; anchor ${anchor} saw it up to entry ${through}`;
  return `${chain} lacks ${from === through ? `entry ${from}` : `entries ${from} to ${through}`}, which anchor ${anchor} saw`;
}

export const unanchoredSentence = ({ chain, source, from, through, why }: UnanchoredBranch): string => {
  const range = from === through ? `entry ${from}` : `entries ${from} to ${through}`;
  if (why === 'branch')
    return `${chain} (${source}): ${range} ${from === through ? 'differs' : 'differ'} from what an anchor recorded; the branch is kept`;
  if (why === 'never') return `${chain} (${source}): ${range}; no anchor names this chain`;
  return `${chain} (${source}): ${range} ${from === through ? 'was' : 'were'} written after the last anchor`;
};

function sentence(result: Omit<Completeness, 'sentence'>): string {
  if (result.verdict === 'unproven') return 'Not proved complete: there is no anchor, so a cut tail could not be seen.';
  const upTo = result.upToAnchor;
  const witnesses = upTo?.countersignedBy ?? [];
  const signed = witnesses.length > 0 ? `countersigned by ${witnesses.join(', ')}` : 'countersigned by nobody else';
  const never = [
    ...new Set(result.unanchored.filter((branch) => branch.why === 'never').map((branch) => branch.chain)),
  ];
  const outside = never.length > 0 ? ` No anchor names ${never.join(', ')}.` : '';
  if (result.verdict === 'complete' && upTo !== null)
    return `Complete up to anchor ${upTo.number} (${signed}).${outside}`;
  const what = result.missing.map(missingSentence).join('; ');
  return upTo === null
    ? `Incomplete: ${what}.${outside}`
    : `Complete up to anchor ${upTo.number} (${signed}) and not up to ${result.latestAnchor}: ${what}.${outside}`;
}
