import { readFileSync } from 'node:fs';
import type { Platform } from '../../lab/demo/platform.ts';
import { authorityEndpoint } from '../../lab/layout.ts';
import { type LabAuthority, openLabAuthority } from '../../src/adapters/lab-authority/client.ts';
import type { StepKind } from '../../src/core/plan/runbook.ts';
import type { JournalEntry } from '../../src/core/run/run.ts';
import { keys } from '../../src/engine/authority-keys.ts';
import type { LeaderRecord } from '../../src/engine/leadership.ts';

/** A step that has just been journalled, and who did it. */
export interface StepBegun {
  readonly entry: JournalEntry;
  readonly kind: StepKind;
  readonly leader: LeaderRecord;
}

/**
 * Watches the authority itself, past every relay of the lab: it hears of a journal entry when its transaction is committed, which is
 * when the leader that wrote it hears of it, or earlier when the leader's own path to the authority is slow.
 */
export class JournalWatch {
  readonly #authority: LabAuthority;
  readonly #close: () => void;
  #leader: LeaderRecord | null;
  readonly #entries: JournalEntry[] = [];
  #onEntry: (entry: JournalEntry) => void = () => {};

  private constructor(authority: LabAuthority, leader: LeaderRecord | null, afterRevision: never) {
    this.#authority = authority;
    this.#leader = leader;
    const watch = authority.watch('', {
      afterRevision,
      onEvent: (event) => {
        if (event.kind !== 'changed') return;
        for (const { key, value } of event.changes) {
          if (key === keys.leader) this.#leader = value as unknown as LeaderRecord;
          if (!/^journal\/.*\/0\d+$/.test(key) || value === null) continue;
          this.#entries.push(value as unknown as JournalEntry);
          this.#onEntry(value as unknown as JournalEntry);
        }
      },
    });
    this.#close = () => watch.close();
  }

  static async open({ context, topology }: Platform): Promise<JournalWatch> {
    const voter = topology.sites.find((site) => site.voter)!;
    const authority = openLabAuthority({
      ...context.book.realAddress(authorityEndpoint),
      client: voter.id,
      token: readFileSync(context.secrets.authorityToken, 'utf8').trim(),
    });
    const read = await authority.range('', { deadlineMs: 20_000 });
    if (read.kind !== 'ok') {
      await authority.close();
      throw new Error(`the authority could not be read: ${read.reason}`);
    }
    const leader = read.entries[keys.leader]?.value as unknown as LeaderRecord | undefined;
    return new JournalWatch(authority, leader ?? null, read.revision as never);
  }

  get leader(): LeaderRecord | null {
    return this.#leader;
  }

  /** Every entry heard since this watch was opened. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Calls back in the same turn in which the entry arrives that begins this step; once. */
  whenBegins(kind: StepKind, act: (begun: StepBegun) => void): void {
    this.#onEntry = (entry) => {
      const begun = entry.events.some((event) => event.kind === 'step-started' && String(event.step) === kind);
      if (!begun || this.#leader === null) return;
      this.#onEntry = () => {};
      act({ entry, kind, leader: this.#leader });
    };
  }

  forget(): void {
    this.#onEntry = () => {};
  }

  async close(): Promise<void> {
    this.#close();
    await this.#authority.close();
  }
}
