import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LineReader } from '../base/line-reader.ts';
import { seededRandom } from '../replication/seeded-random.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { FixAcceptor } from './fix-acceptor.ts';
import { KeptSession } from './kept-session.ts';
import { MemoryEntryLog } from './memory-entry-log.ts';
import { SessionStore } from './session-store.ts';
import { TAG } from './tags.ts';

const RUNS = 8;

test('a process that is killed again and again loses nothing that it had kept, and repeats nothing unmarked', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-fix-kill-'));
  const received: { id: string; possDup: boolean }[] = [];
  const known = new Set<string>();
  const wrong: string[] = [];
  const acceptor = await FixAcceptor.listen(
    { host: '127.0.0.1', port: 0 },
    {
      sessions: [
        {
          session: { role: 'acceptor', senderCompId: 'VENUE', targetCompId: 'FIRM' },
          store: new SessionStore(new MemoryEntryLog(), new KeptSession('firm')),
          secondConnection: 'replace',
          application: {
            onMessage: (message, { possDup }) => {
              const id = message.text(TAG.ClOrdID)!;
              if (known.has(id) && !possDup) wrong.push(`${id} came again unmarked`);
              known.add(id);
              received.push({ id, possDup });
            },
            onNotice: (notice) => {
              if (notice.kind === 'down' && /too low|forgotten/.test(notice.reason)) wrong.push(notice.reason);
            },
          },
        },
      ],
    },
  );
  const random = seededRandom(7);
  const accepted: string[] = [];
  const main = join(import.meta.dirname, '../testing/fix-sender.ts');
  try {
    for (let run = 1; run <= RUNS; run++) {
      const child = spawn(
        process.execPath,
        [...process.execArgv, main, String(acceptor.port), directory, String(run)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const exited = new Promise<void>((resolve) => child.on('close', () => resolve()));
      const lines = new LineReader({ maxLineLength: 1024, onLine: (id) => accepted.push(id), onOverflow: () => {} });
      child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text));
      const until = accepted.length + 1 + Math.floor(random() * 1000);
      try {
        await waitUntil(`run ${run} has kept ${until}`, () => accepted.length >= until);
        const soFar = [...accepted];
        if (run % 2 === 0 || run === RUNS)
          await waitUntil('the venue has all of it so far', () => soFar.every((id) => known.has(id)));
      } finally {
        child.kill('SIGKILL');
        await exited;
      }
    }
    const last = accepted.filter((id) => !id.startsWith(`${RUNS}-`));
    assert.deepEqual(
      last.filter((id) => !known.has(id)),
      [],
    );
    assert.deepEqual(wrong, []);
    const firsts = [...known];
    const order = (id: string) => Number(id.split('-')[0]) * 1e6 + Number(id.split('-')[1]);
    assert.deepEqual(
      firsts,
      firsts.toSorted((a, b) => order(a) - order(b)),
    );
    const duplicates = received.filter(({ possDup }) => possDup).length;
    context.diagnostic(`${accepted.length} kept, ${received.length} arrived, ${duplicates} of them marked`);
    assert.ok(duplicates > 0);
  } finally {
    await acceptor.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
