import { routerId } from '../../../lab/netns/network-plan.ts';
import { etcdctl, etcdVoters } from '../../../lab/netns/servers/etcd.ts';
import { ordersPort, proxyNodes } from '../../../lab/netns/servers/haproxy.ts';
import { announcedService, servicesPrefix } from '../../../lab/netns/servers/led-routes.ts';
import { proxyAddress } from '../../../lab/netns/servers/shared-address.ts';
import { siteId } from '../../../src/core/base/ids.ts';
import type { LabUnderTest } from '../../lab/lab-under-test.ts';
import { LedFirm } from './led-firm.ts';

/** Routers and shared addresses of one site, as they themselves say. */
export interface SiteRoutes {
  /** Of each router: whether it announces the service itself. */
  readonly announced: readonly (boolean | string)[];
  /** Machines that have the address of the site's proxies. */
  readonly holders: readonly string[];
}

/** What is kept of each service: its address, `nowhere`, or what else is there. */
export type Services = Readonly<Record<string, { readonly address: string | null; readonly epoch: number } | null>>;

const services = ['orders', 'database'] as const;

/** A firm behind its servers, with routers, shared addresses and records of services that are asked without their agents. */
export class RoutedFirm extends LedFirm {
  readonly address: string;
  readonly #prefix: string;

  constructor(lab: LabUnderTest) {
    super(lab);
    const { address, prefix } = announcedService(this.placement)!;
    this.address = address;
    this.#prefix = prefix;
  }

  async routes(site: string): Promise<SiteRoutes> {
    const [announced, holders] = await Promise.all([
      Promise.all([1, 2].map((number) => this.#announces(routerId(siteId(site), number)))),
      this.#holders(site),
    ]);
    return { announced, holders };
  }

  /** The engine that answers a client outside every site at the announced address; null where nobody does. */
  async atService(): Promise<string | null> {
    return this.answers({ host: this.address, port: ordersPort });
  }

  /** Read with a quorum, at the vote of that site. */
  async services(site: string): Promise<Services> {
    const voter = etcdVoters(this.placement).find(({ name }) => name === site)!;
    const text = await this.under.run(voter.node.id, ...etcdctl('get', '--prefix', servicesPrefix));
    const lines = text.split('\n');
    return Object.fromEntries(
      services.map((service) => {
        const at = lines.indexOf(`${servicesPrefix}${service}`);
        return [service, at < 0 ? null : JSON.parse(lines[at + 1]!)];
      }),
    );
  }

  async #announces(router: string): Promise<boolean | string> {
    const answer = await this.under.vty(router)('bgpd', [`show bgp ipv4 unicast ${this.#prefix} json`], {
      deadlineMs: 3_000,
    });
    return answer.kind === 'ok' ? answer.text.includes('"sourced":true') : `unknown: ${answer.reason}`;
  }

  async #holders(site: string): Promise<readonly string[]> {
    const nodes = proxyNodes(this.placement).filter((node) => node.site === site);
    const found = await Promise.all(
      nodes.map(async (node) => {
        const address = proxyAddress(this.placement, node).replace(/\/.*/, '');
        const said = await this.under.run(node.id, 'ip', '-j', 'addr', 'show', 'dev', 'lan');
        return said.includes(`"local":"${address}"`) ? [node.host!] : [];
      }),
    );
    return found.flat();
  }
}
