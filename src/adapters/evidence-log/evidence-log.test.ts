import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { monoMs, wallMs } from '../../core/base/ids.ts';
import type { EvidenceBody } from '../../core/evidence/evidence-entry.ts';
import {
  exportBundle,
  NotABundle,
  parseBundle,
  readEvidence,
  verifyBundle,
  verifyChains,
} from '../../wire/evidence-bundle/bundle.ts';
import { readChains } from '../../wire/evidence-bundle/chain-directory.ts';
import { type EvidenceLogOptions, openEvidenceLog } from './evidence-log.ts';

const clock = { wallMs: () => wallMs(Date.now()), monoMs: () => monoMs(performance.now()), clockErrorMs: () => 3 };
const body = (data: EvidenceBody['data']): EvidenceBody => ({
  kind: 'verdict',
  group: null,
  run: null,
  epoch: null,
  term: null,
  data,
});
async function place(context: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'holdfast évidence '));
  context.after(() => rm(root, { recursive: true, force: true }));
  return root;
}
const options = (root: string, chain = 'ny4'): EvidenceLogOptions => ({
  directory: join(root, chain),
  chain,
  version: '0.1.0',
  clock,
});
const verdictOf = async (root: string) => verifyChains(await readChains(root));

test('what was appended is durable, in order, signed and verifiable', async (context) => {
  const root = await place(context);
  const log = await openEvidenceLog(options(root));
  const entries = await Promise.all(Array.from({ length: 50 }, (_, index) => log.append(body({ index }))));
  assert.deepEqual(
    entries.map((entry) => entry.sequence),
    Array.from({ length: 50 }, (_, index) => index + 2),
  );
  const written = (await readFile(join(root, 'ny4', 'chain.jsonl'), 'utf8')).split('\n').length - 1;
  assert.equal(written, 51);
  assert.equal(log.head().sequence, 51);
  await log.close();
  const verdict = await verdictOf(root);
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.entries, 52);
  assert.equal((await stat(join(root, 'ny4', 'key.pem'))).mode & 0o077, 0);
});

test('after a restart the chain goes on where it ended, under the same key', async (context) => {
  const root = await place(context);
  const first = await openEvidenceLog(options(root));
  await first.append(body('x'.repeat(200_000)));
  await first.close();
  const second = await openEvidenceLog(options(root));
  assert.equal(second.publicKey, first.publicKey);
  assert.equal(second.head().sequence, 4);
  await second.close();
  assert.deepEqual((await verdictOf(root)).findings, []);
});

test('a torn tail is set aside, kept, recorded, and no tampering', async (context) => {
  const root = await place(context);
  const log = await openEvidenceLog(options(root));
  await log.append(body(1));
  await log.close();
  const path = join(root, 'ny4', 'chain.jsonl');
  const half = (await readFile(path, 'utf8')).split('\n')[1]?.slice(0, 70) ?? '';
  await appendFile(path, half);
  const torn = await verdictOf(root);
  assert.equal(torn.integrity, 'intact');
  assert.match(torn.notes.join(' '), /the last line after entry 3 is unfinished \(70 characters\)/);

  await (await openEvidenceLog(options(root))).close();
  const verdict = await verdictOf(root);
  assert.equal(verdict.integrity, 'intact');
  assert.match(verdict.notes.join(' '), /entry 4 set a torn tail of 70 bytes aside/);
  const kept = (await readdir(join(root, 'ny4'))).find((name) => name.startsWith('torn-after-3-'));
  assert.ok(kept);
  assert.equal(Buffer.from(await readFile(join(root, 'ny4', kept), 'utf8'), 'base64').toString(), half);
});

test('a chain whose first write was torn begins again', async (context) => {
  const root = await place(context);
  await (await openEvidenceLog(options(root))).close();
  await writeFile(join(root, 'ny4', 'chain.jsonl'), '{"at":17');
  await (await openEvidenceLog(options(root))).close();
  const verdict = await verdictOf(root);
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.entries, 2);
});

test('a second writer of the same chain is noticed before anything is written over', async (context) => {
  const root = await place(context);
  const first = await openEvidenceLog(options(root));
  const second = await openEvidenceLog(options(root));
  await assert.rejects(first.append(body(1)), /HF-6002 .*another process writes it too/);
  await assert.rejects(first.append(body(2)), /HF-6002/);
  await first.close();
  await second.close();
  assert.equal((await verdictOf(root)).integrity, 'intact');
});

test('a closed log refuses, and closing twice is harmless', async (context) => {
  const log = await openEvidenceLog(options(await place(context)));
  await Promise.all([log.close(), log.close()]);
  await assert.rejects(log.append(body(1)), /HF-6004/);
});

test('a directory is not shared by two chains, and a lost key does not begin a new chain silently', async (context) => {
  const root = await place(context);
  await (await openEvidenceLog(options(root))).close();
  await assert.rejects(openEvidenceLog({ ...options(root), chain: 'ch2' }), /HF-6005 .*belongs to the chain ny4/);
  await rm(join(root, 'ny4', 'key.pem'));
  await assert.rejects(openEvidenceLog(options(root)), /HF-6005 .*private key is gone/);
});

test('a bundle carries keys and lines, not private keys or paths, and verifies by itself', async (context) => {
  const root = await place(context);
  for (const chain of ['ny4', 'ch2']) await (await openEvidenceLog(options(root, chain))).close();
  const out = join(root, 'out', 'evidence.json');
  await exportBundle({
    directories: [root],
    out,
    software: { holdfast: '0.1.0' },
    createdAt: '2026-11-21T00:00:00.000Z',
  });
  const text = await readFile(out, 'utf8');
  assert.doesNotMatch(text, /PRIVATE KEY/);
  assert.ok(!text.includes(root));
  const bundle = parseBundle(text);
  assert.deepEqual(
    bundle.chains.map(({ chain, source }) => [chain, source]),
    [
      ['ch2', 'ch2'],
      ['ny4', 'ny4'],
    ],
  );
  const verdict = verifyBundle(bundle);
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.completeness.verdict, 'unproven');
  assert.deepEqual((await readEvidence([out])).chains, bundle.chains);
});

test('a bundle is checked against keys known before, not only against those it brings', async (context) => {
  const root = await place(context);
  const log = await openEvidenceLog(options(root));
  await log.close();
  const chains = await readChains(root);
  const verified = verifyChains(chains, { trustedKeys: { ny4: log.publicKey } });
  assert.equal(verified.integrity, 'intact');
  assert.doesNotMatch(verified.notes.join(' '), /found beside them/);
  const other = await openEvidenceLog(options(root, 'ch2'));
  await other.close();
  const forged = verifyChains(chains, { trustedKeys: { ny4: other.publicKey } });
  assert.equal(forged.findings[0]?.kind, 'foreign-signer');
});

test('what is no bundle is refused with its reason', () => {
  assert.throws(() => parseBundle('{'), NotABundle);
  assert.throws(() => parseBundle('[]'), /not an evidence bundle/);
  assert.throws(() => parseBundle('{"format":"holdfast-evidence-bundle","version":2}'), /version 2 is not known/);
});

test('an entry that was altered on disk is named after a restart too', async (context) => {
  const root = await place(context);
  const log = await openEvidenceLog(options(root));
  await log.append(body('sell 100'));
  await log.close();
  const path = join(root, 'ny4', 'chain.jsonl');
  await writeFile(path, (await readFile(path, 'utf8')).replace('sell 100', 'sell 900'));
  await (await openEvidenceLog(options(root))).close();
  const verdict = await verdictOf(root);
  assert.match(verdict.sentence, /^Broken: ny4: entry 2 was edited/);
});

test('a tail cut to a line end is invisible alone', async (context) => {
  const root = await place(context);
  const log = await openEvidenceLog(options(root));
  await log.append(body(1));
  await log.close();
  const path = join(root, 'ny4', 'chain.jsonl');
  const text = await readFile(path, 'utf8');
  await truncate(path, Buffer.byteLength(text.slice(0, text.indexOf('\n') + 1)));
  const verdict = await verdictOf(root);
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.completeness.verdict, 'unproven');
});

test('wherever a crash cuts the file, the chain goes on after its last whole entry', async (context) => {
  const root = await place(context);
  const log = await openEvidenceLog(options(root));
  for (let index = 0; index < 3; index += 1) await log.append(body({ index }));
  await log.close();
  const path = join(root, 'ny4', 'chain.jsonl');
  const whole = await readFile(path);
  for (let size = 0; size < whole.length; size += 97) {
    await writeFile(path, whole.subarray(0, size));
    const kept = whole.subarray(0, size).filter((byte) => byte === 0x0a).length;
    await (await openEvidenceLog(options(root))).close();
    const verdict = await verdictOf(root);
    assert.equal(verdict.integrity, 'intact', `cut at ${size}`);
    assert.equal(verdict.entries, kept + 2);
  }
});
