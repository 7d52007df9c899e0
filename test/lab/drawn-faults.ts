import type { Fault, ProcessFault, ProcessTarget } from '../../lab/fault.ts';
import type { PlaceId } from '../../lab/layout.ts';
import { agentKey, authorityKey, controllerKey, wardenKey } from '../../lab/process-spec.ts';
import type { GroupRecord } from '../../src/core/authority/group-record.ts';
import type { HostId, SiteId } from '../../src/core/base/ids.ts';
import type { Component, ComponentKind, Instance, Topology } from '../../src/core/topology/topology.ts';
import { Random } from '../../src/sim/random.ts';

/** A server of a lab, as faults are aimed at it. */
export interface ServerPlace {
  /** Of its process, e.g. `redis/nyc-database-1`. */
  readonly key: string;
  /** What it is, e.g. `redis`. */
  readonly name: string;
  readonly host: HostId;
}

/** Who serves and who leads when a fault's turn comes. */
export interface Standing {
  readonly topology: Topology;
  readonly record: GroupRecord;
  readonly leader: SiteId;
  /** None on loopback. */
  readonly servers: readonly ServerPlace[];
}

export interface DrawnFault {
  /** From 1. */
  readonly number: number;
  /** E.g. `freeze the agent beside the serving postgres`. */
  readonly words: string;
  /** For so long it is in force, or what was killed stays away, in times of `selfFenceAfterMs`; 0: the platform itself brings it back. */
  readonly leases: number;
  /** As `holdfast lab break` takes it. */
  readonly aimedAt: (standing: Standing) => Fault;
}

export type Draw = (random: Random) => Omit<DrawnFault, 'number'>;

/** Shorter than the lease, between it and the end of a take-over, and longer than all of that. */
const LASTING_LEASES = [0.4, 1.2, 2.5, 4] as const;
/** Without an authority every writer stops: it is away for less than that takes. */
const SHORTLY_LEASES = 0.4;
/** Instances that agents start again. */
const BROKEN_KINDS = [
  'trading-engine',
  'postgres',
  'order-management',
  'front',
] as const satisfies readonly ComponentKind[];

/**
 * So many faults, the same for the same seed: of each kind one before any kind comes again. They name roles, not names, because who has
 * them depends on the faults before.
 */
export function drawFaults(seed: number, count: number, kinds: readonly Draw[] = loopbackKinds): readonly DrawnFault[] {
  const random = new Random(seed);
  const faults: DrawnFault[] = [];
  let deck: Draw[] = [];
  while (faults.length < count) {
    if (deck.length === 0) deck = [...kinds];
    const [draw] = deck.splice(random.whole(0, deck.length - 1), 1);
    faults.push({ number: faults.length + 1, ...draw!(random) });
  }
  return faults;
}

/** What nobody of the platform starts again after a kill; null: somebody does, or nothing was killed. */
export function startedAgain(fault: Fault): string | null {
  if (fault.kind !== 'kill') return null;
  const { target } = fault;
  switch (target.kind) {
    case 'agent':
      return agentKey(target.host);
    case 'warden':
      return wardenKey(target.host);
    case 'controller':
      return controllerKey(target.site);
    case 'process':
      return target.key;
    case 'instance':
    case 'host':
      return null;
  }
}

/** One line a fault. */
export const faultList = (faults: readonly DrawnFault[], leaseMs: number): string =>
  faults.map((fault) => `${String(fault.number).padStart(3)}. ${wordsOf(fault, leaseMs)}`).join('\n');

export const wordsOf = ({ words, leases }: DrawnFault, leaseMs: number): string =>
  leases === 0 ? words : `${words}, for ${Math.round(leases * leaseMs)} ms`;

/** Of one component: who holds or serves, or one of the others. `at` says which, in [0, 1). */
interface Part {
  readonly words: string;
  readonly instance: (standing: Standing) => Instance;
}

function drawPart(random: Random, kind: ComponentKind): Part {
  const serving = random.chance(0.6);
  const at = random.fraction();
  return {
    words: `${serving ? 'the serving' : 'another'} ${kind}`,
    instance: (standing) => {
      const component = componentOf(standing.topology, kind);
      const holder = servingInstance(standing, component);
      const others = component.instances.filter((each) => each !== holder);
      return serving || others.length === 0 ? holder : others[Math.floor(at * others.length)]!;
    },
  };
}

const anyPart = (random: Random, kinds: readonly ComponentKind[]): Part => drawPart(random, random.pick(kinds));

function componentOf(topology: Topology, kind: ComponentKind): Component {
  const found = topology.components.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`this firm has no ${kind}`);
  return found;
}

/** Who is granted it, or whom its delegate's lock names; where nobody has to be, the one at the active site. */
export function servingInstance(
  { topology, record }: Pick<Standing, 'topology' | 'record'>,
  component: Component,
): Instance {
  const holder = record.delegates?.[component.id]?.holder ?? record.grants[component.id]?.holder;
  const atActiveSite = ({ host }: Instance) => topology.hosts.find(({ id }) => id === host)?.site === record.activeSite;
  const found = component.instances.find((each) => (holder == null ? atActiveSite(each) : each.id === holder));
  if (found === undefined) throw new Error(`no ${component.id} serves`);
  return found;
}

export const PLACES = ['active', 'standby', 'witness'] as const;
type Place = (typeof PLACES)[number] | 'authority';

const placeWords = (place: Place): string => (place === 'authority' ? 'the authority' : `the ${place} site`);

function siteAt({ topology, record }: Standing, place: (typeof PLACES)[number]): SiteId {
  const trades = ({ capabilities }: Topology['sites'][number]) =>
    capabilities.some((each) => each === 'serve' || each === 'standby');
  const site = topology.sites.find((each) => {
    if (place === 'active') return each.id === record.activeSite;
    return each.id !== record.activeSite && trades(each) === (place === 'standby');
  });
  if (site === undefined) throw new Error(`this firm has no ${place} site`);
  return site.id;
}

/** The one that serves as often as the two others together: more depends on it. */
const drawSite = (random: Random): (typeof PLACES)[number] =>
  random.chance(0.5) ? 'active' : random.pick(['standby', 'witness']);

const placeAt = (standing: Standing, place: Place): PlaceId =>
  place === 'authority' ? 'authority' : siteAt(standing, place);

/** The authority's ways lead to sites, and it talks to nobody by itself: a pair has at most one of it, and that comes last. */
function drawPair(random: Random, places: readonly Place[]): readonly [(typeof PLACES)[number], Place] {
  const from = random.pick(PLACES);
  return [from, random.pick(places.filter((each) => each !== from))];
}

const pairAt = (standing: Standing, [from, to]: readonly [Place, Place]): readonly [PlaceId, PlaceId] => [
  placeAt(standing, from),
  placeAt(standing, to),
];

const pairWords = ([from, to]: readonly [Place, Place]): string => `${placeWords(from)} and ${placeWords(to)}`;

export const lasting = (random: Random): number => random.pick(LASTING_LEASES);

const ofInstance =
  (kind: ProcessFault['kind'], of: ComponentKind): Draw =>
  (random) => {
    const part = drawPart(random, of);
    return {
      words: `${kind} ${part.words}`,
      leases: kind === 'kill' ? 0 : lasting(random),
      aimedAt: (standing) => ({ kind, target: { kind: 'instance', instance: part.instance(standing).id } }),
    };
  };

const besideInstance =
  (kind: ProcessFault['kind'], what: 'agent' | 'warden', of: readonly ComponentKind[]): Draw =>
  (random) => {
    const part = anyPart(random, of);
    return {
      words: `${kind} the ${what} beside ${part.words}`,
      leases: lasting(random),
      aimedAt: (standing) => ({ kind, target: { kind: what, host: part.instance(standing).host } }),
    };
  };

const ofHost =
  (words: string, of: readonly ComponentKind[], faultOf: (host: HostId) => Fault): Draw =>
  (random) => {
    const part = anyPart(random, of);
    return {
      words: `${words} the host of ${part.words}`,
      leases: lasting(random),
      aimedAt: (standing) => faultOf(part.instance(standing).host),
    };
  };

const ofController =
  (kind: ProcessFault['kind']): Draw =>
  (random) => {
    const leading = random.chance(0.6);
    const at = random.fraction();
    return {
      words: `${kind} ${leading ? 'the leading controller' : 'a controller that follows'}`,
      leases: lasting(random),
      aimedAt: ({ topology, leader }) => {
        const others = topology.sites.filter(({ id, voter }) => voter && id !== leader);
        const site = leading ? leader : others[Math.floor(at * others.length)]!.id;
        return { kind, target: { kind: 'controller', site } };
      },
    };
  };

const ofAuthority = (kind: ProcessFault['kind']): Draw => {
  const target: ProcessTarget = { kind: 'process', key: authorityKey };
  return () => ({ words: `${kind} the authority`, leases: SHORTLY_LEASES, aimedAt: () => ({ kind, target }) });
};

const ofSite =
  (words: string, faultOf: (site: SiteId) => Fault): Draw =>
  (random) => {
    const place = drawSite(random);
    return {
      words: `${words} ${placeWords(place)}`,
      leases: lasting(random),
      aimedAt: (standing) => faultOf(siteAt(standing, place)),
    };
  };

const isolated: Draw = (random) => {
  const place = drawSite(random);
  const kept = random.chance(0.5);
  return {
    words: `isolate ${placeWords(place)}${kept ? ' from all but clients and exchanges' : ''}`,
    leases: lasting(random),
    aimedAt: (standing) => ({
      kind: 'site-isolated',
      site: siteAt(standing, place),
      ...(kept ? { keep: ['outside', 'venues'] } : {}),
    }),
  };
};

/** What only the network does to two places. */
const betweenPlaces = (places: readonly Place[]): readonly Draw[] => [
  (random) => {
    const pair = drawPair(random, places);
    return {
      words: `cut ${pairWords(pair)} from each other`,
      leases: lasting(random),
      aimedAt: (standing) => ({ kind: 'cut', between: pairAt(standing, pair) }),
    };
  },
  (random) => {
    const pair = drawPair(random, places);
    const [from, to] = random.chance(0.5) ? pair : [pair[1], pair[0]];
    return {
      words: `lose what ${placeWords(from)} sends to ${placeWords(to)}`,
      leases: lasting(random),
      aimedAt: (standing) => ({ kind: 'one-way', from: placeAt(standing, from), to: placeAt(standing, to) }),
    };
  },
  (random) => {
    const pair = drawPair(random, places);
    const addRttMs = random.pick([30, 120, 500]);
    return {
      words: `${addRttMs} ms more between ${pairWords(pair)}`,
      leases: lasting(random),
      aimedAt: (standing) => ({ kind: 'extra-latency', between: pairAt(standing, pair), addRttMs }),
    };
  },
  (random) => {
    const pair = drawPair(random, places);
    const percent = random.pick([2, 10, 30]);
    return {
      words: `${percent} percent lost between ${pairWords(pair)}`,
      leases: lasting(random),
      aimedAt: (standing) => ({ kind: 'loss', between: pairAt(standing, pair), percent }),
    };
  },
];

/** One link of a pair of sites, or everything on its physical route. */
export const linkLost: Draw = (random) => {
  const [from, to] = random.pick([
    ['active', 'standby'],
    ['active', 'witness'],
    ['standby', 'witness'],
  ] as const);
  const whole = random.chance(0.5);
  const at = random.fraction();
  return {
    words: `cut ${whole ? 'a physical route' : 'one link'} between ${pairWords([from, to])}`,
    leases: lasting(random),
    aimedAt: (standing) => {
      const sites = [siteAt(standing, from), siteAt(standing, to)];
      const links = standing.topology.links.filter(({ between }) => between.every((site) => sites.includes(site)));
      const link = links[Math.floor(at * links.length)];
      if (link === undefined) throw new Error(`this firm has no link between ${sites.join(' and ')}`);
      return whole ? { kind: 'path-down', pathGroup: link.pathGroup } : { kind: 'link-down', link: link.id };
    },
  };
};

/**
 * What breaks on any ground.
 * @param started instances that agents start again
 * @param homes what a host, or who watches over it, is named after
 * @param places the network has ways between them
 */
export const platformKinds = (
  started: readonly ComponentKind[],
  homes: readonly ComponentKind[],
  places: readonly Place[],
): readonly Draw[] => [
  ...started.flatMap((kind) => [ofInstance('kill', kind), ofInstance('freeze', kind)]),
  ...(['agent', 'warden'] as const).flatMap((what) => [
    besideInstance('kill', what, homes),
    besideInstance('freeze', what, homes),
  ]),
  ofController('kill'),
  ofController('freeze'),
  ofHost('freeze', homes, (host) => ({ kind: 'freeze', target: { kind: 'host', host } })),
  ofHost('silence', homes, (host) => ({ kind: 'host-silent', host })),
  ofHost('power off', homes, (host) => ({ kind: 'host-power-off', host })),
  ofSite('power off', (site) => ({ kind: 'site-power-off', site })),
  isolated,
  ...betweenPlaces(places),
];

const loopbackKinds: readonly Draw[] = [
  ...platformKinds(BROKEN_KINDS, BROKEN_KINDS, [...PLACES, 'authority']),
  ofAuthority('kill'),
  ofAuthority('freeze'),
];

/** How many kinds there are on loopback; so many faults in a row have none of them twice. */
export const faultKindsDrawn = loopbackKinds.length;
