import type { SiteId } from '../../../src/core/base/ids.ts';
import type { ServedKind } from '../../../src/core/topology/served.ts';
import { instanceEndpoint } from '../../layout.ts';
import { siteLan } from '../address-plan.ts';
import type { PlannedService } from '../network-plan.ts';
import { etcdVoters } from './etcd.ts';
import { proxyNodes } from './haproxy.ts';
import type { LedKind } from './led-servers.ts';
import { homeOf, lanAddress, type Placement } from './placement.ts';
import { proxyAddress, sharedAddressFiles, vrrpInstance } from './shared-address.ts';

/** What services are kept under in the lab's etcd, apart from what the authority keeps there. */
export const servicesPrefix = 'services/';
/** What bgpd of a router starts with, on that router. */
const bgpdFile = '/etc/frr/bgpd.conf';

/** Where clients find the proxies of a site: at the address that they share where agents weigh it, else at the first one. */
export function siteAddress(ground: Placement, site: SiteId | null): string | undefined {
  const { topology, plan } = ground;
  const proxies = proxyNodes(ground).filter((node) => node.site === site);
  const shares = topology.components.some(
    ({ kind, instances }) =>
      kind === 'keepalived' && instances.some(({ host }) => proxies.some((node) => node.host === host)),
  );
  if (shares) return siteLan(topology.sites.findIndex(({ id }) => id === site)).proxies;
  return proxies[0] === undefined ? undefined : lanAddress(plan, proxies[0]);
}

/** The service of which routers announce the prefix wherever the traffic is; null where agents lead no routers to proxies. */
export function announcedService({ topology, plan }: Placement): PlannedService | null {
  const led = (kind: ServedKind) => topology.components.filter((each) => each.kind === kind);
  const prefixes = led('frr').flatMap(({ served }) => Object.keys(served?.leads ?? {}));
  if (led('haproxy').length === 0) return null;
  return plan.services.find(({ prefix }) => prefixes.includes(prefix)) ?? null;
}

/** Routers, shared addresses and records of services, as a lab has them. */
export const routeKinds = {
  frr: {
    leads: (name, { plan }) => (plan.services.some(({ prefix }) => prefix === name) ? ['front'] : []),
    calls: (ground, instance) => {
      const { node } = homeOf(ground, instance);
      return announcedService(ground) === null ? lanAddress(ground.plan, node) : siteAddress(ground, node.site)!;
    },
    options: ({ plan }, node) => ({
      autonomousSystem: String(plan.routers.find(({ id }) => id === node.id)!.as),
      configFile: bgpdFile,
    }),
  },
  keepalived: {
    leads: (name) => (name === vrrpInstance ? ['haproxy'] : []),
    calls: (_, instance) => instance,
    options: (ground, node) => ({
      sharedAddress: proxyAddress(ground, node),
      interface: 'lan',
      ...sharedAddressFiles,
    }),
  },
  discovery: {
    leads: () => ['front', 'postgres'],
    calls: ({ book, ...ground }, instance) => {
      const service = homeOf(ground, instance).kind === 'front' ? 'orders' : 'sql';
      const { host, port } = book.realAddress(instanceEndpoint(instance, service));
      return `${host}:${port}`;
    },
    options: (ground, node) => {
      const voters = etcdVoters(ground);
      const { ca, cert, key } = ground.agentIdentity(node.host!);
      return {
        address: (voters.find(({ name }) => name === node.site) ?? voters[0]!).client,
        keyPrefix: servicesPrefix,
        caFile: ca,
        certFile: cert,
        keyFile: key,
      };
    },
  },
} as const satisfies Partial<Record<ServedKind, LedKind>>;
