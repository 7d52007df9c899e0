import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../base/durable-file.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import type { DifferenceStatus } from '../control/contract.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReplicationClient } from '../replication/replication-client.ts';
import type { StateDifference } from '../replication/standby-core.ts';
import { baseOf, newestCheckpoint } from './checkpoint.ts';
import type { ReplayedState } from './replayed-state.ts';
import { type DifferenceReport, differenceText, type StateVerdict, stateVerdict } from './state-difference.ts';
import { writeImage } from './state-image.ts';
import { ENGINE_VERSION } from './version.ts';

/** More within one process's life is no accident any more: it stays out until somebody has looked. */
const MOST_ATTEMPTS = 2;
const MOST_KEPT = 16;
const REPLAY_DEADLINE_MS = 120_000;
const TOOL = join(import.meta.dirname, 'replay.ts');

export interface StateRecoveryOptions {
  readonly instance: string;
  readonly dataDir: string;
  readonly journal: Journal;
  /** Highest epoch stored here, read at each use: that of the primary that found a difference. */
  readonly epochs: { readonly highest: number };
  readonly replayed: ReplayedState;
  readonly upstream: () => Pick<ReplicationClient, 'core' | 'step'>;
  readonly onWarning: (text: string) => void;
  readonly onChanged: () => void;
}

/**
 * Brings a standby back whose state was not its primary's. The journal stays where it is: its blocks are the primary's, and this
 * instance may be the one that holds what was acknowledged (I9). What differed is the state, which is put aside with a report; a
 * replay by another process says which of the two was wrong, and the state is computed anew: first from a checkpoint, the second time
 * from as far back as there is. Never more often than `MOST_ATTEMPTS`, and not when the primary is the one that is wrong: then it follows
 * nobody until there is a newer reign, whose primary computed its state anew, or until it is promoted.
 */
export class StateRecovery {
  readonly #options: StateRecoveryOptions;
  #attempts = 0;
  #looking: StateDifference | null = null;
  #verdict: StateVerdict | null = null;
  /** Whose state was not the one here, and in which reign. */
  #compared = { upstream: '', epoch: 0 };
  #followedEpoch = 0;

  constructor(options: StateRecoveryOptions) {
    this.#options = options;
  }

  /** Of the present difference; null while it is not known. */
  get verdict(): StateVerdict | null {
    return this.#verdict;
  }

  /** The present difference, for whoever decides who may be primary; null when nothing differs. */
  get told(): DifferenceStatus | null {
    const { difference } = this.#options.upstream().core;
    if (difference === null) return null;
    const wrong = { 'primary-wrong': 'upstream', 'replica-wrong': 'here', inconclusive: 'unknown' } as const;
    const { upstream, epoch } = this.#compared;
    return {
      sequence: difference.sequence,
      upstream,
      epoch,
      wrong: this.#verdict === null ? 'unknown' : wrong[this.#verdict],
    };
  }

  /** How often a state was put aside by this process. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Why this instance says that it is not well; null when nothing differs. */
  get problem(): string | null {
    const { difference } = this.#options.upstream().core;
    if (difference === null) return null;
    const stays = this.#attempts > MOST_ATTEMPTS ? '; it was computed anew in vain and stays out: start it again' : '';
    return `HF-7209 ${differenceText(difference, this.#verdict)}${stays}`;
  }

  /** Looks whether a primary has found a difference that nothing is done about yet. */
  look(): void {
    const { difference } = this.#options.upstream().core;
    if (difference === null || difference === this.#looking) return;
    this.#looking = difference;
    this.#compared = {
      upstream: this.#options.upstream().core.upstream?.instance ?? '',
      epoch: this.#options.epochs.highest,
    };
    this.#verdict = null;
    this.#attempts += 1;
    this.#recover(difference).catch((error: Error) =>
      this.#options.onWarning(`the state could not be computed anew: ${error.message}`),
    );
  }

  /** It is to follow a primary of this epoch: a reign that came after the one that was wrong is compared anew. */
  followed(epoch: number): void {
    this.#followedEpoch = epoch;
    if (this.#verdict !== 'primary-wrong' || epoch <= this.#compared.epoch) return;
    this.#looking = null;
    this.#verdict = null;
    this.#options.upstream().step({ kind: 'recomputed', nowMs: monoNowMs() });
  }

  async #recover(difference: StateDifference): Promise<void> {
    const { replayed, journal, upstream, onWarning, onChanged, dataDir } = this.#options;
    // As it is now: it is altered by nothing while this instance follows nobody.
    const image = writeImage(replayed.state);
    const answer = await this.#replay(difference.sequence);
    if (upstream().core.difference !== difference) return;
    const verdict = stateVerdict(difference, answer);
    this.#verdict = verdict;
    onWarning(differenceText(difference, verdict));
    onChanged();
    this.#keep(difference, answer, verdict, image);
    if (verdict === 'primary-wrong') return this.followed(this.#followedEpoch);
    if (this.#attempts > MOST_ATTEMPTS) return;
    const fromStart = journal.first === 1 && this.#attempts > 1;
    const onDamaged = ({ message }: Error): void => onWarning(message);
    const checkpoint = fromStart
      ? null
      : newestCheckpoint(join(dataDir, 'checkpoints'), { upTo: difference.sequence, onDamaged });
    const known = checkpoint !== null && journal.endAt(baseOf(checkpoint).sequence)?.crc === baseOf(checkpoint).crc;
    await replayed.rebuild(journal, known ? checkpoint : null);
    if (upstream().core.difference !== difference) return;
    this.#looking = null;
    upstream().step({ kind: 'recomputed', nowMs: monoNowMs() });
    onChanged();
  }

  /** The hash at this sequence as another process computes it from the files; null when it cannot. */
  #replay(sequence: number): Promise<string | null> {
    const { dataDir, journal } = this.#options;
    const place = ['--journal', join(dataDir, 'journal'), ...(journal.first === 1 ? ['--from-start'] : [])];
    const args = [TOOL, ...place, '--to', String(sequence), '--json'];
    return new Promise((resolve) => {
      execFile(process.execPath, args, { timeout: REPLAY_DEADLINE_MS }, (error, output) => {
        if (error !== null) return resolve(null);
        const { sequence: reached, stateHash } = JSON.parse(output) as { sequence: number; stateHash: string };
        resolve(reached === sequence ? stateHash : null);
      });
    });
  }

  #keep(difference: StateDifference, replayed: string | null, verdict: StateVerdict, image: Buffer): void {
    const { instance, dataDir, journal, upstream } = this.#options;
    const { sequence, epoch, crc } = journal.end;
    const about: DifferenceReport = {
      ...difference,
      instance,
      upstream: upstream().core.upstream?.instance ?? null,
      epoch,
      journalEnd: { sequence, crc },
      replayed,
      verdict,
      codeVersion: ENGINE_VERSION,
      foundAt: Date.now(),
    };
    const all = join(dataDir, 'differences');
    mkdirSync(all, { recursive: true, mode: 0o700 });
    if (readdirSync(all).length >= MOST_KEPT) return;
    const directory = join(all, `${String(difference.sequence).padStart(16, '0')}-${about.foundAt}`);
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'state.bin'), image, { mode: 0o600, flush: true });
    writeFileSync(join(directory, 'report.json'), `${JSON.stringify(about, null, 2)}\n`, { mode: 0o600, flush: true });
    syncDirectory(directory);
  }
}
