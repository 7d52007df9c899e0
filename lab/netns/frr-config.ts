import { outsideLan, servicesNetwork, sitesNetwork } from './address-plan.ts';
import type { PlannedNeighbour, PlannedRouter } from './network-plan.ts';

/** Silence of three of these is the end of a path. */
export const bfdEveryMs = 50;
const bfdMisses = 3;

/** The files of `/etc/frr` that one router starts with, by name. Nothing of a service is in them: a router boots closed. */
export function frrFiles(router: PlannedRouter): Readonly<Record<string, string>> {
  const head = [`hostname ${router.id.replaceAll('/', '-')}`, 'log stdout informational'];
  const file = (...lines: readonly string[]) => `${[...head, ...lines].join('\n')}\n`;
  return {
    // What runs on a router speaks from the address that other sites know.
    'zebra.conf': file(
      'route-map own-address permit 10',
      ` set src ${router.routerId}`,
      'exit',
      'ip protocol bgp route-map own-address',
    ),
    'staticd.conf': file(),
    'bfdd.conf': file(
      'bfd',
      ' profile holdfast',
      `  detect-multiplier ${bfdMisses}`,
      `  transmit-interval ${bfdEveryMs}`,
      `  receive-interval ${bfdEveryMs}`,
      ' exit',
      'exit',
    ),
    'bgpd.conf': file(...bgp(router)),
    'vtysh.conf': 'no service integrated-vtysh-config\n',
  };
}

function bgp(router: PlannedRouter): readonly string[] {
  const { neighbours } = router;
  return [
    ...neighbours.flatMap((neighbour) => policyOf(router, neighbour)),
    `ip prefix-list services seq 5 permit ${servicesNetwork} le 32`,
    `ip prefix-list clients seq 5 permit ${outsideLan.network}`,
    ...(router.site === null
      ? [`ip prefix-list sites seq 5 permit ${sitesNetwork} ge 24 le 24`]
      : router.prefixes.map((prefix, index) => `ip prefix-list own seq ${5 + index} permit ${prefix}`)),
    `router bgp ${router.as}`,
    ` bgp router-id ${router.routerId}`,
    ' bgp log-neighbor-changes',
    ' no bgp ebgp-requires-policy',
    ' no bgp network import-check',
    ' timers bgp 1 3',
    ...neighbours.flatMap(({ address, as, kind, link }) => [
      ` neighbor ${address} remote-as ${as}`,
      ` neighbor ${address} description ${kind === 'link' ? `link ${link}` : kind}`,
      ` neighbor ${address} bfd profile holdfast`,
      ` neighbor ${address} timers connect 1`,
      ...(kind === 'inside' ? [] : [` neighbor ${address} advertisement-interval 0`]),
    ]),
    ' address-family ipv4 unicast',
    ...router.prefixes.map((prefix) => `  network ${prefix}`),
    ...neighbours.flatMap(({ address, kind }) => [
      ...(kind === 'inside'
        ? [`  neighbor ${address} next-hop-self`, `  neighbor ${address} addpath-tx-all-paths`]
        : [`  neighbor ${address} route-map ${nameOf(address)}-in in`]),
      ...(kind === 'outside' ? [`  neighbor ${address} route-map ${nameOf(address)}-out out`] : []),
    ]),
    ' exit-address-family',
    'exit',
  ];
}

/**
 * Over a link the other site's own prefixes get the link's preference; what it merely passes on does not, so that a third site is
 * reached directly. Clients learn services and each site's own network from the site itself, and sites learn the clients and nothing
 * else from there.
 */
function policyOf(router: PlannedRouter, { address, as, kind, localPreference }: PlannedNeighbour): readonly string[] {
  const name = nameOf(address);
  const permit = (direction: 'in' | 'out', ...lists: readonly string[]) =>
    lists.flatMap((list, index) => [
      `route-map ${name}-${direction} permit ${10 * (index + 1)}`,
      ` match ip address prefix-list ${list}`,
      'exit',
    ]);
  if (kind === 'inside') return [];
  if (kind === 'outside')
    return router.site === null
      ? [...permit('in', 'services', 'sites'), ...permit('out', 'clients')]
      : [...permit('in', 'clients'), ...permit('out', 'services', 'own')];
  return [
    `bgp as-path access-list ${name} seq 5 permit ^${as}$`,
    `route-map ${name}-in permit 10`,
    ` match as-path ${name}`,
    ` set local-preference ${localPreference ?? 100}`,
    'exit',
    `route-map ${name}-in permit 20`,
    'exit',
  ];
}

const nameOf = (address: string): string => `from-${address.replaceAll('.', '-')}`;
