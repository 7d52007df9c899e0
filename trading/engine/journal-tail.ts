import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Block, blockEnd, blockRecords, decodeBlock, type LogEnd, whyNotNext } from '../journal/block.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { JournalCorrupt } from '../journal/segment-recovery.ts';
import { decodeEntry, type Entry } from './entry.ts';

/** One entry of a tail that was cut off a journal, and whether the journal of the new reign has it too. */
export interface TailLine {
  readonly sequence: number;
  readonly kind: 'order' | 'execution' | 'other';
  /** Order or request as its client calls it; of an execution the exchange's id. */
  readonly id: string;
  readonly entry: Entry['kind'];
  readonly atNewPrimary: 'present' | 'absent';
}

export interface JournalTail {
  readonly file: string;
  readonly fromSequence: number;
  readonly lines: readonly TailLine[];
  /** Why there may be more than these, or why what is absent may be there; empty: that is all. */
  readonly inconclusive: readonly string[];
}

/**
 * Decodes a kept tail (`diverged-….log`) and looks for its entries in a journal of the new reign: that of any engine which follows it.
 * Entries are the same by what they say of which order, request or report, whatever place they have.
 */
export function journalTail(file: string, journalDirectory: string): JournalTail {
  const { entries, fromSequence, broken } = tailEntries(file);
  const inconclusive = broken === null ? [] : [broken];
  const present = new Set<string>();
  let first: number | null = null;
  try {
    readJournal(journalDirectory, (block) => {
      first ??= block.header.firstSequence;
      for (const record of blockRecords(block)) present.add(sameness(decodeEntry(record)));
      return 'go-on';
    });
  } catch (error) {
    if (!(error instanceof JournalCorrupt)) throw error;
    inconclusive.push(`the journal cannot be read whole: ${error.message.split('\n')[0]}`);
  }
  if (first === null || first > fromSequence)
    inconclusive.push(`the journal begins at ${first ?? 'no entry'}, and the tail at ${fromSequence}`);
  const lines = entries.map(({ entry, sequence }): TailLine => {
    const atNewPrimary = present.has(sameness(entry)) ? 'present' : 'absent';
    return { sequence, kind: kindOf(entry), id: idOf(entry), entry: entry.kind, atNewPrimary };
  });
  return { file: basename(file), fromSequence, lines, inconclusive };
}

function tailEntries(file: string): {
  readonly entries: readonly { readonly entry: Entry; readonly sequence: number }[];
  readonly fromSequence: number;
  readonly broken: string | null;
} {
  const bytes = readFileSync(file);
  const entries: { entry: Entry; sequence: number }[] = [];
  let end: LogEnd | null = null;
  let fromSequence = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const block: Block | null = decodeBlock(bytes, offset);
    const why =
      block === null ? 'its block is damaged or cut off' : end === null ? null : whyNotNext(end, block.header);
    if (block === null || why !== null)
      return { entries, fromSequence, broken: `at byte ${offset} of the tail: ${why}` };
    if (end === null) fromSequence = block.header.firstSequence;
    for (const [at, record] of blockRecords(block).entries())
      entries.push({ entry: decodeEntry(record), sequence: block.header.firstSequence + at });
    end = blockEnd(block.header);
    offset += block.bytes.length;
  }
  return { entries, fromSequence, broken: end === null ? 'the tail has no block' : null };
}

const kindOf = ({ kind }: Entry): TailLine['kind'] =>
  kind === 'order' ? 'order' : kind === 'fill' ? 'execution' : 'other';

function idOf(entry: Entry): string {
  if (entry.kind === 'fill') return entry.exec;
  if (entry.kind === 'epoch') return entry.instance;
  if (entry.kind === 'venue') return entry.name;
  return entry.id === '' && 'target' in entry ? entry.target : entry.id;
}

/** Times differ where a client sent again, and numbers of exchanges between journals; what was asked or reported does not. */
function sameness(entry: Entry): string {
  const { at: _, venue: __, ...rest } = { at: 0, venue: 0, ...entry };
  return JSON.stringify(Object.entries(rest).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
