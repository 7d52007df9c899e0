import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnosis } from '../src/core/diagnosis/diagnosis.ts';
import { type EvidenceEntry, parseEntry } from '../src/core/evidence/evidence-entry.ts';
import type { RunEvent } from '../src/core/run/run.ts';
import { chainFiles } from '../src/wire/evidence-bundle/chain-directory.ts';
import type { RunSeen } from './wrong-failovers-judge.ts';

/** Somebody was suspected: what was diagnosed, and for how long. */
export interface Suspicion {
  readonly kind: string;
  readonly about: string;
  readonly summary: string;
  readonly fromMs: number;
  /** Null while it is held. */
  readonly untilMs: number | null;
}

/** What agents do to an instance by themselves. */
export interface NearMiss {
  readonly atMs: number;
  readonly chain: string;
  readonly kind: string;
  readonly data: string;
}

const NEAR = ['lease-lost', 'self-fenced', 'exited', 'command-refused', 'leadership', 'durability-changed'] as const;
const CHUNK_BYTES = 1 << 20;

/** Reads on in the chains of everybody: runs, what was suspected, and what agents did by themselves. */
export class EvidenceWatch {
  readonly #files: { readonly file: string; offset: number; rest: Buffer }[];
  readonly #runs = new Map<string, RunSeen>();
  readonly #held = new Map<string, Suspicion>();
  /** What was recorded, for whoever has to say what led to a run; the last so many. */
  readonly #recent: EvidenceEntry[] = [];
  readonly suspicions: Suspicion[] = [];
  readonly nearMisses: NearMiss[] = [];
  readonly #fromMs: number;

  /** Of what was recorded before `fromMs` nothing is kept. */
  constructor(chains: readonly string[], fromMs: number) {
    this.#files = chains.map((chain) => ({
      file: join(chain, chainFiles.entries),
      offset: 0,
      rest: Buffer.alloc(0),
    }));
    this.#fromMs = fromMs;
  }

  get runs(): readonly RunSeen[] {
    return [...this.#runs.values()].toSorted((a, b) => a.openedAtMs - b.openedAtMs);
  }

  /** What is suspected now is among them, without an end. */
  get allSuspicions(): readonly Suspicion[] {
    return [...this.suspicions, ...this.#held.values()].toSorted((a, b) => a.fromMs - b.fromMs);
  }

  read(): void {
    const entries = this.#files.flatMap((source) => readOn(source));
    for (const entry of entries.toSorted((a, b) => a.at - b.at)) this.#take(entry);
  }

  /** What everybody recorded between two moments, one line each. */
  recorded(fromMs: number, toMs: number): readonly string[] {
    return this.#recent
      .filter(({ at }) => at >= fromMs && at <= toMs)
      .map(
        ({ at, chain, kind, data }) =>
          `${String(Math.round(at - toMs)).padStart(7)} ms  ${chain.padEnd(22)} ${kind.padEnd(18)} ${JSON.stringify(data).slice(0, 400)}`,
      );
  }

  #take(entry: EvidenceEntry): void {
    if (entry.at < this.#fromMs) return;
    if (entry.kind !== 'anchor' && entry.kind !== 'countersign') this.#recent.push(entry);
    if (this.#recent.length > 20_000) this.#recent.splice(0, 10_000);
    const event = entry.data as unknown as RunEvent;
    if (entry.kind === 'run-opened' && event.kind === 'opened') this.#opened(event);
    else if (entry.kind === 'run-closed' || entry.kind === 'run-superseded') {
      if (event.kind === 'closed') this.#change(entry.run, { result: event.result });
    } else if (entry.kind === 'epoch-raised') this.#raised(entry);
    else if (entry.kind === 'diagnosis')
      this.#diagnosed(entry.at, (entry.data as unknown as { diagnoses: readonly Diagnosis[] }).diagnoses);
    else if ((NEAR as readonly string[]).includes(entry.kind))
      this.nearMisses.push({
        atMs: entry.at,
        chain: entry.chain,
        kind: entry.kind,
        data: JSON.stringify(entry.data).slice(0, 240),
      });
  }

  #opened({ run, plan, at, detectedAt }: Extract<RunEvent, { kind: 'opened' }>): void {
    const { runbook, trigger, scope, moves } = plan;
    const raised = this.#runs.get(run)?.raised ?? 0;
    this.#runs.set(run, {
      run,
      openedAtMs: at,
      detectedAtMs: detectedAt,
      runbook,
      trigger,
      scope,
      moves,
      result: null,
      raised,
    });
  }

  #raised({ run, data }: EvidenceEntry): void {
    const { epoch, from } = data as { readonly epoch: number; readonly from: number | null };
    this.#change(run, { raised: from === null ? 1 : Math.max(1, epoch - from) });
  }

  #change(run: string | null, change: Partial<RunSeen>): void {
    const known = run === null ? undefined : this.#runs.get(run);
    if (known !== undefined) this.#runs.set(known.run, { ...known, ...change });
  }

  #diagnosed(at: number, diagnoses: readonly Diagnosis[]): void {
    const now = new Map(diagnoses.map((diagnosis) => [nameOf(diagnosis), diagnosis]));
    for (const [name, suspicion] of this.#held)
      if (!now.has(name)) {
        this.#held.delete(name);
        this.suspicions.push({ ...suspicion, untilMs: at });
      }
    for (const [name, { kind, summary }] of now)
      if (!this.#held.has(name)) this.#held.set(name, { kind, about: name, summary, fromMs: at, untilMs: null });
  }
}

const nameOf = ({ kind, site, host, component, instance }: Diagnosis): string =>
  [kind, instance ?? host ?? component ?? site].filter((each) => each !== null).join(' ');

/** Whole lines only; what is half written is read with the next ones. */
function readOn(source: { readonly file: string; offset: number; rest: Buffer }): EvidenceEntry[] {
  if (!existsSync(source.file)) return [];
  const fd = openSync(source.file, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const read = readSync(fd, chunk, 0, chunk.length, source.offset);
      if (read === 0) break;
      source.offset += read;
      source.rest = Buffer.concat([source.rest, chunk.subarray(0, read)]);
    }
  } finally {
    closeSync(fd);
  }
  const end = source.rest.lastIndexOf(10);
  if (end < 0) return [];
  const text = source.rest.toString('utf8', 0, end);
  source.rest = Buffer.from(source.rest.subarray(end + 1));
  return text.split('\n').flatMap((line) => {
    const entry = parseEntry(line);
    return entry.ok ? [entry.value] : [];
  });
}
