import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceId } from '../../src/core/base/ids.ts';
import { powerOff, powerOn } from '../../src/sim/power.ts';
import { unservedIn } from '../../src/sim/service-verdict.ts';
import { World } from '../../src/sim/world.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';
import { plainShape } from '../builders/facts.ts';

const darkForMs = 6_000;
const servedWithinMs = 10_000;
const sole = instanceId('alfa-oms');

const hurts: Readonly<Record<string, (world: World) => void>> = {
  'a host loses its power': (world) => {
    const host = world.hosts.find(({ instances }) => instances.some(({ id }) => id === sole))!;
    powerOff(world, host);
    world.queue.after(darkForMs, () => powerOn(world, host));
  },
  'a process ends': (world) => world.instances.get(sole)!.die(),
};

/** What has no other instance at the first site is lost while that is activated. */
function hurtWhileActivated(seed: number, hurt: (world: World) => void) {
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
    if (step !== 'move-traffic') return;
    world.onStep = null;
    hurt(world);
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

for (const [what, hurt] of Object.entries(hurts))
  test(`${what} while a platform is activated for the first time: it stays where a person wanted it, and is finished there`, () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { decided, opened, sites, unserved, violations } = hurtWhileActivated(seed, hurt);
      assert.deepEqual(violations, [], `seed ${seed}`);
      assert.deepEqual([...sites], [null, 'alfa'], `seed ${seed}`);
      assert.ok(decided.length > 0, `seed ${seed}: nothing was held`);
      assert.ok(opened.size > 1, `seed ${seed}: the activation was not hurt`);
      assert.equal(unserved, null, `seed ${seed}`);
    }
  });
