import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../base/canonical-json.ts';
import { monoMs, wallMs } from '../base/ids.ts';
import { type ChainItem, parseChainText } from './chain-text.ts';
import { type EvidenceEntry, entryLine, hashedText, signedText } from './evidence-entry.ts';
import { append, type ChainFindingKind, genesisHead, headOf, verifyChain } from './hash-chain.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    publicKey: spki,
    sign: (hash: string) => sign(null, Buffer.from(signedText(hash)), privateKey).toString('base64'),
    raw: publicKey,
  };
};
const own = newKey();
const foreign = newKey();
const verifySignature = (text: string, signature: string, publicKey: string) =>
  Buffer.from(signature, 'base64').toString('base64') === signature &&
  verify(
    null,
    Buffer.from(text),
    publicKey === own.publicKey ? own.raw : foreign.raw,
    Buffer.from(signature, 'base64'),
  );

function chainOf(length: number, key = own, note = ''): EvidenceEntry[] {
  const entries: EvidenceEntry[] = [];
  let head = genesisHead('ny4', key.publicKey, digest);
  for (let index = 1; index <= length; index += 1) {
    const stamp = { at: wallMs(1_000 + index), monoMs: monoMs(index), clockErrorMs: 2 };
    const body = { kind: 'verdict', group: null, run: null, epoch: null, term: null, data: { index, note } } as const;
    const unsigned = append(head, { ...body, ...stamp }, digest);
    entries.push({ ...unsigned, signature: key.sign(unsigned.hash) });
    head = headOf(unsigned);
  }
  return entries;
}

const judge = (entries: readonly ChainItem[], anchors: { anchor: number; sequence: number; hash: string }[] = []) =>
  verifyChain(entries, { chain: 'ny4', digest, verifySignature, publicKey: own.publicKey, anchors });

const expectFirst = (entries: readonly EvidenceEntry[], kind: ChainFindingKind, sequence: number) => {
  const verdict = judge(entries);
  const [first] = verdict.findings;
  assert.equal(verdict.integrity, 'broken');
  assert.equal(first?.kind, kind, first?.message);
  assert.equal(first.sequence, sequence);
  assert.match(first.message, new RegExp(`\\b${sequence}\\b`));
  assert.equal(verdict.intactUpTo, sequence - 1);
};
const rehash = (entry: EvidenceEntry, key: typeof own | null): EvidenceEntry => {
  const hash = digest(hashedText(entry));
  return { ...entry, hash, signature: key === null ? '' : key.sign(hash) };
};
const ten = chainOf(10);
const at = (index: number): EvidenceEntry => {
  const entry = ten[index - 1];
  assert.ok(entry);
  return entry;
};
const replaced = (index: number, by: EvidenceEntry) => ten.with(index - 1, by);

test('an untouched chain is intact, whatever its length', () => {
  for (const length of [0, 1, 2, 10]) {
    const verdict = judge(chainOf(length));
    assert.deepEqual(verdict.findings, []);
    assert.equal(verdict.integrity, 'intact');
    assert.equal(verdict.intactUpTo, length);
  }
});

test('an edited entry is named', () =>
  expectFirst(replaced(4, { ...at(4), data: { index: 4, note: 'x' } }), 'edited', 4));

test('an entry edited and hashed again without the key is named as unsigned or foreign', () => {
  const edited = { ...at(4), data: 'other' };
  expectFirst(replaced(4, rehash(edited, null)), 'unsigned', 4);
  expectFirst(replaced(4, rehash(edited, foreign)), 'foreign-signer', 4);
});

test('an entry replaced by the owner of the key does not fit its successor', () =>
  expectFirst(replaced(4, rehash({ ...at(4), data: 'other' }, own)), 'forked', 5));

test('swapped entries are reported as reordered', () => expectFirst(ten.with(3, at(6)).with(5, at(4)), 'reordered', 4));

test('an entry moved to the front is reported as reordered', () =>
  expectFirst([at(1), at(8), ...ten.slice(1, 7), ...ten.slice(8)], 'reordered', 2));

test('removed entries are reported with their numbers', () => {
  expectFirst(ten.toSpliced(3, 1), 'removed', 4);
  const verdict = judge(ten.toSpliced(0, 3));
  assert.equal(verdict.findings[0]?.kind, 'removed');
  assert.match(verdict.findings[0]?.message ?? '', /entries 1 to 3 are missing/);
});

test('a repeated entry is reported', () => {
  const verdict = judge(ten.toSpliced(5, 0, at(5)));
  assert.equal(verdict.integrity, 'broken');
  assert.match(verdict.findings[0]?.message ?? '', /entry 5 stands in the file more than once/);
});

test('two different entries of one number are a fork', () =>
  expectFirst(ten.toSpliced(4, 0, rehash({ ...at(4), data: 'two' }, own)), 'forked', 4));

test('a cut tail is invisible without an anchor and named with one', () => {
  const cut = ten.slice(0, 7);
  assert.equal(judge(cut).integrity, 'intact');
  const verdict = judge(cut, [{ anchor: 3, sequence: 9, hash: at(9).hash }]);
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.findings[0]?.kind, 'truncated');
  assert.match(verdict.findings[0]?.message ?? '', /entries 8 to 9 are missing; anchor 3 saw entry 9/);
});

test('a whole chain rewritten by the owner of the key is seen against an anchor', () => {
  const rewritten = chainOf(10, own, 'rewritten');
  assert.equal(judge(rewritten).integrity, 'intact');
  const verdict = judge(rewritten, [{ anchor: 3, sequence: 9, hash: at(9).hash }]);
  assert.equal(verdict.integrity, 'broken');
  assert.match(verdict.findings[0]?.message ?? '', /entry 9 is another one than anchor 3 recorded/);
});

test('a whole chain written under another key is foreign from its first entry on', () =>
  expectFirst(chainOf(10, foreign), 'foreign-signer', 1));

test('an unreadable line counts as an edited entry and does not hide what follows', () => {
  const lines = ten.map(entryLine);
  const text = `${lines.with(3, '{"broken').join('\n')}\n`;
  const { items } = parseChainText(text);
  const verdict = verifyChain(items, { chain: 'ny4', digest, verifySignature, publicKey: own.publicKey });
  assert.deepEqual(
    verdict.findings.map(({ kind, sequence, count }) => ({ kind, sequence, count })),
    [{ kind: 'edited', sequence: 4, count: 1 }],
  );
});

test('the same value written differently is a changed line', () => {
  const { items } = parseChainText(`${entryLine(at(1)).replace('":', '": ')}\n`);
  assert.match(JSON.stringify(items), /not written in canonical form/);
});

test('a torn last line is told apart from tampering', () => {
  const text = `${ten.map(entryLine).join('\n')}\n${entryLine(at(5)).slice(0, 40)}`;
  const { items, tornTail } = parseChainText(text);
  assert.deepEqual(tornTail, { characters: 40, afterSequence: 10 });
  const verdict = verifyChain(items, { chain: 'ny4', digest, verifySignature, publicKey: own.publicKey });
  assert.equal(verdict.integrity, 'intact');
});

const anchoredEnd = [{ anchor: 1, sequence: 10, hash: at(10).hash }];
const otherValue = (value: unknown): fc.Arbitrary<unknown> =>
  typeof value === 'number'
    ? fc.integer({ min: 1, max: 1_000 }).filter((other) => other !== value)
    : fc.constantFrom('verdict2', 'x', '', { index: 0 }, 7).filter((other) => other !== value);
const mutation: fc.Arbitrary<{ index: number; what: string; entries: ChainItem[] }> = fc
  .integer({ min: 1, max: 10 })
  .chain((index) =>
    fc.oneof(
      fc.constantFrom(...(Object.keys(at(1)) as (keyof EvidenceEntry)[])).chain((member) =>
        otherValue(at(index)[member]).map((value) => ({
          index,
          what: `${member} := ${JSON.stringify(value)}`,
          entries: throughFile(ten.map(entryLine).with(index - 1, canonicalJson({ ...at(index), [member]: value }))),
        })),
      ),
      fc.constant({ index, what: 'removed', entries: ten.toSpliced(index - 1, 1) }),
      fc.constant({
        index,
        what: 'signed by another',
        entries: replaced(index, { ...at(index), signature: foreign.sign(at(index).hash) }),
      }),
      fc.constant({ index, what: 'unsigned', entries: replaced(index, { ...at(index), signature: '' }) }),
      fc.constant({ index, what: 'repeated', entries: ten.toSpliced(index, 0, at(index)) }),
      fc
        .integer({ min: 1, max: 10 })
        .filter((target) => target !== index)
        .map((target) => ({
          index: Math.min(index, target),
          what: `moved to ${target}`,
          entries: ten.toSpliced(index - 1, 1).toSpliced(target - 1, 0, at(index)),
        })),
      fc
        .integer({ min: 0, max: 300 })
        .map((position) => ({ index, what: `character ${position} flipped`, entries: flipped(index, position) })),
    ),
  );
/** Through the file, as an intruder with an editor would. */
function flipped(index: number, position: number): ChainItem[] {
  const line = entryLine(at(index));
  const place = position % line.length;
  const changed = line.slice(0, place) + (line[place] === '0' ? '1' : '0') + line.slice(place + 1);
  return throughFile(ten.map(entryLine).with(index - 1, changed));
}
function throughFile(lines: readonly string[]): ChainItem[] {
  return [...parseChainText(`${lines.join('\n')}\n`).items];
}

test('any mutation of a single entry is detected and the entry is named', () => {
  fc.assert(
    fc.property(mutation, ({ index, what, entries }) => {
      const { findings } = judge(entries, anchoredEnd);
      const named = findings.some(({ sequence, message }) => sequence === index && message.includes(String(index)));
      assert.ok(named, `${what} at ${index}: ${JSON.stringify(findings)}`);
    }),
    { numRuns: 600 },
  );
});
