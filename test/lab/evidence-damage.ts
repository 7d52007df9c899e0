import { readFileSync, writeFileSync } from 'node:fs';
import type { EvidenceBundle } from '../../src/wire/evidence-bundle/bundle.ts';
import { sha256 } from '../../src/wire/evidence-bundle/evidence-crypto.ts';

interface Entry {
  readonly sequence: number;
  readonly kind: string;
  readonly at: number;
  readonly data: unknown;
}

/** One thing that somebody with the file, and without a key, may do to it, and what a verifier must then say. */
export interface Damage {
  readonly what: 'edited' | 'reordered' | 'removed' | 'truncated';
  readonly bundle: EvidenceBundle;
  readonly sentence: string;
}

/** How far the last anchor of a bundle saw each chain. */
export function anchored(bundle: EvidenceBundle): ReadonlyMap<string, number> {
  const last = bundle.chains
    .flatMap(({ text }) => entriesIn(text))
    .filter(({ kind }) => kind === 'anchor')
    .map(({ data }) => (data as AnchorData).anchor)
    .toSorted((left, right) => left.at - right.at)
    .at(-1);
  return new Map(Object.entries(last?.heads ?? {}).map(([chain, { sequence }]) => [chain, sequence]));
}

/** Every kind of damage, done in turn to one chain of a whole bundle; sums that are only sums are made right again. */
export function damagesOf(whole: EvidenceBundle, chain: string): readonly Damage[] {
  const lines = whole.chains
    .find((each) => each.chain === chain)!
    .text.split('\n')
    .slice(0, -1);
  const seen = anchored(whole).get(chain)!;
  const middle = Math.floor(seen / 2);
  const cutAfter = seen - 2;
  const spoil = (what: Damage['what'], changed: readonly string[], sentence: string): Damage => {
    const text = `${changed.join('\n')}\n`;
    const chains = whole.chains.map((each) => (each.chain === chain ? { ...each, text, sha256: sha256(text) } : each));
    return { what, sentence: `${chain}: ${sentence}`, bundle: { ...whole, chains } };
  };
  const { at } = entriesIn(lines[middle - 1]!)[0]!;
  return [
    spoil(
      'edited',
      lines.with(middle - 1, lines[middle - 1]!.replace(`"at":${at}`, `"at":${at - 60_000}`)),
      `entry ${middle} was edited`,
    ),
    spoil(
      'reordered',
      lines.with(middle - 1, lines[middle]!).with(middle, lines[middle - 1]!),
      `entry ${middle + 1} stands before entry ${middle}`,
    ),
    spoil('removed', lines.toSpliced(middle - 1, 2), `entries ${middle} to ${middle + 1} are missing`),
    spoil(
      'truncated',
      lines.slice(0, cutAfter),
      `the tail was cut: entries ${cutAfter + 1} to ${seen} are missing; anchor`,
    ),
  ];
}

export const readBundle = (file: string): EvidenceBundle => JSON.parse(readFileSync(file, 'utf8')) as EvidenceBundle;
export const writeBundle = (file: string, bundle: EvidenceBundle): void => writeFileSync(file, JSON.stringify(bundle));

interface AnchorData {
  readonly anchor: {
    readonly at: number;
    readonly heads: Readonly<Record<string, { readonly sequence: number }>>;
  };
}

const entriesIn = (text: string): readonly Entry[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
