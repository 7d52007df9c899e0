import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import type { RunCommand } from '../gate/nftables-gate.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import { type ArchiveGap, archiveGaps } from './archive-gaps.ts';
import { type Backup, parseInfo, parseSegments, parseVersion, type StanzaState } from './parse.ts';

export interface PgBackRestOptions {
  /** Runs a command on the machine that has the repository, as its owner; the seam that tests record at. */
  readonly run: RunCommand;
  /** How pgBackRest is run there, with its configuration, e.g. `['pgbackrest', '--config=FILE']`. */
  readonly command: readonly [string, ...string[]];
  readonly stanza: string;
  /** Its number in the configuration. */
  readonly repository: number;
  readonly epochs: GuardedEpochs;
}

export interface BackupAction {
  readonly kind: 'backup';
  readonly epoch: Epoch;
  readonly type: Backup['type'];
  /** Wall-clock milliseconds: one that ended later is this one, so that asking twice is asking once. */
  readonly since: number;
}

export interface BackupCondition {
  readonly kind: 'backed-up';
  readonly since: number;
}

/** What one look gave. Null: that part did not answer in time, or not sensibly; `reasons` says why. */
export interface BackupObservation {
  readonly version: string | null;
  readonly stanza: StanzaState | null;
  /** The newest one of this repository that is complete and undamaged. `none`: it was looked for, and there is none. */
  readonly lastGood: Backup | 'none' | null;
  /** Of WAL since then; empty = it can be restored to the end of the archive. */
  readonly gaps: readonly ArchiveGap[] | null;
  readonly reasons: readonly string[];
}

/** Versions against which this driver has run. Another one is reported, not refused. */
const triedVersions = ['2.45'];

type Said =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Sees what could be restored from one repository, and asks for backups. Whether it is restored is for whoever restores it. */
export class PgBackRestDriver {
  readonly #options: PgBackRestOptions;

  constructor(options: PgBackRestOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever pgBackRest does. */
  async observe(options: CallOptions): Promise<BackupObservation> {
    const until = hostMonoMs() + options.deadlineMs;
    const { stanza: name, repository } = this.#options;
    const reasons: string[] = [];
    const [version, stanza] = await Promise.all([
      this.#part('version', ['version'], parseVersion, until, reasons),
      this.#part('info', ['--output=json', 'info'], (text) => parseInfo(text, name), until, reasons),
    ]);
    if (version !== null && !triedVersions.includes(version))
      reasons.push(`version ${version} has not been tried; ${triedVersions.join(', ')} has`);
    if (stanza === null) {
      if (reasons.every((reason) => !reason.startsWith('info'))) reasons.push(`info: there is no stanza ${name}`);
      return { version, stanza, lastGood: null, gaps: null, reasons };
    }
    const lastGood = lastGoodOf(stanza, repository) ?? 'none';
    const gaps = lastGood === 'none' ? null : await this.#gaps(stanza, lastGood, until, reasons);
    return { version, stanza, lastGood, gaps, reasons };
  }

  /**
   * `ok` when the repository shows the backup afterwards. One that is not ready by the deadline is ended, and `unknown`: pgBackRest goes on
   * with what it has when it is asked for one of the same type again.
   */
  async perform(action: BackupAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const { epochs, stanza, repository } = this.#options;
    const resource = `backups of ${stanza} in ${repository}`;
    if (!epochs.admit(resource, action.epoch)) {
      const reason = `epoch ${action.epoch} is older than ${epochs.highest(resource)} for ${resource}`;
      return { kind: 'failed', code: 'stale-epoch', reason };
    }
    const condition = { kind: 'backed-up', since: action.since } as const;
    const before = await this.confirm(condition, { deadlineMs: (until - hostMonoMs()) / 3 });
    if (before === 'holds') return { kind: 'ok', detail: {} };
    if (before === 'unknown')
      return { kind: 'unknown', reason: 'nothing was asked for: the repository does not say what it has' };
    const said = await this.#ask(
      [`--stanza=${stanza}`, `--repo=${repository}`, `--type=${action.type}`, 'backup'],
      until,
    );
    if (said.kind === 'unknown') return said;
    const held = await this.confirm(condition, { deadlineMs: until - hostMonoMs() });
    if (held === 'holds') return { kind: 'ok', detail: {} };
    if (said.kind === 'failed') return { kind: 'failed', code: 'refused', reason: said.reason };
    return { kind: 'unknown', reason: 'the backup ended and was not seen in the repository in time' };
  }

  async confirm(condition: BackupCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const until = hostMonoMs() + options.deadlineMs;
    const { stanza: name, repository } = this.#options;
    const stanza = await this.#part('info', ['--output=json', 'info'], (text) => parseInfo(text, name), until, []);
    if (stanza === null) return 'unknown';
    const last = lastGoodOf(stanza, repository);
    return last !== null && last.stoppedAt >= condition.since ? 'holds' : 'does-not-hold';
  }

  async #gaps(
    { archive }: StanzaState,
    { walFrom }: Backup,
    until: number,
    reasons: string[],
  ): Promise<readonly ArchiveGap[] | null> {
    const { stanza, repository } = this.#options;
    if (archive === null || walFrom === null) {
      reasons.push('archive: it is not said which WAL the last backup needs');
      return null;
    }
    const list = [`--repo=${repository}`, '--output=json', '--recurse', 'repo-ls', `archive/${stanza}/${archive.id}`];
    return this.#part('archive', list, (text) => archiveGaps(parseSegments(text), walFrom), until, reasons);
  }

  async #part<Part>(
    what: string,
    args: readonly string[],
    parse: (text: string) => Part,
    until: number,
    reasons: string[],
  ): Promise<Part | null> {
    const said = await this.#ask(args, until);
    try {
      if (said.kind !== 'text') throw new Error(said.reason);
      return parse(said.text);
    } catch (error) {
      reasons.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  async #ask(args: readonly string[], until: number): Promise<Said> {
    const deadlineMs = until - hostMonoMs();
    if (deadlineMs <= 0) return { kind: 'unknown', reason: 'there was no time left to ask' };
    const [program, ...first] = this.#options.command;
    const { code, stdout, stderr } = await this.#options.run(program, [...first, ...args], { input: '', deadlineMs });
    // pgBackRest's own codes end at 126; what was killed at its deadline has 124 and printed nothing.
    if (code === 124 && stdout === '')
      return { kind: 'unknown', reason: `no answer within ${Math.ceil(deadlineMs)} ms` };
    const words = stderr.trim() === '' ? stdout.trim() : stderr.trim();
    return code === 0 ? { kind: 'text', text: stdout } : { kind: 'failed', reason: words || `it ended with ${code}` };
  }
}

function lastGoodOf({ backups }: StanzaState, repository: number): Backup | null {
  return backups.findLast((backup) => backup.repository === repository && !backup.damaged) ?? null;
}
