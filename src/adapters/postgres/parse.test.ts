import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseReport, type ServerReport } from './parse.ts';

const fixtures = join(import.meta.dirname, 'fixtures');

for (const file of readdirSync(fixtures).filter((name) => name.startsWith('observe-'))) {
  const { version, recorded } = JSON.parse(readFileSync(join(fixtures, file), 'utf8')) as {
    version: string;
    recorded: Record<string, string>;
  };
  const report = (situation: string): ServerReport =>
    parseReport(recorded[situation] ?? assert.fail(`no recording "${situation}"`));

  describe(`what PostgreSQL ${version} printed`, () => {
    test('a fresh cluster that waits for a promotion is in recovery on timeline 1 and waits for nobody real', () => {
      const seen = report('closed: a fresh cluster before any promotion');
      assert.deepEqual(
        [seen.inRecovery, seen.timeline, seen.receiver, seen.ackSet],
        [true, 1, null, ['holdfast-closed']],
      );
      assert.equal(seen.end, seen.replayed);
    });

    test('a primary without its standby shows nobody', () => {
      const seen = report('primary: acknowledgement set of one, which is not connected');
      assert.deepEqual([seen.inRecovery, seen.timeline, seen.ackSet, seen.replicas], [false, 2, ['b'], []]);
      assert.deepEqual([seen.synchronousCommit, seen.fsync, seen.weakerCommitSettings], ['remote_apply', true, 0]);
    });

    test('a synchronous standby that streams is synchronous, and has replayed everything', () => {
      const seen = report('primary: its synchronous standby streams');
      const [replica] = seen.replicas;
      assert.ok(replica);
      assert.deepEqual(
        [replica.name, replica.state, replica.synchronous, replica.priority],
        ['b', 'streaming', true, 1],
      );
      assert.equal(seen.end - replica.replayed, 0);
    });

    test('a standby shows its upstream and its own cascade', () => {
      const seen = report('standby: synchronous, with a cascade behind it');
      assert.deepEqual([seen.receiver?.streaming, seen.receiver?.timeline], [true, 2]);
      const [replica] = seen.replicas;
      assert.deepEqual([replica?.name, replica?.synchronous, replica?.priority], ['c', false, 0]);
    });

    test('the lag of an idle cascade is exactly 0, by positions', () => {
      const seen = report('standby: end of a cascade, idle');
      assert.equal(seen.receiver?.latestEnd, seen.replayed);
    });

    test('a standby whose upstream has died has no streaming receiver and knows its end', () => {
      const seen = report('standby: its upstream has died');
      assert.notEqual(seen.receiver?.streaming, true);
      assert.deepEqual([seen.inRecovery, seen.timeline], [true, 2]);
      assert.ok(seen.end > 0);
    });
  });
}

test('a walsender that shows no name yet is no replica', () => {
  const { recorded } = JSON.parse(readFileSync(join(fixtures, 'observe-18.json'), 'utf8')) as {
    recorded: Record<string, string>;
  };
  const text = recorded['primary: its synchronous standby streams'] ?? assert.fail('no such recording');
  const raw = JSON.parse(text) as { replicas: { name: string; state: string }[] };
  const [named] = raw.replicas;
  assert.ok(named);
  raw.replicas = [{ ...named, name: '', state: 'startup' }, named];
  assert.deepEqual(
    parseReport(JSON.stringify(raw)).replicas.map(({ name }) => name),
    ['b'],
  );
});

test('text that is not a report is an error, not an empty report', () => {
  assert.throws(() => parseReport(''));
});
