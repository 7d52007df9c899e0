import type { ControllerProcess } from './controller-process.ts';
import { cutOff } from './faults.ts';
import { powerOff, powerOn } from './power.ts';
import type { Random } from './random.ts';
import type { SimulatedHost, World } from './world.ts';

/**
 * A host is dark, everybody says so, and the leader is away from then on: it hangs, or its site is cut off. The host comes back and is
 * heard by the others for long; then the leader returns to what was written for it meanwhile, the oldest words first.
 *
 * @returns how long that takes, and what ends it early.
 */
export function leaderAway(world: World, random: Random): { readonly ms: number; readonly heal: () => void } {
  const { queue, topology } = world;
  const { reportEveryMs, silenceCeilingMs } = topology.timing;
  const awayAfterMs = silenceCeilingMs + random.between(0.5, 2) * reportEveryMs;
  const litAfterMs = awayAfterMs + random.between(1, 3) * reportEveryMs;
  // By then it has been heard for so long that nobody has a reason to call it silent.
  const backAfterMs = litAfterMs + 3 * silenceCeilingMs + random.between(1.5, 6) * reportEveryMs;
  const heals: (() => void)[] = [];
  const backAt = queue.now + backAfterMs;
  let left: { readonly leader: ControllerProcess; readonly core: ControllerProcess['core'] } | null = null;
  let over = false;
  const once = (then: () => void) => {
    let done = false;
    const heal = () => {
      if (!done) then();
      done = true;
    };
    heals.push(heal);
    return heal;
  };
  const host = random.pick(world.hosts);
  const light = once(darken(world, host, random));
  queue.after(awayAfterMs, () => {
    const { leader } = world;
    if (over || leader === null) return;
    left = { leader, core: leader.core };
    const cut = leader.site !== host.site && random.chance(0.25);
    if (world.tracing) world.tell(`fault: leader ${leader.site} is ${cut ? 'cut off' : 'frozen'}`);
    if (cut) return void once(cutOff(world, leader.site));
    leader.freeze();
    once(() => leader.thaw());
    if (!random.chance(0.3)) return;
    // Nobody takes its place: when it returns it leads, and may do what it concludes.
    for (const { place } of world.controllers.filter((each) => each !== leader)) {
      world.authority.deafen(place, true);
      once(() => world.authority.deafen(place, false));
    }
  });
  queue.after(litAfterMs, light);
  return {
    ms: backAfterMs,
    heal: () => {
      over = true;
      if (queue.now >= backAt && left !== null && left.leader.core === left.core)
        world.coverage.count('H5: a leader returned to words of long ago');
      for (const heal of heals) heal();
    },
  };
}

/** To the controllers it is all the same: it has no power, is unplugged, or reaches the authority and nobody else. */
function darken(world: World, host: SimulatedHost, random: Random): () => void {
  const { network } = world;
  switch (random.pick(['power', 'unplugged', 'mute'] as const)) {
    case 'power':
      powerOff(world, host);
      return () => powerOn(world, host);
    case 'unplugged':
      network.silence(host.id);
      return () => network.unsilence(host.id);
    case 'mute':
      network.mute(host.id);
      return () => network.unmute(host.id);
  }
}
