import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { vtySockets } from './vty.ts';

const soon = { deadlineMs: 2_000 };
const carriedOut = '\0\0\0\0';

describe('a session with one daemon of a router', () => {
  let directory: string;
  let server: Server | null = null;
  const heard: string[] = [];
  const sessions = new Set<Socket>();

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'frr-vty-'));
    heard.length = 0;
  });
  afterEach(async () => {
    for (const session of sessions) session.destroy();
    sessions.clear();
    if (server !== null) await new Promise((resolve) => server!.close(resolve));
    server = null;
    rmSync(directory, { recursive: true, force: true });
  });

  /** A bgpd that answers each line with these bytes, or says nothing. */
  async function bgpd(answers: (line: string, session: Socket) => string | null): Promise<void> {
    server = createServer((session) => {
      sessions.add(session);
      session.on('error', () => {});
      session.on('data', (bytes) => {
        for (const line of bytes.toString('utf8').split('\0').slice(0, -1)) {
          heard.push(line);
          const answer = answers(line, session);
          if (answer !== null) session.write(answer);
        }
      });
    });
    await new Promise<void>((resolve) => server!.listen(join(directory, 'bgpd.vty'), resolve));
  }
  const ask = (lines: readonly string[], options = soon) => vtySockets(directory)('bgpd', lines, options);

  it('asks for the rights to change something, then says one line after the other, and answers what they print', async () => {
    await bgpd((line) => (line.startsWith('show') ? `of ${line}\n${carriedOut}` : carriedOut));
    assert.deepEqual(await ask(['show version', 'show bgp']), {
      kind: 'ok',
      text: 'of show version\nof show bgp\n',
    });
    assert.deepEqual(heard, ['enable', 'show version', 'show bgp']);
  });

  it('an answer that comes in pieces is whole when its end is there', async () => {
    await bgpd((line, session) => {
      if (line === 'enable') return carriedOut;
      const bytes = Buffer.from(`{"peers":{}}\n${carriedOut}`);
      session.write(bytes.subarray(0, 5));
      setImmediate(() => session.write(bytes.subarray(5, -1)));
      setTimeout(() => session.write(bytes.subarray(-1)), 20);
      return null;
    });
    assert.deepEqual(await ask(['show bgp summary json']), { kind: 'ok', text: '{"peers":{}}\n' });
  });

  it('a line that is refused is the last one, with the router’s own words', async () => {
    await bgpd((line) => (line === 'nonsense' ? '% [BGP] Unknown command: nonsense\n\0\0\0\x02' : carriedOut));
    assert.deepEqual(await ask(['configure terminal', 'nonsense', 'network 10.0.0.0/24']), {
      kind: 'refused',
      reason: '[BGP] Unknown command: nonsense',
    });
    assert.deepEqual(heard.at(-1), 'nonsense');
  });

  it('a complaint is a refusal also where the daemon calls it carried out', async () => {
    await bgpd((line) => (line === 'enable' ? carriedOut : `% BGP instance not found\n${carriedOut}`));
    assert.deepEqual(await ask(['show bgp']), { kind: 'refused', reason: 'BGP instance not found' });
  });

  it('a frozen daemon is unknown by the deadline', async () => {
    await bgpd(() => null);
    const begun = performance.now();
    const answer = await ask(['show version'], { deadlineMs: 80 });
    assert.deepEqual(answer, { kind: 'unknown', reason: 'no answer within 80 ms' });
    assert.ok(performance.now() - begun < 1_000);
  });

  it('a daemon that dies in between is unknown, and so is one that is not there', async () => {
    await bgpd((line, session) => {
      if (line === 'enable') return carriedOut;
      session.end('half of an');
      return null;
    });
    assert.deepEqual(await ask(['show bgp']), { kind: 'unknown', reason: 'the answer broke off' });
    const absent = await vtySockets(directory)('staticd', ['show version'], soon);
    assert.deepEqual(absent, { kind: 'unknown', reason: 'it does not run, or cannot be reached' });
    assert.equal((await ask(['show version'], { deadlineMs: 0 })).kind, 'unknown');
  });
});
