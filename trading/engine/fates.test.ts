import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { TakeoverReport } from './venue/takeover.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast fates é '));
after(() => rmSync(directory, { recursive: true, force: true }));

const run = (...args: readonly string[]) =>
  new Promise<{ readonly code: unknown; readonly out: string; readonly err: string }>((resolve) => {
    const command = [...process.execArgv, join(import.meta.dirname, 'fates.ts'), ...args];
    execFile(process.execPath, command, (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
  });

const fate = (id: string, more: object) =>
  ({ id, kind: 'order', client: 'c1', symbol: 'ABC', venue: 'north', fate: 'open', proof: null, ...more }) as const;
const report: TakeoverReport = {
  epoch: 7,
  instance: 'engine-2',
  at: '2026-11-21T14:00:00.000Z',
  settledAfterMs: 12.5,
  venues: { north: { session: 'epoch', missedReports: 2, cancelled: 0 } },
  orders: { open: 3, filled: 1 },
  fates: {},
  inDoubt: [
    fate('o1', { fate: 'filled', proof: { by: 'missed-report', report: 41 } }),
    fate('o2', { proof: { by: 'report-after-resend', report: 43 } }),
    fate('x1', { kind: 'cancel', fate: 'rejected', proof: { by: 'refusal', code: 'too-late' } }),
  ],
};
const keep = (epoch: number, kept: object) =>
  writeFileSync(join(directory, `takeover-${epoch}.json`), JSON.stringify(kept));

test('every order that was in doubt is shown with its fate and what proved it', async () => {
  keep(7, report);
  const { code, out } = await run('--data', directory);
  assert.equal(code, 0);
  const lines = out.split('\n');
  assert.match(lines[0]!, /^takeover {3}epoch 7 by engine-2/);
  assert.match(out, /^in doubt {3}3$/m);
  assert.match(out, /^north {6} session proven by epoch, 2 reports missed, 0 cancelled by policy$/m);
  assert.match(out, /^o1 {2}order {3}c1 {6}ABC {5}north {5}filled {4}report 41, missed$/m);
  assert.match(out, /^x1 {2}cancel {2}.*refused: too-late$/m);
});

test('one order of one epoch is found, as JSON too; what has no proof yet is an exit of its own', async () => {
  keep(7, report);
  keep(9, { ...report, epoch: 9, settledAfterMs: null, inDoubt: [fate('o5', { fate: 'pending' })] });
  const newest = await run('--data', directory, '--json');
  assert.deepEqual([newest.code, (JSON.parse(newest.out) as TakeoverReport).epoch], [3, 9]);
  const one = await run('--data', directory, '--epoch', '7', '--order', 'o2', '--order', 'o9', '--json');
  assert.deepEqual([one.code, (JSON.parse(one.out) as TakeoverReport).inDoubt], [0, [report.inDoubt[1]]]);
  assert.match(one.err, /o9 was not in doubt/);
});

test('a report that is not there, or is none, is an error that says what there is', async () => {
  keep(7, report);
  writeFileSync(join(directory, 'takeover-8.json'), '[]');
  const missing = await run('--data', directory, '--epoch', '3');
  assert.deepEqual([missing.code, missing.out], [1, '']);
  assert.match(missing.err, /HF-7210 .*there is no such report\nnext {4}it has those of the epochs 7, 8/);
  assert.match((await run('--data', directory, '--epoch', '8')).err, /HF-7210 .*it is no takeover report/);
  assert.equal((await run('--epoch', '8')).code, 2);
});

test('an engine tells of its own takeover, also when its reign is over', async () => {
  const world = await TradingWorld.open({ fillShare: 0 });
  try {
    const engine = await world.engine('a');
    const token = join(world.directory, 'token');
    const ask = () =>
      run('--control', `127.0.0.1:${engine.process.port('control')}`, '--token-file', token, '--instance', 'a');
    const closed = await ask();
    assert.deepEqual([closed.code, /HF-7210 .*not-ready/.test(closed.err)], [1, true], closed.err);
    await engine.promote(1, []);
    await untilReleasing(engine);
    await waitUntil('it is settled', async () => /settled {4}after/.test((await ask()).out));
    const { code, out } = await ask();
    assert.deepEqual([code, /^takeover {3}epoch 1 by a,/.test(out)], [0, true], out);
    await engine.must('fence', { epoch: 2 });
    const after = await ask();
    assert.deepEqual([after.code, /^takeover {3}epoch 1 by a,/.test(after.out)], [0, true], after.err);
  } finally {
    await world.close();
  }
});
