import type { LinkId, SiteId } from '../../src/core/base/ids.ts';
import { type NetworkPlan, routerId } from './network-plan.ts';
import { tryCommand } from './run-command.ts';

interface Hop {
  readonly link: LinkId | null;
  readonly router: string;
}

/** Asks the routers' kernels where they would send something. */
export class RouteLook {
  readonly #plan: NetworkPlan;
  /** By the address at which a router is reached. */
  readonly #hops = new Map<string, Hop>();

  constructor(plan: NetworkPlan) {
    this.#plan = plan;
    const bare = (address: string) => address.replace(/\/.*/, '');
    for (const { ends, link } of plan.wires)
      for (const { at, address } of ends)
        if (address !== null && at.startsWith('router/')) this.#hops.set(bare(address), { link, router: at });
    for (const { ends, link } of plan.tunnels)
      for (const { address, router } of ends) this.#hops.set(bare(address), { link, router });
  }

  /** The links that traffic from one site's preferred router to another site takes; null when there is no way. */
  async linksBetween(from: SiteId, to: SiteId): Promise<readonly LinkId[] | null> {
    const target = this.#plan.routers.find(({ site }) => site === to)?.routerId;
    const links: LinkId[] = [];
    let router = routerId(from, 1);
    for (let hops = 0; target !== undefined && hops < 12; hops += 1) {
      const next = await this.#nextHop(router, target);
      if (next === null) return null;
      if (next === 'here') return links;
      if (next.link !== null) links.push(next.link);
      router = next.router;
    }
    return null;
  }

  async #nextHop(router: string, target: string): Promise<Hop | 'here' | null> {
    const namespace = this.#plan.nodes.find(({ id }) => id === router)!.namespace;
    const { code, stdout } = await tryCommand('ip', ['-n', namespace, '-j', 'route', 'get', target], {
      deadlineMs: 2_000,
    });
    if (code !== 0) return null;
    const [route] = JSON.parse(stdout) as readonly { readonly gateway?: string; readonly dev?: string }[];
    if (route === undefined) return null;
    return route.gateway === undefined ? 'here' : (this.#hops.get(route.gateway) ?? null);
  }
}
