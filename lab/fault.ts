import type { HostId, InstanceId, LinkId, SiteId } from '../src/core/base/ids.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { LabError } from './lab-error.ts';
import type { PlaceId } from './layout.ts';

/** What a fault of a process is aimed at. */
export type ProcessTarget =
  | { readonly kind: 'instance'; readonly instance: InstanceId }
  | { readonly kind: 'agent'; readonly host: HostId }
  | { readonly kind: 'warden'; readonly host: HostId }
  | { readonly kind: 'controller'; readonly site: SiteId }
  /** Agent, warden and every instance of the host. */
  | { readonly kind: 'host'; readonly host: HostId }
  /** Any process of the lab by its key, e.g. `authority`, `venue/nyse`, `load`. */
  | { readonly kind: 'process'; readonly key: string };

/**
 * Of two sites: what goes through a third one is lost as well, and routers notice nothing. Left out, their links are cut, and routers lead
 * around that where they are real.
 */
export type AnyWay = 'any-way';

/** What the network can do. Bytes on a cut path vanish from sight: no FIN, no reset, held until it heals. */
export type NetworkFault =
  | { readonly kind: 'link-down'; readonly link: LinkId }
  /** Every link on one physical route. */
  | { readonly kind: 'path-down'; readonly pathGroup: string }
  /** Both ways, over every link of the pair; also site–venue, site–outside, site–authority. */
  | { readonly kind: 'cut'; readonly between: readonly [PlaceId, PlaceId]; readonly over?: AnyWay }
  /** What is sent from one place to the other is lost; the way back works. */
  | { readonly kind: 'one-way'; readonly from: PlaceId; readonly to: PlaceId; readonly over?: AnyWay }
  /** All of a site's paths. `keep` leaves its clients' or its venues' paths open: the harder case. */
  | { readonly kind: 'site-isolated'; readonly site: SiteId; readonly keep?: readonly ('outside' | 'venues')[] }
  | { readonly kind: 'extra-latency'; readonly between: readonly [PlaceId, PlaceId]; readonly addRttMs: number }
  /** Each chunk is late by a retransmission with this probability; order is kept, as TCP does. */
  | { readonly kind: 'loss'; readonly between: readonly [PlaceId, PlaceId]; readonly percent: number }
  | { readonly kind: 'host-silent'; readonly host: HostId };

export type PowerFault =
  | { readonly kind: 'host-power-off'; readonly host: HostId }
  | { readonly kind: 'site-power-off'; readonly site: SiteId };

export type ProcessFault =
  | { readonly kind: 'freeze'; readonly target: ProcessTarget }
  /** At once and for good: whoever supervises the target decides what happens next. Has no expiry. */
  | { readonly kind: 'kill'; readonly target: ProcessTarget };

/** The authority comes back from its last copy, having forgotten what it acknowledged since. Over at once, and has no expiry. */
export interface AuthorityFault {
  readonly kind: 'authority-restored';
}

export type Fault = NetworkFault | PowerFault | ProcessFault | AuthorityFault;

/** Nothing of it is left that could heal. */
export const isOverAtOnce = ({ kind }: Fault): boolean => kind === 'kill' || kind === 'authority-restored';

/** A fault in force. Times are the ground's monotonic milliseconds. */
export interface ActiveFault {
  readonly id: string;
  readonly fault: Fault;
  readonly startedAt: number;
  readonly expiresAt: number;
}

export const longestFaultMs = 24 * 3_600_000;

/**
 * Refuses a fault that names something the topology does not have or that would not end by itself.
 * @param machines that this ground has beside the topology's hosts, which lose power and fall silent as those do
 * @throws LabError HF-7007
 */
export function checkFault(
  topology: Topology,
  fault: Fault,
  expiresInMs: number | null,
  machines: readonly string[] = [],
): void {
  if (!isOverAtOnce(fault)) {
    if (expiresInMs === null || !Number.isFinite(expiresInMs) || expiresInMs <= 0 || expiresInMs > longestFaultMs)
      refuse(fault, `its expiry is ${expiresInMs ?? 'missing'}`, 'every fault needs an expiry between 1 ms and 24 h');
  }
  if (!faultKinds.includes(fault.kind))
    refuse(fault, `"${fault.kind}" is not a kind of fault`, `use one of: ${faultKinds.join(', ')}`);
  for (const { what, name, names } of namesIn(topology, fault, machines))
    if (!names.includes(name))
      refuse(fault, `there is no ${what} "${name}"`, `use one of: ${[...new Set(names)].join(', ')}`);
  if (fault.kind === 'loss' && !(fault.percent >= 0 && fault.percent <= 100))
    refuse(fault, `${fault.percent} percent`, 'give a percentage between 0 and 100');
  if (fault.kind === 'extra-latency' && !(fault.addRttMs >= 0 && fault.addRttMs <= 60_000))
    refuse(fault, `${fault.addRttMs} ms`, 'give a round trip between 0 and 60000 ms');
}

const faultKinds: readonly Fault['kind'][] = [
  'link-down',
  'path-down',
  'cut',
  'one-way',
  'site-isolated',
  'extra-latency',
  'loss',
  'host-silent',
  'host-power-off',
  'site-power-off',
  'freeze',
  'kill',
  'authority-restored',
];

interface NameUse {
  readonly what: string;
  readonly name: string;
  readonly names: readonly string[];
}

function namesIn(topology: Topology, fault: Fault, machines: readonly string[]): readonly NameUse[] {
  const link = (name: string): NameUse => ({ what: 'link', name, names: topology.links.map(({ id }) => id) });
  const site = (name: string): NameUse => ({ what: 'site', name, names: topology.sites.map(({ id }) => id) });
  const host = (name: string): NameUse => ({
    what: 'host',
    name,
    names: [...topology.hosts.map(({ id }) => id), ...machines],
  });
  const place = (name: string): NameUse => ({ what: 'place', name, names: placesOf(topology) });
  switch (fault.kind) {
    case 'authority-restored':
      return [];
    case 'link-down':
      return [link(fault.link)];
    case 'path-down':
      return [{ what: 'path group', name: fault.pathGroup, names: topology.links.map(({ pathGroup }) => pathGroup) }];
    case 'one-way':
      return [place(fault.from), place(fault.to)];
    case 'cut':
    case 'extra-latency':
    case 'loss':
      return fault.between.map(place);
    case 'site-isolated':
    case 'site-power-off':
      return [site(fault.site)];
    case 'host-silent':
    case 'host-power-off':
      return [host(fault.host)];
    case 'freeze':
    case 'kill':
      switch (fault.target.kind) {
        case 'instance': {
          const names = topology.components.flatMap(({ instances }) => instances.map(({ id }) => id));
          return [{ what: 'instance', name: fault.target.instance, names }];
        }
        case 'agent':
        case 'warden':
        case 'host':
          return [host(fault.target.host)];
        case 'controller':
          return [site(fault.target.site)];
        case 'process':
          return [];
      }
  }
}

const placesOf = (topology: Topology): readonly string[] => [
  ...topology.sites.map((site) => site.id),
  ...topology.venues.map((venue) => venue.id),
  'outside',
  'authority',
];

/** As it stands on the command line, e.g. `kill instance engine-a`. */
export const faultWords = (fault: Fault): string => wordsIn(fault).join(' ');

const wordsIn = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null
    ? Object.values(value).flatMap(wordsIn)
    : value === undefined
      ? []
      : [String(value)];

function refuse(fault: Fault, found: string, next: string): never {
  throw new LabError({ code: 'HF-7007', attempted: `break ${faultWords(fault)}`, found, next });
}
