import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder } from '../../../test/builders/facts.ts';
import { instanceId, wallMs } from '../base/ids.ts';
import { adopt } from './adoption.ts';

const mark = { by: 'Ada', role: 'approver', at: wallMs(1), reason: 'restored from last night’s backup' } as never;

test('after a restored authority was adopted nobody is led to whom a delegate’s lock named back then', () => {
  const world = new FactsBuilder({ delegatedDatabase: true }).underDelegate('bravo-db', { since: 40 });
  const known = { component: DB, holder: instanceId('alfa-db'), lock: 20, epoch: world.record.epoch };
  world.change({
    record: { ...world.record, delegates: { [DB]: known } },
    authority: { silentMs: 1, staleAfterMs: 1000, incarnationMatches: false },
  });
  for (const { instance, observation } of world.facts.instances.values())
    if (instance.component !== DB && observation?.role === 'primary')
      world.observation(instance.id, { role: 'closed' });
  const adoption = adopt({ facts: world.facts, incarnation: 'two', mark });
  assert.ok(adoption.kind === 'adopted', JSON.stringify(adoption));
  assert.deepEqual(adoption.record.delegates, { [DB]: { ...known, holder: null, epoch: adoption.record.epoch } });
});
