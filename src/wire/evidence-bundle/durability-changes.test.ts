import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { epoch, groupId, monoMs, wallMs } from '../../core/base/ids.ts';
import { entryLine, signedText } from '../../core/evidence/evidence-entry.ts';
import { append, type ChainHead, genesisHead, headOf } from '../../core/evidence/hash-chain.ts';
import { exposureLedger } from '../../core/objective/durability-exposure.ts';
import type { StoredChain } from './chain-directory.ts';
import { durabilityChangesOf } from './durability-changes.ts';
import { generateEvidenceKey, sha256 } from './evidence-crypto.ts';

const chainOf = (name: string, entries: readonly (readonly [atMs: number, about: Json])[]): StoredChain => {
  const key = generateEvidenceKey();
  let head: ChainHead = genesisHead(name, key.publicKey, sha256);
  let text = '';
  for (const [atMs, about] of entries) {
    const entry = append(
      head,
      {
        kind: 'durability-changed',
        group: groupId('trading'),
        run: null,
        epoch: epoch(7),
        term: null,
        data: { instance: 'pg-nyc', about },
        at: wallMs(atMs),
        monoMs: monoMs(atMs),
        clockErrorMs: null,
      },
      sha256,
    );
    text += `${entryLine({ ...entry, signature: key.sign(signedText(entry.hash)) })}\n`;
    head = headOf(entry);
  }
  return { format: 1, chain: name, publicKey: key.publicKey, source: name, text };
};

const about = (to: string, sequence: number | null, lost: readonly string[] = []): Json => ({
  from: 'strict',
  to,
  component: 'db',
  epoch: 7,
  lost: [...lost],
  position: sequence === null ? null : { generation: 1, sequence },
});

const intervalsOf = (...chains: readonly StoredChain[]) =>
  exposureLedger(durabilityChangesOf(chains), { nowMs: 90_000, acknowledged: {} }).intervals.map(
    ({ sinceMs, untilMs, atRisk, lost }) => [sinceMs, untilMs, atRisk, lost],
  );

test('a stretch without a copy is counted from the positions that the evidence holds at its ends', () => {
  const chain = chainOf('agent/nyc', [
    [1000, about('degraded', 500, ['pg-chi'])],
    [9000, about('strict', 4200)],
  ]);
  assert.deepEqual(intervalsOf(chain), [[1000, 9000, 3700, ['pg-chi']]]);
});

test('a copy of the same chain counts nothing twice', () => {
  const chain = chainOf('agent/nyc', [
    [1000, about('degraded', 500, ['pg-chi'])],
    [9000, about('strict', 600)],
  ]);
  assert.equal(intervalsOf(chain, { ...chain, source: 'copy' }).length, 1);
});

test('a position that nobody saw leaves the stretch timed and not counted', () => {
  const chain = chainOf('agent/nyc', [
    [1000, about('degraded', null, ['pg-chi'])],
    [9000, about('strict', 4200)],
  ]);
  assert.deepEqual(intervalsOf(chain), [[1000, 9000, null, ['pg-chi']]]);
});

test('an entry of an earlier version, which names no component, is left out', () => {
  assert.deepEqual(
    durabilityChangesOf([chainOf('agent/nyc', [[1000, { from: 'strict', to: 'degraded', ackSet: [] }]])]),
    [],
  );
});
