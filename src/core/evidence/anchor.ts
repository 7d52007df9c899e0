import { canonicalJson, type Digest, type Json } from '../base/canonical-json.ts';
import type { WallMs } from '../base/ids.ts';
import { type ChainItem, isUnreadable } from './chain-text.ts';
import type { ChainHead } from './hash-chain.ts';

/**
 * The heads of all chains at one moment, numbered by compare-and-set in the authority. The leader writes it into its own
 * chain as `anchor`, every other controller as `countersign`; both carry the whole record, so that a surviving site can
 * show what the lost ones had. Its hash covers everything else.
 */
export interface Anchor {
  /** 1, 2, 3 … in the authority's order. */
  readonly number: number;
  /** Hash of anchor `number − 1`; empty for the first. */
  readonly previousHash: string;
  /** Identity of the authority's data; a restored authority counts on under another one. */
  readonly incarnation: string;
  readonly at: WallMs;
  /** Chain of the controller that made it. */
  readonly by: string;
  readonly heads: Readonly<Record<string, { readonly sequence: number; readonly hash: string }>>;
  readonly hash: string;
}

export interface AnchorInput {
  readonly previous: Pick<Anchor, 'number' | 'hash'> | null;
  readonly incarnation: string;
  readonly at: WallMs;
  readonly by: string;
  readonly heads: readonly ChainHead[];
}

export function makeAnchor(input: AnchorInput, digest: Digest): Anchor {
  const unhashed = {
    number: (input.previous?.number ?? 0) + 1,
    previousHash: input.previous?.hash ?? '',
    incarnation: input.incarnation,
    at: input.at,
    by: input.by,
    heads: Object.fromEntries(input.heads.map(({ chain, sequence, hash }) => [chain, { sequence, hash }])),
  };
  return { ...unhashed, hash: digest(canonicalJson(unhashed)) };
}

/** `data` of an `anchor` or `countersign` entry. */
export const anchorData = (anchor: Anchor): Json => ({ anchor: anchor as unknown as Json });

/** The anchor in a value from outside; null when there is none or its hash does not match. */
export function readAnchor(value: unknown, digest: Digest): Anchor | null {
  if (typeof value !== 'object' || value === null) return null;
  const { hash, ...rest } = value as Anchor;
  const shaped =
    Number.isSafeInteger(rest.number) &&
    typeof rest.previousHash === 'string' &&
    typeof rest.by === 'string' &&
    typeof rest.heads === 'object' &&
    rest.heads !== null &&
    Object.values(rest.heads).every((head) => Number.isSafeInteger(head?.sequence) && typeof head.hash === 'string');
  return shaped && digest(canonicalJson(rest)) === hash ? (value as Anchor) : null;
}

/** An anchor and the entries that vouch for it. */
export interface HeldAnchor {
  readonly anchor: Anchor;
  readonly heldBy: readonly {
    readonly chain: string;
    readonly sequence: number;
    readonly kind: 'anchor' | 'countersign';
  }[];
}

/**
 * Every anchor found in the given chains and in what the authority still has, by number. Two anchors of one number with
 * different content are both returned. Pass only entries whose hash and signature were checked.
 */
export function collectAnchors(
  chains: readonly (readonly ChainItem[])[],
  options: { readonly digest: Digest; readonly fromAuthority?: readonly Anchor[] },
): readonly HeldAnchor[] {
  const found = new Map<string, { anchor: Anchor; heldBy: HeldAnchor['heldBy'][number][] }>();
  const add = (value: unknown) => {
    const anchor = readAnchor(value, options.digest);
    if (anchor === null) return null;
    const held = found.get(anchor.hash) ?? { anchor, heldBy: [] };
    found.set(anchor.hash, held);
    return held;
  };
  for (const anchor of options.fromAuthority ?? []) add(anchor);
  for (const items of chains)
    for (const item of items) {
      if (isUnreadable(item) || (item.kind !== 'anchor' && item.kind !== 'countersign')) continue;
      const data = item.data as { readonly anchor?: unknown } | null;
      const { chain, sequence, kind } = item;
      const held = add(data?.anchor);
      if (held !== null && !held.heldBy.some((by) => by.chain === chain && by.sequence === sequence))
        held.heldBy.push({ chain, sequence, kind });
    }
  return [...found.values()].toSorted(
    (left, right) => left.anchor.number - right.anchor.number || (left.anchor.hash < right.anchor.hash ? -1 : 1),
  );
}
