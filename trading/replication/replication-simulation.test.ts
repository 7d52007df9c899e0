import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicationSimulation } from './replication-simulation.ts';

const WORLDS = Number(process.env.HOLDFAST_REPLICATION_WORLDS ?? 300);
const FIRST = Number(process.env.HOLDFAST_REPLICATION_FIRST ?? 1);

test('in every seeded world what was released stays released, and the logs become equal after healing', () => {
  const total: Record<string, number> = {};
  for (let seed = FIRST; seed < FIRST + WORLDS; seed++) {
    const { violations, counts } = new ReplicationSimulation(seed).run(1500);
    assert.deepEqual(
      violations,
      [],
      `seed ${seed}: HOLDFAST_REPLICATION_FIRST=${seed} HOLDFAST_REPLICATION_WORLDS=1 reproduces it`,
    );
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  for (const [name, count] of Object.entries(total)) assert.ok(WORLDS < 100 || count > 0, `no world had any ${name}`);
});
