import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DB, FactsBuilder } from '../../test/builders/facts.ts';
import { permitRefusals } from '../core/authority/promotion-permit.ts';
import type { Json } from '../core/base/canonical-json.ts';
import { instanceId, revision } from '../core/base/ids.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { AuthorityPort, RangeOutcome } from '../engine/authority-port.ts';
import { permitNow } from './promotion-desk.ts';

const { facts, record } = new FactsBuilder({ delegatedDatabase: true, askingDatabase: true });
const component = indexOf(facts.topology).component.get(DB)!;
const [alfa, bravo] = [instanceId('alfa-db'), instanceId('bravo-db')];

describe('what Patroni is answered', () => {
  const asked: string[] = [];
  const answer = (at: Readonly<Record<string, Json>>, silent: readonly string[] = [], instance = bravo) => {
    const range: AuthorityPort['range'] = async (key, { deadlineMs }): Promise<RangeOutcome> => {
      asked.push(key);
      assert.ok(deadlineMs < 9000, 'whoever asks waits no longer');
      if (silent.includes(key)) return { kind: 'unknown', reason: 'no quorum' };
      const entries = key in at ? { [key]: { value: at[key]!, revision: revision(3) } } : {};
      return { kind: 'ok', revision: revision(9), incarnation: record.incarnation, entries };
    };
    return permitNow({ range }, { group: facts.group, component, instance });
  };
  const named = { component: DB, holder: null, lock: 20, epoch: 7, moving: { run: 'trading-8', to: alfa } };
  const moving = { 'group/trading': { ...record, run: 'trading-8', delegates: { [DB]: named } } as unknown as Json };
  const fenced = { 'brakes/trading': { fenced: [bravo] } };

  it('is what the record and the brakes say, each read for this question', async () => {
    assert.equal((await answer(moving)).kind, 'refused');
    assert.equal((await answer(moving, [], alfa)).kind, 'granted');
    assert.deepEqual((await answer(fenced)).kind, 'refused');
    assert.equal((await answer({})).kind, 'granted', 'nobody was ever activated');
    assert.deepEqual(new Set(asked), new Set(['brakes/trading', 'group/trading']));
    assert.equal(asked.length, 8);
  });

  it('has codes that the adapter’s README explains, each', () => {
    const text = readFileSync(join(import.meta.dirname, '../adapters/patroni/README.md'), 'utf8');
    for (const code of [...Object.keys(permitRefusals), 'no-answer']) assert.ok(text.includes(`| \`${code}\` |`), code);
  });

  it('is no where one of them was not read', async () => {
    for (const key of ['group/trading', 'brakes/trading']) {
      const permit = await answer({}, [key]);
      assert.equal(permit.kind === 'refused' && permit.code, 'unread', key);
      assert.match(permit.reason, /no quorum/);
    }
  });
});
