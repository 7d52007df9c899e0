import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { epoch, groupId, monoMs, wallMs } from '../../core/base/ids.ts';
import { entryLine, signedText } from '../../core/evidence/evidence-entry.ts';
import type { EvidenceKind } from '../../core/evidence/evidence-kind.ts';
import { append, type ChainHead, genesisHead, headOf } from '../../core/evidence/hash-chain.ts';
import { acceptedExposures } from './accepted-exposures.ts';
import { verifyChains } from './bundle.ts';
import type { StoredChain } from './chain-directory.ts';
import { generateEvidenceKey, sha256 } from './evidence-crypto.ts';

class Chain {
  readonly #key = generateEvidenceKey();
  readonly #name: string;
  #head: ChainHead;
  #text = '';

  constructor(name: string) {
    this.#name = name;
    this.#head = genesisHead(name, this.#key.publicKey, sha256);
  }

  write(atMs: number, kind: EvidenceKind, data: Json): this {
    const stamp = { at: wallMs(atMs), monoMs: monoMs(atMs), clockErrorMs: null };
    const body = { kind, group: groupId('trading'), run: null, epoch: epoch(7), term: null, data };
    const entry = append(this.#head, { ...body, ...stamp }, sha256);
    this.#text += `${entryLine({ ...entry, signature: this.#key.sign(signedText(entry.hash)) })}\n`;
    this.#head = headOf(entry);
    return this;
  }

  stored(change: (text: string) => string = (text) => text): StoredChain {
    const { publicKey } = this.#key;
    return { format: 1, chain: this.#name, publicKey, source: this.#name, text: change(this.#text) };
  }
}

/** As the controller writes it (`src/engine/halt-desk.ts`). */
const said = {
  person: 'Rhea Risk',
  role: 'risk-officer',
  reason: 'chi is gone for the day',
  from: 'halted',
  to: 'degraded',
  epoch: 7,
  exposure: [
    { component: 'db', holder: 'pg-nyc', lost: ['pg-chi'], position: { generation: 3, sequence: 50_331_648 } },
    { component: 'engine', holder: 'engine-nyc', lost: ['engine-chi-1', 'engine-chi-2'], position: null },
  ],
};
const controller = () =>
  new Chain('controller/nyc').write(1_000, 'leadership', {}).write(2_000, 'exposure-accepted', said);
const changed = (instance: string, to: string): Json => ({ instance, about: { from: 'degraded', to, ackSet: [] } });

const read = (...chains: StoredChain[]) => acceptedExposures(chains, verifyChains(chains));

test('who ended a halt is read from the chain: when, why, what it covered, how far each log was, and until when', () => {
  const agent = new Chain('agent/nyc-db')
    .write(1_500, 'durability-changed', changed('pg-nyc', 'strict'))
    .write(3_000, 'durability-changed', changed('pg-nyc', 'degraded'))
    .write(5_000, 'durability-changed', changed('pg-nyc', 'strict'))
    .write(6_000, 'durability-changed', changed('pg-nyc', 'halted'));
  assert.deepEqual(read(controller().stored(), agent.stored()), [
    {
      atMs: 2_000,
      person: 'Rhea Risk',
      role: 'risk-officer',
      reason: 'chi is gone for the day',
      group: 'trading',
      epoch: 7,
      covered: [
        {
          component: 'db',
          holder: 'pg-nyc',
          lost: ['pg-chi'],
          position: { generation: 3, sequence: 50_331_648 },
          endedAtMs: 5_000,
          endedBy: 'strict',
        },
        {
          component: 'engine',
          holder: 'engine-nyc',
          lost: ['engine-chi-1', 'engine-chi-2'],
          position: null,
          endedAtMs: null,
          endedBy: null,
        },
      ],
      evidence: { chain: 'controller/nyc', sequence: 2 },
      intact: true,
    },
  ]);
});

test('two copies of one chain tell of it once; one that was altered is shown and not vouched for', () => {
  const whole = controller();
  assert.equal(read(whole.stored(), { ...whole.stored(), source: 'copy' }).length, 1);
  const [altered] = read(whole.stored((text) => text.replace('Rhea Risk', 'Olaf Other')));
  assert.deepEqual([altered?.person, altered?.intact], ['Olaf Other', false]);
});

test('what another version did not write is said to be missing', () => {
  const [bare] = read(new Chain('controller/nyc').write(1, 'exposure-accepted', { exposure: [{}] }).stored());
  assert.deepEqual(
    [bare?.person, bare?.covered[0]?.component, bare?.covered[0]?.lost],
    ['not recorded', 'not recorded', []],
  );
});
