import type { Json } from '../../core/base/canonical-json.ts';
import type { Epoch, GroupId, RunId, Term } from '../../core/base/ids.ts';
import type { EvidenceBody } from '../../core/evidence/evidence-entry.ts';
import { isEvidenceKind } from '../../core/evidence/evidence-kind.ts';
import type { ChainHead } from '../../core/evidence/hash-chain.ts';
import { byDeadline, type ShellClock } from '../../engine/shell.ts';
import { causeText } from '../../wire/holdfast-error.ts';

/** The part of an evidence log that is needed here. */
export interface EvidenceSink {
  readonly chain: string;
  head(): ChainHead;
  append(body: EvidenceBody): Promise<unknown>;
  close(): Promise<void>;
}

export interface Fact {
  readonly kind: string;
  readonly data: Json;
  readonly group?: GroupId | null;
  readonly run?: RunId | null;
  readonly epoch?: Epoch | null;
  readonly term?: Term | null;
}

/** Evidence could not be made durable in time. */
export class EvidenceUnwritten extends Error {
  override readonly name = 'EvidenceUnwritten';
}

/** At most this many of one kind of `access` note in a row within a second: whoever knocks must not be able to fill the disk. */
const ACCESS_PER_SECOND = 5;

/** A timer that is later than this was not waited for: the process was stopped. */
const AWAY_MS = 250;
const late = Symbol('late');

/** Writes evidence for a process: by a deadline, or without being waited for. */
export class Recorder {
  readonly #log: EvidenceSink;
  readonly #clock: ShellClock;
  readonly #complain: (line: string) => void;
  #accessWindowAt = 0;
  #accessCount = 0;
  #accessDropped = 0;

  constructor(log: EvidenceSink, clock: ShellClock, complain: (line: string) => void) {
    this.#log = log;
    this.#clock = clock;
    this.#complain = complain;
  }

  get chain(): string {
    return this.#log.chain;
  }

  head(): ChainHead {
    return this.#log.head();
  }

  /**
   * Resolves when it is on disk. Time in which this process itself was stopped is not the log's: after a pause it is given the
   * deadline once more. @throws EvidenceUnwritten
   */
  async record(fact: Fact, deadlineMs: number): Promise<void> {
    const written = this.#log.append(bodyOf(fact)).then(
      () => null,
      (cause: unknown) => causeText(cause),
    );
    for (;;) {
      const dueAt = this.#clock.monoMs() + deadlineMs;
      const problem = await byDeadline<string | null | typeof late>(
        this.#clock,
        { deadlineMs, late: () => late },
        () => written,
      );
      if (problem === null) return;
      if (problem === late && this.#clock.monoMs() - dueAt > AWAY_MS) continue;
      const reason = problem === late ? `it took longer than ${Math.round(deadlineMs)} ms` : problem;
      throw new EvidenceUnwritten(`evidence "${fact.kind}" was not written: ${reason}`);
    }
  }

  /** Not waited for; a failure is complained about. */
  note(fact: Fact): void {
    this.#log
      .append(bodyOf(fact))
      .catch((cause: unknown) => this.#complain(`evidence "${fact.kind}" was not written: ${causeText(cause)}`));
  }

  /** Somebody was turned away. Many in a row are counted, not written one by one. */
  turnedAway(data: { readonly who: string; readonly where: string; readonly reason: string }): void {
    const now = this.#clock.monoMs();
    if (now - this.#accessWindowAt >= 1000) {
      this.#accessWindowAt = now;
      this.#accessCount = 0;
    }
    this.#accessCount += 1;
    if (this.#accessCount > ACCESS_PER_SECOND) {
      this.#accessDropped += 1;
      return;
    }
    this.note({ kind: 'access', data: { ...data, let: 'refused', notWritten: this.#accessDropped } });
    this.#accessDropped = 0;
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

/** A kind that the closed list lacks is kept under the most general one, named in the data: nothing is lost for a word. */
function bodyOf({ kind, data, group = null, run = null, epoch = null, term = null }: Fact): EvidenceBody {
  if (isEvidenceKind(kind)) return { kind, group, run, epoch, term, data };
  return { kind: 'observation-summary', group, run, epoch, term, data: { what: kind, about: data } };
}
