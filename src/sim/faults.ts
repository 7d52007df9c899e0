import type { SiteId } from '../core/base/ids.ts';
import type { SimulatedHost, World } from './world.ts';

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
  'clock jump': (world) => {
    const controller = world.random.pick(world.controllers);
    controller.wallOffsetMs += world.random.between(-600_000, 600_000);
    return () => {};
  },
  'rogue promotion': (world) => {
    // Somebody promotes behind Holdfast's back, without a lease: an engine then releases nothing, a database is the gate's.
    const instance = world.random.pick([...world.instances.values()].filter((each) => each.role === 'standby' && each.selfGated));
    if (!instance) return null;
    instance.role = 'primary';
    instance.upstream = null;
    instance.leaseUntilLocal = 0;
    return () => {};
  },
} as const satisfies Record<string, (world: World) => (() => void) | null>;

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

const primaries = (world: World) => [...world.instances.values()].filter((each) => each.role === 'primary' && each.process === 'running');

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

function freezeHost(host: SimulatedHost): void {
  host.agent.freeze();
  host.gate.freeze();
  for (const instance of host.instances) instance.freeze();
}

/** Whatever comes first when the machine runs again: the order is not ours to choose. */
function thawHost(host: SimulatedHost): void {
  for (const instance of host.instances) instance.thaw();
  host.agent.thaw();
  host.gate.thaw();
}

function powerOff(world: World, host: SimulatedHost): void {
  world.network.silence(host.id);
  host.agent.crash();
  host.gate.reset();
  for (const instance of host.instances) instance.die();
  host.agent.routes.clear();
}

/** Boots with what was on its disks; instances come up closed. */
function powerOn(world: World, host: SimulatedHost): void {
  world.network.unsilence(host.id);
  for (const instance of host.instances) instance.start();
  host.agent.start();
}

function loseSite(world: World, site: SiteId): () => void {
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

function cutOff(world: World, site: SiteId): () => void {
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
