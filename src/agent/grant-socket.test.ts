import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { notRead, type PromotionPermit } from '../core/authority/promotion-permit.ts';
import { GrantSocket } from './grant-socket.ts';

const program = join(import.meta.dirname, '..', '..', 'bin', 'holdfast-grant-check');

/** As Patroni runs it. */
function check(...words: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}

const skip =
  spawnSync('python3', ['--version']).status === 0 ? false : 'python3, with which Patroni runs, is not there';

describe('where Patroni asks whether it may promote', { skip }, () => {
  let directory: string;
  let path: string;
  let answer: () => Promise<PromotionPermit>;
  let told: string[];
  let socket: GrantSocket;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'grant-'));
    path = join(directory, 'sockets', 'database.sock');
    answer = async () => ({ kind: 'granted', reason: 'no run is moving database' });
    told = [];
    socket = new GrantSocket({ path, permit: () => answer(), answered: ({ kind }) => told.push(kind) });
    await socket.listen();
  });
  afterEach(async () => {
    await socket.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('what is granted ends with 0, and why is in its log', async () => {
    assert.deepEqual(await check(path), {
      code: 0,
      said: 'holdfast: promotion granted: no run is moving database\n',
    });
    assert.deepEqual(told, ['granted']);
  });

  it('what is refused ends with 1 and its code, on one line', async () => {
    answer = async () => notRead('no quorum\nanswered');
    assert.deepEqual(await check(path), {
      code: 1,
      said: 'holdfast: promotion refused unread: the authority was not read: no quorum answered\n',
    });
  });

  it('each asker is answered by a look of its own', async () => {
    let looks = 0;
    answer = async () => ({ kind: 'granted', reason: String(++looks) });
    const said = await Promise.all([check(path), check(path), check(path)]);
    assert.equal(looks, 3);
    assert.equal(new Set(said.map((each) => each.said)).size, 3);
  });

  it('an agent that listens only later is waited for', async () => {
    await socket.close();
    const asking = check(path);
    socket = new GrantSocket({ path, permit: () => answer(), answered: () => {} });
    await socket.listen();
    assert.equal((await asking).code, 0);
  });

  it('an agent that does not answer is no permission, within 10 s', { timeout: 30_000 }, async () => {
    answer = () => new Promise(() => {});
    const begun = performance.now();
    const { code } = await check(path);
    assert.notEqual(code, 0);
    assert.ok(performance.now() - begun < 15_000);
  });

  it('who goes away before the answer does no harm', async () => {
    const gate = Promise.withResolvers<PromotionPermit>();
    answer = () => gate.promise;
    const asker = connect(path);
    await new Promise((resolve) => asker.once('connect', resolve));
    asker.destroy();
    gate.resolve({ kind: 'granted', reason: 'late' });
    answer = async () => ({ kind: 'granted', reason: 'next' });
    assert.equal((await check(path)).code, 0);
  });

  it('everybody who may enter its folder may ask; what an earlier agent left is replaced, anything else is not', async () => {
    assert.equal(statSync(path).mode & 0o777, 0o666);
    const later = new GrantSocket({ path, permit: () => answer(), answered: () => {} });
    await later.listen();
    assert.equal((await check(path)).code, 0);
    await later.close();
    assert.ok(!existsSync(path));
    writeFileSync(path, 'something else');
    await assert.rejects(later.listen(), /is no socket/);
    assert.ok(existsSync(path));
  });

  it('without a socket it is no question', async () => {
    const { code, said } = await check();
    assert.equal(code, 2);
    assert.match(said, /usage/);
  });
});
