import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../src/core/base/canonical-json.ts';
import type { InstanceId } from '../src/core/base/ids.ts';
import { type EvidenceEntry, parseEntry } from '../src/core/evidence/evidence-entry.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { chainFiles } from '../src/wire/evidence-bundle/chain-directory.ts';
import type { LabDirectory } from './lab-directory.ts';

type Data = Readonly<Record<string, Json>>;

/** Everything that the agents and controllers of a lab have recorded so far, in the order of this machine's monotonic clock. */
export const readEvidence = (directory: LabDirectory, topology: Topology): readonly EvidenceEntry[] =>
  directory
    .evidenceChains(topology)
    .flatMap(entriesOf)
    .toSorted((left, right) => left.monoMs - right.monoMs);

function entriesOf(directory: string): readonly EvidenceEntry[] {
  const file = join(directory, chainFiles.entries);
  if (!existsSync(file)) return [];
  // A last line without its end is still being written.
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const parsed = parseEntry(line);
      return parsed.ok ? [parsed.value] : [];
    });
}

/** An order that an agent carried out, or turned away, as its own chain says. */
export interface CommandWord {
  readonly chain: string;
  readonly monoMs: number;
  readonly instance: InstanceId | null;
  readonly key: string;
  readonly order: string | null;
  /** Why it was turned away. */
  readonly code: string | null;
  readonly epoch: number;
  readonly term: number;
}

export const performed = (entries: readonly EvidenceEntry[]): readonly CommandWord[] =>
  commandWords(entries, 'command-performed');
export const refused = (entries: readonly EvidenceEntry[]): readonly CommandWord[] =>
  commandWords(entries, 'command-refused');

function commandWords(
  entries: readonly EvidenceEntry[],
  kind: 'command-performed' | 'command-refused',
): readonly CommandWord[] {
  return entries.flatMap((entry) => {
    if (entry.kind !== kind) return [];
    const { instance, about } = entry.data as { readonly instance: InstanceId | null; readonly about: Data };
    return [
      {
        chain: entry.chain,
        monoMs: entry.monoMs,
        instance,
        key: String(about['key']),
        order: about['order'] === undefined ? null : String(about['order']),
        code: about['code'] === undefined ? null : String(about['code']),
        epoch: Number(about['epoch']),
        term: Number(about['term']),
      },
    ];
  });
}

/** When the end of an instance was recorded by whoever brought it about: its agent or the gate outside it. */
export interface Stop {
  readonly chain: string;
  readonly how: 'self-fenced' | 'gate' | 'exited';
  /** CLOCK_MONOTONIC of its host; on one machine the same for all. */
  readonly monoMs: number;
  readonly wallMs: number;
  readonly detail: string;
}

/** Every recorded end of an instance, in order. `self-fenced` is the decision to kill, `exited` the fact that it is gone. */
export function stopsOf(entries: readonly EvidenceEntry[], instance: InstanceId): readonly Stop[] {
  return entries.flatMap((entry): Stop[] => {
    const data = entry.data as Data | null;
    const stop = (how: Stop['how'], monoMs: number, about: Json | undefined): Stop => ({
      chain: entry.chain,
      how,
      monoMs,
      wallMs: entry.at - (entry.monoMs - monoMs),
      detail: JSON.stringify(about),
    });
    if (entry.kind === 'self-fenced' && data?.['instance'] === instance)
      return data['by'] === 'warden'
        ? [stop('gate', Number(data['closedMono']), data)]
        : [stop('self-fenced', entry.monoMs, data['about'])];
    return entry.kind === 'exited' && data?.['instance'] === instance
      ? [stop('exited', entry.monoMs, data['about'])]
      : [];
  });
}

/** Journal events of runs, as the controller that wrote them recorded them. */
export interface RunWord {
  readonly chain: string;
  readonly monoMs: number;
  readonly wallMs: number;
  readonly run: string;
  readonly kind: string;
  readonly term: number | null;
  readonly data: Data;
}

export const runWords = (entries: readonly EvidenceEntry[], run: string | null = null): readonly RunWord[] =>
  entries.flatMap((entry) =>
    entry.run !== null &&
    (run === null || entry.run === run) &&
    ['run-opened', 'run-closed', 'run-superseded', 'step-started', 'step-finished'].includes(entry.kind)
      ? [
          {
            chain: entry.chain,
            monoMs: entry.monoMs,
            wallMs: entry.at,
            run: entry.run,
            kind: entry.kind,
            term: entry.term,
            data: entry.data as Data,
          },
        ]
      : [],
  );

/**
 * What no agent may ever have done: one order twice, or an order older than one that it had already taken. One sentence each.
 */
export function commandProblems(entries: readonly EvidenceEntry[]): readonly string[] {
  const problems: string[] = [];
  const times = new Map<string, number>();
  const highest = new Map<string, CommandWord>();
  for (const word of performed(entries)) {
    const once = `${word.chain} ${word.key}`;
    times.set(once, (times.get(once) ?? 0) + 1);
    const before = highest.get(word.chain);
    if (before && (word.epoch < before.epoch || word.term < before.term))
      problems.push(
        `${word.chain} performed ${word.key} of epoch ${word.epoch}, term ${word.term}, after ${before.epoch}/${before.term}`,
      );
    if (!before || word.epoch > before.epoch || word.term > before.term)
      highest.set(word.chain, {
        ...word,
        epoch: Math.max(word.epoch, before?.epoch ?? 0),
        term: Math.max(word.term, before?.term ?? 0),
      });
  }
  for (const [once, count] of times) if (count > 1) problems.push(`${once} was performed ${count} times`);
  return problems;
}
