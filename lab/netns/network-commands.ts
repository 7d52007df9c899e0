import type { NetworkPlan, PlannedRouter, PlannedWire, WireEnd } from './network-plan.ts';

/** How a wire gets its latency: by the kernel, or by the delayer that holds what arrives. */
export type DelayBy = 'netem' | 'queue';

/** A queue of the delayer: packets that arrive at one end of one wire. */
export interface DelayQueue {
  readonly id: string;
  readonly namespace: string;
  readonly interface: string;
  readonly queue: number;
  readonly delayMs: number;
}

/** What is lost before routing sees it: an interface in this set receives nothing until its element runs out. */
export const cutTable = 'holdfast';
export const cutSet = 'silent';
/** Of a site's router: networks from which nothing gets into that of its site, over whichever interface it comes. */
export const unheardSet = 'unheard';

export const namespacesOf = ({ nodes, switches }: NetworkPlan): readonly string[] =>
  [...nodes, ...switches].map(({ namespace }) => namespace);

export const endKey = ({ namespace, interface: name }: Pick<WireEnd, 'namespace' | 'interface'>): string =>
  `${namespace} ${name}`;

/** For `ip -batch -`: every namespace and every pair of interfaces, none of which is ever in the caller's own namespace. */
export function creationBatch(plan: NetworkPlan): string {
  const lines = [
    ...namespacesOf(plan).map((namespace) => `netns add ${namespace}`),
    ...plan.wires.map(({ ends: [left, right] }) => `link add ${nameAt(left)} type veth peer name ${nameAt(right)}`),
  ];
  return `${lines.join('\n')}\n`;
}

const nameAt = ({ interface: name, namespace }: WireEnd): string => `${name} netns ${namespace}`;

/** For `sh -s` inside one namespace, once everything of `creationBatch` is there. */
export function namespaceScript(plan: NetworkPlan, namespace: string, delayBy: DelayBy): string {
  const wires = plan.wires.filter(({ ends }) => ends.some((end) => end.namespace === namespace));
  const ends = wires.map((wire) => ({ wire, end: wire.ends.find((end) => end.namespace === namespace)! }));
  const node = plan.nodes.find((candidate) => candidate.namespace === namespace) ?? null;
  const isSwitch = plan.switches.some((candidate) => candidate.namespace === namespace);
  return [
    'set -eu',
    ...settings(node?.kind === 'router').map(([key, value]) => `echo ${value} > /proc/sys/net/${key}`),
    'ip -batch - <<END',
    'link set lo up',
    ...(node?.ownAddresses ?? []).map((address) => `addr add ${address} dev lo`),
    ...(isSwitch ? ['link add name bridge0 type bridge', 'link set bridge0 up'] : []),
    ...ends.flatMap(({ end }) => [
      ...(end.address === null
        ? [`link set ${end.interface} master bridge0`]
        : [`addr add ${end.address} dev ${end.interface}`]),
      `link set ${end.interface} up`,
    ]),
    ...(node?.gateway == null ? [] : [`route add default via ${node.gateway}`]),
    'END',
    ...cutRules(ends.map(({ end }) => end.interface)),
    ...unheardRules(plan.routers.find(({ id }) => id === node?.id) ?? null),
    ...ends.flatMap(({ wire, end }) => shaping(wire, end, delayBy)),
    ...(delayBy === 'queue' ? queueRules(delayQueues(plan).filter((queue) => queue.namespace === namespace)) : []),
    '',
  ].join('\n');
}

/** One queue for every end at which something is delayed; its number is unique in its namespace. */
export function delayQueues(plan: NetworkPlan): readonly DelayQueue[] {
  const used = new Map<string, number>();
  return plan.wires
    .flatMap(({ ends }) => ends)
    .filter(({ delayMs }) => delayMs > 0)
    .map((end) => {
      const queue = (used.get(end.namespace) ?? 0) + 1;
      used.set(end.namespace, queue);
      const { namespace, interface: name, delayMs } = end;
      return { id: endKey(end), namespace, interface: name, queue, delayMs };
    });
}

/** Arguments of `tc` for netem at one end: what is sent here arrives delayed at the other. */
export function netemArguments(
  wire: PlannedWire,
  end: WireEnd,
  now: { readonly verb: 'add' | 'change'; readonly addMs: number; readonly lossPercent: number },
): readonly string[] {
  const other = wire.ends[0] === end ? wire.ends[1] : wire.ends[0];
  const rate = wire.mbps === null ? [] : ['rate', `${wire.mbps}mbit`];
  const loss = now.lossPercent > 0 ? ['loss', `${now.lossPercent}%`] : [];
  const delay = ['delay', `${other.delayMs + now.addMs}ms`, 'limit', '100000'];
  return ['qdisc', now.verb, 'dev', end.interface, 'root', 'netem', ...delay, ...rate, ...loss];
}

function settings(forwards: boolean): readonly (readonly [string, number])[] {
  const both = ['all', 'default'];
  return [
    ['ipv4/ip_forward', forwards ? 1 : 0],
    ...both.flatMap((scope) => [
      [`ipv4/conf/${scope}/rp_filter`, 0] as const,
      [`ipv4/conf/${scope}/arp_ignore`, 1] as const,
      [`ipv4/conf/${scope}/arp_announce`, 2] as const,
      [`ipv4/conf/${scope}/send_redirects`, 0] as const,
      [`ipv4/conf/${scope}/accept_redirects`, 0] as const,
      [`ipv6/conf/${scope}/disable_ipv6`, 1] as const,
    ]),
    // Service addresses are bound before they are routed here, and pings may be sent by anybody.
    ['ipv4/ip_nonlocal_bind', 1],
  ];
}

const cutRules = (interfaces: readonly string[]): readonly string[] => [
  'nft -f - <<END',
  `add table netdev ${cutTable}`,
  `add set netdev ${cutTable} ${cutSet} { type ifname; flags timeout; }`,
  `add chain netdev ${cutTable} arriving { type filter hook ingress devices = { ${interfaces.join(', ')} } priority -500; policy accept; }`,
  `add rule netdev ${cutTable} arriving iifname @${cutSet} drop`,
  'END',
];

/** In routing, so that what comes out of a tunnel is met as well. */
const unheardRules = (router: PlannedRouter | null): readonly string[] =>
  router === null || router.site === null
    ? []
    : [
        'nft -f - <<END',
        `add table ip ${cutTable}`,
        `add set ip ${cutTable} ${unheardSet} { type ipv4_addr; flags timeout; }`,
        `add chain ip ${cutTable} arriving { type filter hook prerouting priority -300; policy accept; }`,
        ...router.prefixes.map(
          (prefix) =>
            `add rule ip ${cutTable} arriving ip daddr ${prefix} ip saddr & 255.255.255.0 @${unheardSet} drop`,
        ),
        'END',
      ];

function shaping(wire: PlannedWire, end: WireEnd, delayBy: DelayBy): readonly string[] {
  if (delayBy === 'netem') {
    if (wire.mbps === null && wire.ends.every(({ delayMs }) => delayMs === 0)) return [];
    return [`tc ${netemArguments(wire, end, { verb: 'add', addMs: 0, lossPercent: 0 }).join(' ')}`];
  }
  if (wire.mbps === null) return [];
  // What may be sent between two ticks of the kernel, at the least one large segment.
  const burstBytes = Math.max(131_072, Math.ceil((wire.mbps * 1e6) / 8 / 250));
  return [`tc qdisc add dev ${end.interface} root tbf rate ${wire.mbps}mbit burst ${burstBytes} latency 50ms`];
}

const queueRules = (queues: readonly DelayQueue[]): readonly string[] =>
  queues.length === 0
    ? []
    : [
        'iptables-restore <<END',
        '*mangle',
        ...queues.map(({ interface: name, queue }) => `-A PREROUTING -i ${name} -j NFQUEUE --queue-num ${queue}`),
        'COMMIT',
        'END',
      ];
