import assert from 'node:assert/strict';
import { test } from 'node:test';
import { powerOff, powerOn } from '../../src/sim/power.ts';
import { unservedIn } from '../../src/sim/service-verdict.ts';
import { World } from '../../src/sim/world.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';
import { plainShape } from '../builders/facts.ts';

const darkForMs = 6_000;
const servedWithinMs = 10_000;

/** A host of the first site loses its power while that is activated, and with it the only instance of a component there. */
function hurtWhileActivated(seed: number) {
  const decided: string[] = [];
  const world = new World({
    seed,
    runbooks: loadRunbooks(),
    shape: plainShape,
    story: (line) => {
      if (line.includes('R-ACTIVATION')) decided.push(line);
    },
  });
  world.onStep = (step) => {
    if (step !== 'validate') return;
    world.onStep = null;
    const host = world.hosts.find(({ instances }) => instances.some(({ id }) => id === 'alfa-oms'))!;
    powerOff(world, host);
    world.queue.after(darkForMs, () => powerOn(world, host));
  };
  world.start();
  world.load(true);
  const sites = new Set<string | null>();
  const opened = new Set<string>();
  const look = () => {
    sites.add(world.record?.activeSite ?? null);
    if (world.record?.run != null) opened.add(world.record.run);
    world.queue.after(50, look);
  };
  look();
  world.queue.runUntil(darkForMs + servedWithinMs, () => world.checkers.violations.length > 0);
  const unserved = unservedIn({ record: world.record, topology: world.topology, instances: world.instances });
  return { decided, opened, sites, unserved, violations: world.checkers.violations };
}

test('a platform that is hurt while it is activated for the first time stays where a person wanted it, and is finished there', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { decided, opened, sites, unserved, violations } = hurtWhileActivated(seed);
    assert.deepEqual(violations, [], `seed ${seed}`);
    assert.deepEqual([...sites], [null, 'alfa'], `seed ${seed}`);
    assert.ok(decided.length > 0, `seed ${seed}: nothing was held`);
    assert.ok(opened.size > 1, `seed ${seed}: the activation was not hurt`);
    assert.equal(unserved, null, `seed ${seed}`);
  }
});
