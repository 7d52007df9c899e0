import { type EvidenceEntry, parseEntry } from './evidence-entry.ts';

/** A finished line that holds no entry; never the effect of a crash, which leaves only the last line unfinished. */
export interface UnreadableLine {
  readonly unreadable: string;
  /** 1 = first line of the file. */
  readonly line: number;
}

export type ChainItem = EvidenceEntry | UnreadableLine;

/** Bytes after the last line feed: what a crash in the middle of a write leaves. Nothing in it was reported as durable. */
export interface TornTail {
  readonly characters: number;
  readonly afterSequence: number;
}

export interface ChainText {
  readonly items: readonly ChainItem[];
  readonly tornTail: TornTail | null;
}

export const isUnreadable = (item: ChainItem): item is UnreadableLine => 'unreadable' in item;

/** Takes the text of a chain file apart. Says nothing about its truth; that is `verifyChain`. */
export function parseChainText(text: string): ChainText {
  const items: ChainItem[] = [];
  let afterSequence = 0;
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    const parsed = parseEntry(text.slice(start, end));
    start = end + 1;
    if (parsed.ok) {
      items.push(parsed.value);
      afterSequence = parsed.value.sequence;
    } else {
      items.push({ unreadable: parsed.error, line: items.length + 1 });
    }
  }
  return { items, tornTail: start < text.length ? { characters: text.length - start, afterSequence } : null };
}
