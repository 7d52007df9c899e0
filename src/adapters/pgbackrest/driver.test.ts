import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Epoch } from '../../core/base/ids.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { archiveGaps } from './archive-gaps.ts';
import { PgBackRestDriver } from './driver.ts';
import { parseInfo, parseSegments, parseVersion } from './parse.ts';
import { ServedRepository } from './served-repository.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const info = fixture('info-2.45.json');
const archive = fixture('archive-2.45.json');
const none = fixture('info-none-2.45.json');
const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 200 };

describe('what pgBackRest prints', () => {
  it('backups with what it takes to restore them', () => {
    const stanza = parseInfo(info, 'database')!;
    assert.deepEqual([stanza.code, stanza.message, stanza.archive?.id], [0, 'ok', '15-1']);
    const [backup] = stanza.backups;
    assert.deepEqual([backup?.type, backup?.repository, backup?.damaged], ['full', 1, false]);
    assert.match(backup?.label ?? '', /^2026\d{4}-\d{6}F$/);
    assert.match(backup?.walFrom ?? '', /^[0-9A-F]{24}$/);
    assert.ok(backup!.stoppedAt > Date.UTC(2026, 10, 21) && backup!.databaseBytes > 1_000_000);
  });

  it('a repository without any, and one without this stanza', () => {
    assert.deepEqual(parseInfo(none, 'database')?.backups, []);
    assert.equal(parseInfo(none, 'database')?.code, 2);
    assert.equal(parseInfo(none, 'other'), null);
    assert.equal(parseInfo('[]', 'database'), null);
    assert.throws(() => parseInfo('{}', 'database'));
  });

  it('segments of the archive, and its version', () => {
    assert.ok(parseSegments(archive).length >= 2);
    assert.ok(parseSegments(archive).every((name) => /^[0-9A-F]{24}$/.test(name)));
    assert.equal(parseVersion(fixture('version-2.45.txt')), '2.45');
    assert.equal(parseVersion('barman 3.4'), null);
  });
});

describe('gaps of an archive', () => {
  const segment = (timeline: number, number: number) =>
    `${timeline.toString(16).padStart(8, '0')}00000000${number.toString(16).padStart(8, '0')}`.toUpperCase();

  it('are none where every number is there, on whatever later timeline', () => {
    assert.deepEqual(archiveGaps([segment(1, 3), segment(1, 4), segment(2, 4), segment(2, 5)], segment(1, 3)), []);
  });

  it('are told of as ranges', () => {
    const gaps = archiveGaps([segment(1, 3), segment(1, 6), segment(1, 8)], segment(1, 3));
    assert.deepEqual(gaps, [
      { from: '0000000000000004', to: '0000000000000005', segments: 2 },
      { from: '0000000000000007', to: '0000000000000007', segments: 1 },
    ]);
  });

  it('begin with the first that a backup needs, also when it alone is missing', () => {
    assert.deepEqual(archiveGaps([segment(1, 1)], segment(1, 3)), [
      { from: '0000000000000003', to: '0000000000000003', segments: 1 },
    ]);
  });

  it('are not filled from a timeline before the backup’s', () => {
    assert.equal(archiveGaps([segment(1, 4), segment(2, 3), segment(2, 5)], segment(2, 3)).length, 1);
  });

  it('do not begin anew where a log ends', () => {
    assert.deepEqual(
      archiveGaps([`000000010000000000000${'0FF'}`, '000000010000000100000000'], '0000000100000000000000FF'),
      [],
    );
  });
});

describe('driver of one repository', () => {
  let directory: string;
  let answers: (line: string) => { code?: number; stdout?: string; stderr?: string };
  const ran: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pgbackrest-driver-'));
    ran.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const driver = (stanza = 'database') =>
    new PgBackRestDriver({
      run: async (command, args) => {
        const line = [command, ...args].join(' ');
        ran.push(line);
        return { code: 0, stdout: '', stderr: '', ...answers(line) };
      },
      command: ['pgbackrest', '--config=f'],
      stanza,
      repository: 1,
      epochs: new GuardedEpochs(join(directory, 'epochs.json')),
    });
  const repository = (state: { info: string; archive?: string }) => (line: string) => {
    if (line.endsWith(' version')) return { stdout: fixture('version-2.45.txt') };
    if (line.endsWith(' info')) return { stdout: state.info };
    return line.includes('repo-ls') ? { stdout: state.archive ?? archive } : {};
  };
  const backup = (since: number, at = 1) => ({ kind: 'backup', epoch: epoch(at), type: 'full', since }) as const;

  it('looked at by an agent it says when its last good backup ended, that there is none, or that it is not known', async () => {
    const looked = () => new ServedRepository(driver()).look(soon);
    answers = repository({ info, archive });
    const backup = parseInfo(info, 'database')!.backups.at(-1)!;
    const seen = await looked();
    assert.deepEqual(seen.kind === 'seen' && seen.figures, { lastGoodAt: backup.stoppedAt, gaps: 0 });
    answers = repository({ info: none });
    const empty = await looked();
    assert.deepEqual(empty.kind === 'seen' && empty.figures, { lastGoodAt: 0 });
    answers = () => ({ code: 124 });
    assert.equal((await looked()).kind, 'unknown');
  });

  it('sees the last good backup and that nothing is missing since', async () => {
    answers = repository({ info });
    const { version, lastGood, gaps, reasons } = await driver().observe(soon);
    assert.equal(version, '2.45');
    assert.equal(lastGood !== null && lastGood !== 'none' && lastGood.type, 'full');
    assert.deepEqual([gaps, reasons], [[], []]);
    assert.deepEqual(ran, [
      'pgbackrest --config=f version',
      'pgbackrest --config=f --output=json info',
      'pgbackrest --config=f --repo=1 --output=json --recurse repo-ls archive/database/15-1',
    ]);
  });

  it('a segment that is gone is a gap', async () => {
    const first = parseInfo(info, 'database')!.backups[0]!.walFrom!;
    const left = Object.entries(JSON.parse(archive) as Record<string, unknown>).filter(
      ([name]) => !name.includes(first),
    );
    answers = repository({ info, archive: JSON.stringify(Object.fromEntries(left)) });
    const { gaps } = await driver().observe(soon);
    assert.deepEqual(gaps?.[0]?.from, first.slice(8));
  });

  it('no backup is none, and one with damaged pages is not a good one', async () => {
    answers = repository({ info: none });
    assert.equal((await driver().observe(soon)).lastGood, 'none');
    answers = repository({ info: info.replaceAll('"error":false', '"error":true') });
    assert.equal((await driver().observe(soon)).lastGood, 'none');
  });

  it('without its stanza nothing is known', async () => {
    answers = repository({ info });
    const { lastGood, reasons } = await driver('other').observe(soon);
    assert.deepEqual([lastGood, reasons], [null, ['info: there is no stanza other']]);
    assert.equal(await driver('other').confirm({ kind: 'backed-up', since: 0 }, soon), 'unknown');
  });

  it('a backup is ok when the repository shows it', async () => {
    const state = { info: none };
    const still = repository(state);
    answers = (line) => {
      if (line.endsWith(' backup')) state.info = info;
      return still(line);
    };
    assert.equal((await driver().perform(backup(0), soon)).kind, 'ok');
    assert.ok(ran.includes('pgbackrest --config=f --stanza=database --repo=1 --type=full backup'));
    ran.length = 0;
    assert.equal((await driver().perform(backup(0), soon)).kind, 'ok');
    assert.ok(!ran.some((line) => line.endsWith(' backup')), 'it was made twice');
  });

  it('its word alone is not taken, and what it refuses is a failure in its own words', async () => {
    const still = repository({ info: none });
    answers = still;
    assert.equal((await driver().perform(backup(0), soon)).kind, 'unknown');
    const stderr = 'ERROR: [056]: unable to find primary cluster - cannot proceed';
    answers = (line) => (line.endsWith(' backup') ? { code: 56, stderr } : still(line));
    const outcome = await driver().perform(backup(0), soon);
    assert.deepEqual(outcome, { kind: 'failed', code: 'refused', reason: stderr });
  });

  it('an older epoch is refused, also after a restart, and nothing is run', async () => {
    answers = repository({ info });
    await driver().perform(backup(0, 5), soon);
    ran.length = 0;
    const outcome = await driver().perform(backup(0, 4), soon);
    assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'stale-epoch');
    assert.deepEqual(ran, []);
  });

  it('one that does not answer is unknown in everything', async () => {
    answers = () => ({ code: 124 });
    const { version, stanza, lastGood, gaps, reasons } = await driver().observe(soon);
    assert.deepEqual([version, stanza, lastGood, gaps, reasons.length], [null, null, null, null, 2]);
    assert.equal((await driver().perform(backup(0), soon)).kind, 'unknown');
    assert.equal(await driver().confirm({ kind: 'backed-up', since: 0 }, soon), 'unknown');
    assert.ok(!ran.some((line) => line.endsWith(' backup')));
  });

  it('a backup that is not ready in time is unknown', async () => {
    const still = repository({ info: none });
    answers = (line) => (line.endsWith(' backup') ? { code: 124 } : still(line));
    assert.equal((await driver().perform(backup(0), soon)).kind, 'unknown');
  });

  it('another version is named', async () => {
    const still = repository({ info });
    answers = (line) => (line.endsWith(' version') ? { stdout: 'pgBackRest 2.53\n' } : still(line));
    assert.ok((await driver().observe(soon)).reasons.includes('version 2.53 has not been tried; 2.45 has'));
  });
});
