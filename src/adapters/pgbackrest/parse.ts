import { Fields } from '../../wire/fields.ts';

export interface Backup {
  readonly label: string;
  readonly type: 'full' | 'diff' | 'incr';
  readonly repository: number;
  /** Wall-clock milliseconds, as the machine with the repository had it. */
  readonly stoppedAt: number;
  /** Segments without which it cannot be restored. */
  readonly walFrom: string | null;
  readonly walTo: string | null;
  readonly timeline: number | null;
  readonly databaseBytes: number;
  /** Pages whose checksum was wrong when they were copied. */
  readonly damaged: boolean;
}

/** `pgbackrest info --output=json`, of one stanza. */
export interface StanzaState {
  /** pgBackRest's own: 0 = usable, 1 = no stanza, 2 = no backup, 3 = one of several repositories differs, more = see its manual. */
  readonly code: number;
  readonly message: string;
  readonly backupRuns: boolean;
  readonly repositories: readonly { readonly number: number; readonly code: number; readonly message: string }[];
  /** e.g. `15-1`: of the newest database that it has kept WAL of, with its first and last segment. */
  readonly archive: { readonly id: string; readonly min: string | null; readonly max: string | null } | null;
  /** Oldest first. */
  readonly backups: readonly Backup[];
}

/** Null: it answers, and knows no stanza of that name. @throws ShapeError, or Error when it is no list */
export function parseInfo(text: string, stanza: string): StanzaState | null {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('what pgbackrest knows must be a list');
  const found = list
    .map((value, index) => Fields.of(value, `info[${index}]`))
    .find((each) => each.text('name') === stanza);
  if (found === undefined) return null;
  const status = found.fields('status');
  if (status.count('code') === 1) return null;
  const archives = found.list('archive', (value, at) => {
    const archive = Fields.of(value, at);
    return { id: archive.text('id'), min: archive.textOrNull('min'), max: archive.textOrNull('max') };
  });
  return {
    code: status.count('code'),
    message: status.words('message'),
    backupRuns: status.fieldsOrNull('lock')?.fieldsOrNull('backup')?.flag('held', false) ?? false,
    repositories: found.list('repo', (value, at) => {
      const repository = Fields.of(value, at);
      const own = repository.fields('status');
      return { number: repository.count('key'), code: own.count('code'), message: own.words('message') };
    }),
    archive: archives.at(-1) ?? null,
    backups: found.list('backup', parseBackup).toSorted((left, right) => left.stoppedAt - right.stoppedAt),
  };
}

function parseBackup(value: unknown, at: string): Backup {
  const backup = Fields.of(value, at);
  const label = backup.text('label');
  const wal = backup.fieldsOrNull('archive');
  const walFrom = wal?.textOrNull('start') ?? null;
  return {
    label,
    type: backup.oneOf('type', ['full', 'diff', 'incr']),
    repository: backup.fields('database').count('repo-key'),
    stoppedAt: 1000 * backup.fields('timestamp').count('stop'),
    walFrom,
    walTo: wal?.textOrNull('stop') ?? null,
    timeline: walFrom === null ? null : Number.parseInt(walFrom.slice(0, 8), 16),
    databaseBytes: backup.fields('info').count('size', 0),
    damaged: backup.flag('error', false),
  };
}

const segmentFile = /(?:^|\/)([0-9A-F]{24})-[0-9a-f]{40}(?:\.[a-z0-9]+)?$/;

/** `pgbackrest repo-ls --output=json --recurse archive/STANZA/ID`: complete segments by name. Throws when it is no object. */
export function parseSegments(text: string): readonly string[] {
  const files = Fields.parse(text, 'repo-ls').raw();
  return Object.keys(files)
    .flatMap((file) => segmentFile.exec(file)?.[1] ?? [])
    .toSorted();
}

/** `pgBackRest 2.45`; null when it is something else. */
export const parseVersion = (text: string): string | null => /^pgBackRest (\d+(?:\.\d+)*)/m.exec(text)?.[1] ?? null;
