import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Json } from '../base/canonical-json.ts';
import { monoMs, wallMs } from '../base/ids.ts';
import { type Anchor, anchorData, collectAnchors, makeAnchor } from './anchor.ts';
import { compareEntries } from './event-order.ts';
import type { EvidenceEntry } from './evidence-entry.ts';
import type { EvidenceKind } from './evidence-kind.ts';
import { append, type ChainHead, genesisHead, headOf } from './hash-chain.ts';
import { type ChainCopy, evidenceProblems, verifyEvidence } from './verify-evidence.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

/** Chains of several sites, written side by side; signatures are a matter of the other tests. */
class World {
  readonly chains = new Map<string, EvidenceEntry[]>();
  anchors: Anchor[] = [];
  now = 1_000;

  head(chain: string): ChainHead {
    const last = this.chains.get(chain)?.at(-1);
    return last === undefined ? genesisHead(chain, `key of ${chain}`, digest) : headOf(last);
  }
  write(
    chain: string,
    kind: EvidenceKind = 'verdict',
    data: Json = null,
    clockErrorMs: number | null = 5,
  ): EvidenceEntry {
    this.now += 10;
    const stamp = { at: wallMs(this.now), monoMs: monoMs(this.now), clockErrorMs };
    const entry = append(
      this.head(chain),
      { kind, group: null, run: null, epoch: null, term: null, data, ...stamp },
      digest,
    );
    this.chains.set(chain, [...(this.chains.get(chain) ?? []), entry]);
    return entry;
  }
  anchor(by: string, countersignedBy: readonly string[]): Anchor {
    const heads = [...this.chains.keys()].map((chain) => this.head(chain));
    const previous = this.anchors.at(-1) ?? null;
    const anchor = makeAnchor({ previous, incarnation: 'i1', at: wallMs(this.now), by, heads }, digest);
    this.anchors.push(anchor);
    this.write(by, 'anchor', anchorData(anchor));
    for (const site of countersignedBy) this.write(site, 'countersign', anchorData(anchor));
    return anchor;
  }
  copies(): ChainCopy[] {
    return [...this.chains].map(([chain, items]) => ({
      chain,
      publicKey: `key of ${chain}`,
      source: chain,
      items,
      tornTail: null,
    }));
  }
}

function threeSites(): World {
  const world = new World();
  for (const chain of ['ny4', 'ch2', 'ld5']) world.write(chain, 'started', { version: '1' });
  for (let index = 0; index < 5; index += 1) world.write('ny4');
  world.anchor('ch2', ['ny4', 'ld5']);
  for (let index = 0; index < 5; index += 1) world.write('ny4');
  world.anchor('ch2', ['ld5']);
  world.write('ny4', 'stopped');
  return world;
}
const judge = (copies: readonly ChainCopy[]) => verifyEvidence(copies, { digest, verifySignature: null });
const cutTo = (copies: readonly ChainCopy[], chain: string, entries: number) =>
  copies.map((copy) => (copy.chain === chain ? { ...copy, items: copy.items.slice(0, entries) } : copy));

test('whole chains are intact and complete up to the last anchor', () => {
  const verdict = judge(threeSites().copies());
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.completeness.verdict, 'complete');
  assert.equal(verdict.completeness.upToAnchor?.number, 2);
  assert.deepEqual(verdict.completeness.upToAnchor?.countersignedBy, ['ld5']);
  assert.match(
    verdict.sentence,
    /^Intact: \d+ entries in 3 chains\. Complete up to anchor 2 \(countersigned by ld5\)\.$/,
  );
  assert.deepEqual(evidenceProblems(verdict), []);
});

test('what was written after the last anchor is shown as unanchored and not as a fault', () => {
  const { completeness } = judge(threeSites().copies());
  assert.deepEqual(
    completeness.unanchored.map(({ chain, from, why }) => [chain, from, why]),
    [
      ['ny4', 13, 'tail'],
      ['ch2', 3, 'tail'],
      ['ld5', 3, 'tail'],
    ],
  );
});

test('a cut tail leaves integrity intact and completeness at the last anchor that is covered', () => {
  const verdict = judge(cutTo(threeSites().copies(), 'ny4', 9));
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.completeness.verdict, 'incomplete');
  assert.equal(verdict.completeness.upToAnchor?.number, 1);
  assert.deepEqual(verdict.completeness.missing, [{ chain: 'ny4', from: 10, through: 12, anchor: 2, how: 'cut' }]);
  assert.match(verdict.sentence, /ny4 lacks entries 10 to 12, which anchor 2 saw/);
});

test('without an anchor completeness is not proved, whatever was cut', () => {
  const world = new World();
  for (let index = 0; index < 5; index += 1) world.write('ny4');
  for (const copies of [world.copies(), cutTo(world.copies(), 'ny4', 3)]) {
    const verdict = judge(copies);
    assert.equal(verdict.integrity, 'intact');
    assert.equal(verdict.completeness.verdict, 'unproven');
  }
});

test('cutting the anchoring chain as well does not hide the cut while another site countersigned', () => {
  const copies = cutTo(cutTo(threeSites().copies(), 'ny4', 9), 'ch2', 1);
  const verdict = judge(copies);
  assert.deepEqual(
    verdict.completeness.missing.map(({ chain, from }) => [chain, from]),
    [
      ['ch2', 2],
      ['ny4', 10],
    ],
  );
});

test('a chain that is missing altogether is named', () => {
  const verdict = judge(
    threeSites()
      .copies()
      .filter((copy) => copy.chain !== 'ny4'),
  );
  assert.match(verdict.sentence, /the chain ny4 is not here; anchor 2 saw its entries up to 12/);
});

test('an edited entry makes what anchors saw of the chain unreliable from there on', () => {
  const copies = threeSites()
    .copies()
    .map((copy) =>
      copy.chain === 'ny4'
        ? { ...copy, items: copy.items.with(2, { ...(copy.items[2] as EvidenceEntry), data: 'x' }) }
        : copy,
    );
  const verdict = judge(copies);
  assert.equal(verdict.integrity, 'broken');
  assert.match(verdict.sentence, /^Broken: ny4: entry 3 was edited/);
  assert.match(verdict.sentence, /cannot be relied on from entry 3/);
});

test('two branches of one chain are both kept, and the one that anchors do not know is named', () => {
  const world = threeSites();
  const branch = threeSites();
  branch.chains.set('ny4', (world.chains.get('ny4') ?? []).slice(0, 7));
  branch.write('ny4', 'residue', 'restored snapshot');
  branch.write('ny4', 'residue', 'restored snapshot');
  branch.write('ny4', 'residue');
  branch.write('ny4', 'residue');
  branch.write('ny4', 'residue');
  branch.write('ny4', 'residue');
  const restored = branch.copies().find((copy) => copy.chain === 'ny4');
  assert.ok(restored);
  const verdict = judge([...world.copies(), { ...restored, source: 'restored' }]);
  assert.equal(verdict.integrity, 'broken');
  assert.ok(evidenceProblems(verdict).some((text) => /entry 8 differs between ny4 and restored/.test(text)));
  assert.equal(verdict.completeness.verdict, 'complete');
  assert.deepEqual(
    verdict.completeness.unanchored.filter(({ why }) => why === 'branch').map(({ source, from }) => [source, from]),
    [['restored', 7]],
  );
});

test('an older copy of a chain beside a newer one is no fork', () => {
  const world = threeSites();
  const old = world.copies().find((copy) => copy.chain === 'ny4');
  assert.ok(old);
  const verdict = judge([...world.copies(), { ...old, source: 'backup', items: old.items.slice(0, 4) }]);
  assert.equal(verdict.integrity, 'intact');
  assert.equal(verdict.completeness.verdict, 'complete');
});

test('two anchors of one number are reported', () => {
  const world = threeSites();
  const forged = makeAnchor({ previous: null, incarnation: 'i2', at: wallMs(1), by: 'ld5', heads: [] }, digest);
  world.write('ld5', 'anchor', anchorData(forged));
  const verdict = judge(world.copies());
  assert.deepEqual(verdict.completeness.conflictingAnchors, [1]);
  assert.match(evidenceProblems(verdict).join(' '), /anchors 1 exist with different contents/);
});

test('an altered anchor is not believed', () => {
  const world = threeSites();
  const [anchor] = world.anchors;
  assert.ok(anchor);
  const fromAuthority = [{ ...anchor, number: 9, heads: {} }];
  assert.deepEqual(collectAnchors([], { digest, fromAuthority }), []);
});

test('a process that died without a word is a note, not a fault', () => {
  const world = threeSites();
  world.write('ld5', 'started', { version: '1', tornTail: { bytes: 40, file: 'torn-after-3.base64' } });
  const verdict = judge(world.copies());
  assert.equal(verdict.integrity, 'intact');
  assert.ok(verdict.notes.some((note) => /ld5: the process ended without saying so before entry 4/.test(note)));
  assert.ok(verdict.notes.some((note) => /set a torn tail of 40 bytes aside/.test(note)));
});

test('"before" between two hosts is claimed only where clock errors do not overlap', () => {
  const world = new World();
  const first = world.write('ny4');
  const close = world.write('ch2', 'verdict', null, 6);
  const later = world.write('ch2');
  const unbounded = world.write('ld5', 'verdict', null, null);
  assert.deepEqual(compareEntries(first, close), { kind: 'unordered' });
  assert.deepEqual(compareEntries(first, later), { kind: 'before', because: 'clock' });
  assert.deepEqual(compareEntries(later, first), { kind: 'after', because: 'clock' });
  assert.deepEqual(compareEntries(first, unbounded), { kind: 'unordered' });
  assert.deepEqual(compareEntries(close, later), { kind: 'before', because: 'sequence' });
});

test('an anchor orders two hosts whose clocks cannot', () => {
  const world = new World();
  const first = world.write('ny4', 'verdict', null, null);
  const anchor = world.anchor('ch2', []);
  const later = world.write('ch2', 'verdict', null, null);
  const held = collectAnchors([...world.chains.values()], { digest });
  assert.equal(held[0]?.anchor.hash, anchor.hash);
  assert.deepEqual(compareEntries(first, later, held), { kind: 'before', because: 'anchor' });
  assert.deepEqual(compareEntries(later, first, held), { kind: 'after', because: 'anchor' });
});
