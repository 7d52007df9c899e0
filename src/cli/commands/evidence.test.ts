import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { monoMs, wallMs } from '../../core/base/ids.ts';
import { anchorData, makeAnchor } from '../../core/evidence/anchor.ts';
import { entryLine, signedText } from '../../core/evidence/evidence-entry.ts';
import type { EvidenceKind } from '../../core/evidence/evidence-kind.ts';
import { append, type ChainHead, genesisHead, headOf } from '../../core/evidence/hash-chain.ts';
import { generateEvidenceKey, sha256 } from '../../wire/evidence-bundle/evidence-crypto.ts';
import { errorOutcome } from '../view/error-outcome.ts';
import { evidenceExport, evidenceVerify } from './evidence.ts';

class Chain {
  readonly key = generateEvidenceKey();
  readonly name: string;
  head: ChainHead;
  lines: string[] = [];
  constructor(name: string) {
    this.name = name;
    this.head = genesisHead(name, this.key.publicKey, sha256);
  }
  write(kind: EvidenceKind, data: Json = null): void {
    const stamp = { at: wallMs(1_000), monoMs: monoMs(1), clockErrorMs: null };
    const entry = append(this.head, { kind, group: null, run: null, epoch: null, term: null, data, ...stamp }, sha256);
    this.lines.push(entryLine({ ...entry, signature: this.key.sign(signedText(entry.hash)) }));
    this.head = headOf(entry);
  }
}

/** Two sites' chains on disk, anchored after the first ten entries. */
async function evidence(context: TestContext): Promise<{ root: string; file: string; ny4: Chain }> {
  const root = await mkdtemp(join(tmpdir(), 'holdfast é '));
  context.after(() => rm(root, { recursive: true, force: true }));
  const ny4 = new Chain('ny4');
  const ch2 = new Chain('ch2');
  for (let index = 0; index < 10; index += 1) ny4.write('verdict', { index });
  const at = wallMs(2_000);
  const anchor = makeAnchor({ previous: null, incarnation: 'a', at, by: 'ch2', heads: [ny4.head] }, sha256);
  ch2.write('anchor', anchorData(anchor));
  ny4.write('countersign', anchorData(anchor));
  for (const chain of [ny4, ch2]) {
    await mkdir(join(root, chain.name));
    const identity = { format: 1, chain: chain.name, publicKey: chain.key.publicKey };
    await writeFile(join(root, chain.name, 'chain.json'), JSON.stringify(identity));
    await writeFile(join(root, chain.name, 'chain.jsonl'), `${chain.lines.join('\n')}\n`);
  }
  return { root, file: join(root, 'ny4', 'chain.jsonl'), ny4 };
}

test('whole evidence is 0 and says up to which anchor it is complete', async (context) => {
  const { root } = await evidence(context);
  const outcome = await evidenceVerify({ paths: [root] });
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(outcome.text, /INTEGRITY +✓ intact/);
  assert.match(outcome.text, /COMPLETENESS +✓ Complete up to anchor 1 \(countersigned by ny4\)/);
});

const damages: readonly (readonly [string, (lines: string[]) => string[], RegExp])[] = [
  ['edited', (lines) => lines.with(3, lines[3]?.replace('"index":3', '"index":9') ?? ''), /ny4: entry 4 was edited/],
  ['reordered', (lines) => lines.with(3, lines[4] ?? '').with(4, lines[3] ?? ''), /ny4: entry 5 stands before entry 4/],
  ['removed', (lines) => lines.toSpliced(3, 2), /ny4: entries 4 to 5 are missing/],
  [
    'truncated',
    (lines) => lines.slice(0, 7),
    /ny4: the tail was cut: entries 8 to 10 are missing; anchor 1 saw entry 10/,
  ],
];
for (const [name, damage, message] of damages)
  test(`${name} evidence is 1 and the message says which entry`, async (context) => {
    const { root, file, ny4 } = await evidence(context);
    await writeFile(file, `${damage(ny4.lines).join('\n')}\n`);
    const outcome = await evidenceVerify({ paths: [root] });
    assert.equal(outcome.exitCode, 1);
    assert.match(outcome.text, message);
  });

test('a chain without any anchor is inconclusive: 5', async (context) => {
  const { root, file, ny4 } = await evidence(context);
  await writeFile(file, `${ny4.lines.slice(0, 5).join('\n')}\n`);
  const outcome = await evidenceVerify({ paths: [join(root, 'ny4')] });
  assert.equal(outcome.exitCode, 5);
  assert.match(outcome.text, /Not proved complete/);
});

test('an exported bundle verifies like the directories it came from, also when they are gone', async (context) => {
  const { root } = await evidence(context);
  const out = join(root, '..', `bundle-${process.pid}.json`);
  context.after(() => rm(out, { force: true }));
  const software = { holdfast: '0.1.0' };
  const exported = await evidenceExport({ directories: [root], out, software, nowMs: 1_000 });
  assert.equal(exported.exitCode, 0);
  const before = await evidenceVerify({ paths: [root] });
  await rm(root, { recursive: true });
  const after = await evidenceVerify({ paths: [out] });
  assert.equal(after.text, before.text);
  assert.equal(after.exitCode, 0);

  await writeFile(out, (await readFile(out, 'utf8')).replace('\\"index\\":3', '\\"index\\":9'));
  const altered = await evidenceVerify({ paths: [out] });
  assert.equal(altered.exitCode, 1);
  assert.match(altered.text, /ny4: entry 4 was edited/);
});

test('keys known from elsewhere unmask a chain that brought its own', async (context) => {
  const { root, ny4 } = await evidence(context);
  const keysFile = join(root, 'keys.json');
  await writeFile(keysFile, JSON.stringify({ ny4: generateEvidenceKey().publicKey }));
  const foreign = await evidenceVerify({ paths: [root], keysFile });
  assert.equal(foreign.exitCode, 1);
  assert.match(foreign.text, /ny4: entry 1 is not signed by this chain's key/);
  await writeFile(keysFile, JSON.stringify({ ny4: ny4.key.publicKey }));
  assert.equal((await evidenceVerify({ paths: [root], keysFile })).exitCode, 0);
});

test('a path without evidence, and one that does not exist, are usage errors that name it; a broken bundle is not', async (context) => {
  const { root } = await evidence(context);
  await mkdir(join(root, 'empty'));
  const refused = async (path: string, code: string, exitCode: number) => {
    const error = await evidenceVerify({ paths: [path] }).catch((thrown: unknown) => thrown);
    const outcome = errorOutcome(error);
    assert.equal(outcome.exitCode, exitCode, outcome.text);
    assert.ok(outcome.text.includes(code) && outcome.text.replaceAll(/\n +/g, ' ').includes(path), outcome.text);
    assert.equal(outcome.toStderr, true);
  };
  await refused(join(root, 'empty'), 'HF-6010', 2);
  await refused(join(root, 'absent'), 'HF-6010', 2);
  await writeFile(join(root, 'cut.json'), '{"format":');
  await refused(join(root, 'cut.json'), 'HF-6011', 1);
  await assert.rejects(evidenceVerify({ paths: [] }), /HF-6010/);
});
