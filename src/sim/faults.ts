import type { SiteId } from '../core/base/ids.ts';
import { canServe } from '../core/topology/topology-index.ts';
import { askForFailback, decideOnLoss, fenceByHand } from './people.ts';
import { powerOff, powerOn } from './power.ts';
import { slowPromotion, slowPromotionThenCutOff } from './slow-promotion.ts';
import type { SimulatedHost, World } from './world.ts';
import { wrongState } from './wrong-state.ts';

export { powerOff, powerOn };

export type FaultName = keyof typeof FAULTS;

/** Each hurts the world and returns what heals it. Every fault carries its own end. */
export const FAULTS = {
  'instance crash': (world) => {
    const instance = world.random.pick(primaries(world));
    instance?.die();
    return instance ? () => {} : null;
  },
  'standby crash': (world) => {
    const instance = world.random.pick([...world.instances.values()].filter((each) => each.role === 'standby'));
    instance?.die();
    return instance ? () => {} : null;
  },
  'instance freeze': (world) => {
    const instance = world.random.pick([...primaries(world), ...world.instances.values()]);
    instance?.freeze();
    return instance ? () => instance.thaw() : null;
  },
  'host freeze': (world) => {
    const host = primaryHost(world);
    freezeHost(host);
    return () => thawHost(host);
  },
  'agent freeze': (world) => {
    const { agent } = primaryHost(world);
    agent.freeze();
    return () => agent.thaw();
  },
  'agent freeze beside a living database': (world) => {
    const holder = primaries(world).find((each) => !each.selfGated);
    const host = world.hosts.find((each) => each.id === holder?.place.host);
    host?.agent.freeze();
    return host ? () => host.agent.thaw() : null;
  },
  'double failure': (world) => {
    // Everybody who waits with the holder is lost, and when it goes on alone, the holder as well.
    const holder = world.random.pick(primaries(world).filter((each) => each.component.durability !== null));
    const { record } = world;
    if (!holder || record === null) return null;
    const members = record.grants[holder.component.id]?.promotable ?? [];
    const hosts = world.hosts.filter((host) => host.instances.some((instance) => members.includes(instance.id)));
    const home = world.hosts.find((host) => host.id === holder.place.host)!;
    const off: SimulatedHost[] = [];
    let over = false;
    const lose = (host: SimulatedHost) => {
      if (over || off.includes(host)) return;
      off.push(host);
      powerOff(world, host);
    };
    for (const host of hosts) lose(host);
    world.queue.after(world.random.between(900, 2500), () => lose(home));
    world.queue.after(world.random.between(2600, 4000), () => {
      for (const host of hosts) if (off.includes(host)) powerOn(world, host);
      for (const host of hosts) if (off.includes(host)) off.splice(off.indexOf(host), 1);
    });
    for (const afterMs of [3500, 5500])
      if (world.random.chance(0.6))
        world.queue.after(afterMs + world.random.between(0, 2000), () => over || decideOnLoss(world));
    return () => {
      over = true;
      for (const host of off.splice(0)) powerOn(world, host);
    };
  },
  'agent crash': (world) => {
    const { agent } = primaryHost(world);
    world.doomed.set(agent, world.random.whole(0, 3));
    let healed = false;
    world.queue.after(400, () => {
      if (!healed) agent.crash();
    });
    return () => {
      healed = true;
      world.doomed.delete(agent);
      agent.start();
    };
  },
  'gate freeze': (world) => {
    const { gate } = primaryHost(world);
    gate.freeze();
    return () => gate.thaw();
  },
  'agent and gate freeze': (world) => {
    const { agent, gate } = primaryHost(world);
    agent.freeze();
    gate.freeze();
    return () => {
      gate.thaw();
      agent.thaw();
    };
  },
  'host power': (world) => {
    const host = world.random.pick(world.hosts);
    powerOff(world, host);
    return () => powerOn(world, host);
  },
  'host unplugged': (world) => {
    const host = primaryHost(world);
    world.network.silence(host.id);
    return () => world.network.unsilence(host.id);
  },
  'site power': (world) => loseSite(world, activeSite(world)),
  'other site power': (world) => loseSite(world, world.random.pick(world.topology.sites).id),
  'site isolated': (world) => cutOff(world, activeSite(world)),
  'link cut': (world) => {
    const [from, to] = twoSites(world);
    world.network.cut(from, to);
    world.network.cut(to, from);
    return () => {
      world.network.heal(from, to);
      world.network.heal(to, from);
    };
  },
  'one-way cut': (world) => {
    const [from, to] = twoSites(world);
    world.network.cut(from, to);
    return () => world.network.heal(from, to);
  },
  'link flaps': (world) => {
    const [from, to] = twoSites(world);
    let down = false;
    let over = false;
    const flap = () => {
      if (over) return;
      down = !down;
      if (down) world.network.cut(from, to);
      else world.network.heal(from, to);
      world.queue.after(world.random.between(50, 900), flap);
    };
    flap();
    return () => {
      over = true;
      if (down) world.network.heal(from, to);
    };
  },
  'duplicates and delays': (world) => {
    world.network.duplicates = 0.2;
    world.network.extraDelayMs = world.random.between(5, 120);
    return () => {
      world.network.duplicates = 0;
      world.network.extraDelayMs = 0;
    };
  },
  'authority slow': (world) => {
    world.authority.slowMs = world.random.between(50, 900);
    return () => {
      world.authority.slowMs = 0;
    };
  },
  'authority loses replies': (world) => {
    world.authority.loseReplies = world.random.between(0.1, 0.6);
    return () => {
      world.authority.loseReplies = 0;
    };
  },
  'authority without quorum': (world) => {
    world.authority.loseQuorum(true);
    return () => world.authority.loseQuorum(false);
  },
  'leader crash': (world) => {
    const leader = world.leader;
    leader?.crash();
    return leader ? () => leader.start() : null;
  },
  'leader freeze': (world) => {
    const leader = world.leader;
    leader?.freeze();
    return leader ? () => leader.thaw() : null;
  },
  'controllers restart': (world) => restartControllers(world),
  'site dark, controllers restart': (world) => {
    // Those that come back have never heard of the dark site: nothing is known about it, neither good nor bad.
    const site = world.random.pick(
      world.topology.sites.filter((each) => canServe(each) && each.id !== activeSite(world)),
    ).id;
    const lit = loseSite(world, site);
    const started = restartControllers(world);
    for (const afterMs of [4500, 6500]) world.queue.after(afterMs, () => askForFailback(world));
    return () => {
      started();
      lit();
    };
  },
  'clock jump': (world) => {
    const controller = world.random.pick(world.controllers);
    controller.wallOffsetMs += world.random.between(-600_000, 600_000);
    return () => {};
  },
  'rogue promotion': (world) => {
    // Somebody promotes behind Holdfast's back, without a lease: an engine then releases nothing, a database is the gate's.
    const instance = world.random.pick(
      [...world.instances.values()].filter((each) => each.role === 'standby' && each.selfGated),
    );
    instance?.goRogue();
    return instance ? () => {} : null;
  },
  'rogue promotion, then crash': (world) => {
    const rogue = world.random.pick(
      [...world.instances.values()].filter((each) => each.role === 'standby' && each.selfGated),
    );
    if (!rogue) return null;
    const holder = primaries(world).find((each) => each.component.id === rogue.component.id);
    holder?.die();
    world.queue.after(world.random.between(0, 60), () => rogue.process === 'running' && rogue.goRogue());
    return () => {};
  },
  'stale reboot': (world) => {
    // Comes back as what it was: its configuration still says primary.
    const instance = world.random.pick(primaries(world).filter((each) => each.selfGated));
    if (!instance) return null;
    instance.die();
    world.queue.after(world.random.between(300, 3000), () => {
      instance.start();
      instance.goRogue();
    });
    return () => {};
  },
  'instance ill': (world) => {
    const instance = world.random.pick([...world.instances.values()]);
    instance.ill = world.random.chance(0.5)
      ? { health: 'bad', reason: 'rejects 40 % of orders' }
      : { health: 'degraded', reason: 'median latency 9 ms' };
    return () => {
      instance.ill = null;
    };
  },
  'slow disk': (world) => slowDisk(world),
  'slow disk, then power': (world) => {
    const heal = slowDisk(world);
    const host = world.random.pick(
      world.hosts.filter((each) => each.instances.some((instance) => instance.disk.diskMs > 0)),
    );
    let off = false;
    let over = false;
    world.queue.after(world.random.between(100, 1500), () => {
      if (!host || over) return;
      powerOff(world, host);
      off = true;
    });
    return () => {
      over = true;
      heal();
      if (off && host) powerOn(world, host);
    };
  },
  'slow agent': (world) => {
    const { agent } = world.random.chance(0.5) ? primaryHost(world) : world.random.pick(world.hosts);
    agent.slowMs = world.random.pick([300, 1500, 6000]);
    return () => {
      agent.slowMs = 0;
    };
  },
  'wrong state': wrongState,
  'slow promotion': slowPromotion,
  'slow promotion, then cut off': slowPromotionThenCutOff,
  'late duplicates': (world) => {
    world.network.duplicates = 0.25;
    world.network.lateDuplicates = 0.5;
    return () => {
      world.network.duplicates = 0;
      world.network.lateDuplicates = 0;
    };
  },
  'authority out of reach of a host': (world) => {
    const host = primaryHost(world);
    world.authority.deafen(host.agent.place, true);
    return () => world.authority.deafen(host.agent.place, false);
  },
  'authority out of reach of a controller': (world) => {
    const { place } = world.random.pick(world.controllers);
    world.authority.deafen(place, true);
    return () => world.authority.deafen(place, false);
  },
  'gate freeze, then host unplugged': (world) => {
    const holder = primaries(world).find((each) => !each.selfGated);
    const host = world.hosts.find((each) => each.id === holder?.place.host);
    if (!host) return null;
    host.gate.freeze();
    let silent = false;
    let over = false;
    // Two renewals: the second one says that nothing was armed with the first. After a third its own agent would end the database.
    world.queue.after(2.2 * world.topology.timing.leaseRenewEveryMs, () => {
      if (over) return;
      world.network.silence(host.id);
      silent = true;
      // Where the agent hangs as well, nothing on its host ends the database: only people can say that it is off.
      if (world.random.chance(0.5)) host.agent.freeze();
      if (world.random.chance(0.5))
        world.queue.after(world.random.between(2000, 6000), () => over || fenceByHand(world));
    });
    return () => {
      over = true;
      if (silent) world.network.unsilence(host.id);
      host.gate.thaw();
      host.agent.thaw();
    };
  },
  'clock set back, then crash': (world) => {
    world.random.pick(primaries(world))?.die();
    world.queue.after(world.random.between(1500, 4000), () => {
      const { leader } = world;
      if (leader) leader.wallOffsetMs -= world.random.between(2000, 60_000);
      world.random.pick(primaries(world))?.die();
    });
    return () => {};
  },
  'authority answers late, then host unplugged': (world) => {
    // A renewal is given up after half of this; just before that its answer is of use to nobody but a holder that counts from it.
    const { authority, topology } = world;
    authority.answersLateMs = world.random.between(0.6, 0.95) * (topology.timing.selfFenceAfterMs / 2);
    // Whoever waits for nobody is stopped by its lease alone.
    const alone = primaries(world).find((each) => each.selfGated && each.component.durability === null);
    const host = world.hosts.find((each) => each.id === alone?.place.host) ?? primaryHost(world);
    let silent = false;
    let over = false;
    world.queue.after(world.random.between(500, 2500), () => {
      if (over) return;
      world.network.silence(host.id);
      authority.answersLateMs = 0;
      silent = true;
    });
    return () => {
      over = true;
      authority.answersLateMs = 0;
      if (silent) world.network.unsilence(host.id);
    };
  },
} as const satisfies Record<string, (world: World) => (() => void) | null>;

/** Scheduled apart from the others. */
export const SLOW_PROMOTIONS = ['slow promotion', 'slow promotion, then cut off'] as const satisfies FaultName[];

export const FAULT_NAMES = (Object.keys(FAULTS) as FaultName[]).filter(
  (name) => !name.startsWith('slow promotion') && name !== 'wrong state',
);

const primaries = (world: World) =>
  [...world.instances.values()].filter((each) => each.role === 'primary' && each.process === 'running');

function primaryHost(world: World): SimulatedHost {
  const holders = new Set(primaries(world).map((each) => each.place.host));
  const hosts = world.hosts.filter((host) => holders.has(host.id));
  return world.random.pick(hosts.length > 0 ? hosts : world.hosts);
}

const activeSite = (world: World): SiteId => world.record?.activeSite ?? world.topology.sites[0]!.id;

function twoSites(world: World): readonly [SiteId, SiteId] {
  const from = world.random.pick(world.topology.sites).id;
  const to = world.random.pick(world.topology.sites.filter((site) => site.id !== from)).id;
  return [from, to];
}

export function freezeHost(host: SimulatedHost): void {
  host.agent.freeze();
  host.gate.freeze();
  for (const instance of host.instances) instance.freeze();
}

/** Whatever comes first when the machine runs again: the order is not ours to choose. */
export function thawHost(host: SimulatedHost): void {
  for (const instance of host.instances) instance.thaw();
  host.agent.thaw();
  host.gate.thaw();
}

export function loseSite(world: World, site: SiteId): () => void {
  const hosts = world.hosts.filter((host) => host.site === site);
  const controller = world.controllers.find((each) => each.site === site);
  const others = world.topology.sites.filter((other) => other.id !== site);
  for (const other of others) {
    world.network.cut(site, other.id);
    world.network.cut(other.id, site);
  }
  for (const host of hosts) powerOff(world, host);
  controller?.crash();
  world.authority.voterDown(site, true);
  return () => {
    for (const other of others) {
      world.network.heal(site, other.id);
      world.network.heal(other.id, site);
    }
    world.authority.voterDown(site, false);
    for (const host of hosts) powerOn(world, host);
    controller?.start();
  };
}

export function cutOff(world: World, site: SiteId): () => void {
  const others = world.topology.sites.filter((other) => other.id !== site);
  for (const other of others) {
    world.network.cut(site, other.id);
    world.network.cut(other.id, site);
  }
  return () => {
    for (const other of others) {
      world.network.heal(site, other.id);
      world.network.heal(other.id, site);
    }
  };
}

function slowDisk(world: World): () => void {
  const instance = world.random.pick([
    ...primaries(world),
    ...[...world.instances.values()].filter((each) => each.role === 'standby'),
  ]);
  if (!instance) return () => {};
  instance.disk.diskMs = world.random.pick([30, 150, 600]);
  return () => {
    instance.disk.diskMs = 0;
  };
}

/** All that are running end, and come back a moment later, knowing nothing. */
function restartControllers(world: World): () => void {
  const running = world.controllers.filter((controller) => controller.running);
  for (const controller of running) controller.crash();
  let started = false;
  const start = () => {
    if (!started) for (const controller of running) controller.start();
    started = true;
  };
  world.queue.after(world.random.between(100, 1200), start);
  return start;
}
