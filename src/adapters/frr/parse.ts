import { Fields } from '../../wire/fields.ts';

/** One BGP session, as the router that asks has it. */
export interface BgpSession {
  readonly neighbour: string;
  readonly as: number;
  readonly description: string | null;
  readonly established: boolean;
  /** FRR's own word, e.g. `Established`, `Active`, `Idle`. */
  readonly state: string;
  readonly upMs: number;
  readonly prefixesReceived: number;
  readonly dropped: number;
}

/** One BFD session: whether the path to a neighbour carries packets both ways. */
export interface BfdSession {
  readonly neighbour: string;
  readonly status: 'up' | 'down' | 'init' | 'shutdown';
  /** Of the present status. */
  readonly forMs: number;
  readonly diagnostic: string;
}

/** What a router has of one prefix. */
export interface PrefixState {
  /** It announces the prefix itself. */
  readonly sourced: boolean;
  /** Neighbours that were told of its own announcement. */
  readonly advertisedTo: readonly string[];
  /** Ways that others have told it of; the best one first. No AS path: from the same autonomous system. */
  readonly learnt: readonly { readonly from: string; readonly asPath: string; readonly best: boolean }[];
}

/** `show bgp summary json`. @throws ShapeError */
export function parseBgpSummary(text: string): readonly BgpSession[] {
  const summary = Fields.parse(text, 'bgp summary');
  if (!summary.has('ipv4Unicast')) return [];
  const peers = record(member(text, 'ipv4Unicast', 'peers'), 'peers');
  return Object.entries(peers).map(([neighbour, value]) => {
    const peer = Fields.of(value, `peers.${neighbour}`);
    const state = peer.text('state');
    return {
      neighbour,
      as: peer.count('remoteAs'),
      description: peer.textOrNull('desc'),
      established: state === 'Established',
      state,
      upMs: peer.count('peerUptimeMsec', 0),
      prefixesReceived: peer.count('pfxRcd', 0),
      dropped: peer.count('connectionsDropped', 0),
    };
  });
}

/** `show bfd peers json`. @throws ShapeError */
export function parseBfdPeers(text: string): readonly BfdSession[] {
  const peers: unknown = JSON.parse(text);
  if (!Array.isArray(peers)) throw new Error('"bfd peers" must be a list');
  return peers.map((value: unknown, index) => {
    const peer = Fields.of(value, `bfd.${index}`);
    const status = peer.text('status');
    return {
      neighbour: peer.text('peer'),
      status: status === 'up' || status === 'init' || status === 'shutdown' ? status : 'down',
      // FRR counts whole seconds here.
      forMs: 1000 * peer.count(status === 'up' ? 'uptime' : 'downtime', 0),
      diagnostic: peer.words('diagnostic', ''),
    };
  });
}

/** `show bgp ipv4 unicast PREFIX json`; an empty object where the prefix is not known at all. @throws ShapeError */
export function parsePrefix(text: string): PrefixState {
  const answer = JSON.parse(text) as { readonly paths?: unknown };
  const paths = Array.isArray(answer.paths) ? (answer.paths as readonly PathJson[]) : [];
  const own = paths.find(({ sourced, local }) => sourced === true && local === true);
  const learnt = paths
    .filter((path) => path !== own)
    .map(({ peer, aspath, bestpath }) => ({
      from: peer?.peerId ?? '',
      asPath: aspath?.string === fromInside ? '' : (aspath?.string ?? ''),
      best: bestpath?.overall === true,
    }))
    .toSorted((left, right) => Number(right.best) - Number(left.best));
  return { sourced: own !== undefined, advertisedTo: Object.keys(own?.advertisedTo ?? {}), learnt };
}

/** FRR's own word for a path without an AS. */
const fromInside = 'Local';

interface PathJson {
  readonly sourced?: boolean;
  readonly local?: boolean;
  readonly advertisedTo?: Readonly<Record<string, unknown>>;
  readonly aspath?: { readonly string?: string };
  readonly bestpath?: { readonly overall?: boolean };
  readonly peer?: { readonly peerId?: string };
}

/** The lines with which a router has ways of its own to a prefix, from `show running-config staticd`. */
export const parseStatics = (running: string, prefix: string): readonly string[] =>
  running.split('\n').filter((line) => line.startsWith(`ip route ${prefix} `));

export const nextHopOf = (line: string): string => line.split(' ')[3] ?? '';

/** Of these prefixes the ones that a saved configuration announces: a router that starts with it does so, whoever has the traffic. */
export const savedAnnouncements = (saved: string, prefixes: readonly string[]): readonly string[] => {
  const lines = saved.split('\n').map((line) => line.trim());
  return prefixes.filter((prefix) =>
    lines.some((line) => line === `network ${prefix}` || line.startsWith(`network ${prefix} `)),
  );
};

/** `show version`, e.g. `8.4.4`; null when it is not FRR's. */
export const parseVersion = (text: string): string | null => /^FRRouting (\d+(?:\.\d+)*)/m.exec(text)?.[1] ?? null;

/** The local preference that a rule of a route map sets, from `show running-config bgpd`; null when it sets none. */
export function parsePreference(
  running: string,
  rule: { readonly routeMap: string; readonly sequence: number },
): number | null {
  const lines = running.split('\n');
  const start = lines.indexOf(`route-map ${rule.routeMap} permit ${rule.sequence}`);
  if (start < 0) return null;
  const body = lines.slice(start + 1);
  const end = body.findIndex((line) => !line.startsWith(' '));
  const set = body.slice(0, end < 0 ? undefined : end).find((line) => line.startsWith(' set local-preference '));
  return set === undefined ? null : Number(set.split(' ').at(-1));
}

const member = (text: string, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => record(value, name)[name], JSON.parse(text));

function record(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`"${at}" must be an object`);
  return value as Readonly<Record<string, unknown>>;
}
