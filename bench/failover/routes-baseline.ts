import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { labBreak } from '../../lab/cli.ts';
import type { NetworkFault } from '../../lab/fault.ts';
import { siteLan } from '../../lab/netns/address-plan.ts';
import type { ProbeReport } from '../../lab/netns/path-probe.ts';
import { RouteLook } from '../../lab/netns/route-look.ts';
import { waitFor } from '../../lab/wait.ts';
import { hostId, linkId } from '../../src/core/base/ids.ts';
import type { Link, Site } from '../../src/core/topology/topology.ts';
import { type BaselineOptions, type FaultName, notSeen, playRounds, type Round, type Series } from './failover-run.ts';
import { describeBgp, describeKeepalived } from './live-timers.ts';

/** keepalived's own when nothing is configured. */
const vrrpDefaultEveryMs = 1_000;
/** FRR's for data centres, and those that BGP is specified with. */
const bgpDefaults = [
  { by: 'bgp', keepAliveS: 3, holdS: 9, long: false },
  { by: 'bgp-180s', keepAliveS: 60, holdS: 180, long: true },
] as const;
/** Of what comes back, before and after. */
const steadyMs = 1_500;
const settledWithinMs = 120_000;
const dumpWithinMs = 5_000;
const vrrpPidFile = '/run/keepalived.pid';

/** keepalived and BGP, with the timers that the lab has, which are ours, and with those that they come with. Probes are small datagrams, every 5 ms. */
export class RoutesBaseline {
  readonly #options: BaselineOptions;
  readonly #site: Site;
  readonly #link: Link;

  constructor(options: BaselineOptions) {
    const { sites, links } = options.servers.ground.topology;
    this.#options = options;
    this.#site = sites[0]!;
    this.#link = links.find(({ between }) => between.join() === `${sites[0]!.id},${sites[1]!.id}`)!;
  }

  /**
   * The router that has the shared address hears and says nothing; a host of its site asks the address. Ours first: routers keep the timers
   * that they were given.
   */
  async gatewaySilent(side: Series['side']): Promise<readonly Series[]> {
    if (side === 'ours') return [await this.#gateway('holdfast', side)];
    for (const router of this.#gateways) {
      const file = join(this.#under.context.stateOf(router), 'keepalived.conf');
      const text = readFileSync(file, 'utf8').replace(/advert_int .*/, `advert_int ${vrrpDefaultEveryMs / 1000}`);
      writeFileSync(file, text, { mode: 0o600 });
      await this.#under.run(router, 'sh', '-c', `kill -HUP "$(cat ${vrrpPidFile})"`);
    }
    const says = async () => (await this.#vrrpTimers())?.startsWith(`advert ${vrrpDefaultEveryMs} ms,`) === true;
    await waitFor('keepalived to have its own timers', says, settledWithinMs);
    return [await this.#gateway('keepalived', side)];
  }

  /** The preferred link between two sites loses everything, and no interface goes down; an observer of one asks one of the other. Ours first. */
  async linkSilent(side: Series['side']): Promise<readonly Series[]> {
    if (side === 'ours') return [await this.#path('holdfast', side)];
    const series: Series[] = [];
    for (const { by, keepAliveS, holdS, long } of bgpDefaults) {
      if (long && !this.#options.long) continue;
      await this.#speakBgp(keepAliveS, holdS);
      series.push(await this.#path(by, side));
    }
    return series;
  }

  #gateway(by: string, side: Series['side']): Promise<Series> {
    const [first, second] = this.#gateways;
    const lan = siteLan(this.#options.servers.ground.topology.sites.indexOf(this.#site));
    const host = this.#under.context.plan.nodes.find(({ kind, site }) => kind === 'host' && site === this.#site.id)!;
    const isFirst = async () => {
      const said = await Promise.all(
        this.#gateways.map((router) => this.#under.run(router, 'ip', '-j', 'addr', 'show', 'dev', 'lan')),
      );
      return (
        said.findIndex((text) => text.includes(`"${lan.gateway}"`)) === 0 && !said[1]!.includes(`"${lan.gateway}"`)
      );
    };
    return this.#series(
      'gateway-silent',
      { by, side },
      () => this.#vrrpTimers(),
      async () => {
        await waitFor('the first router to have the shared address alone', isFirst, settledWithinMs);
        const other = await this.#under.startEcho(second!);
        try {
          const to = { node: first!, address: lan.gateway };
          return await this.#silence(host.id, to, { kind: 'host-silent', host: hostId(first!) }, async () => {
            const text = await this.#under.run(second!, 'ip', '-j', 'addr', 'show', 'dev', 'lan');
            return text.includes(`"${lan.gateway}"`);
          });
        } finally {
          await this.#under.end(other);
        }
      },
    );
  }

  #path(by: string, side: Series['side']): Promise<Series> {
    const { topology, plan } = this.#options.servers.ground;
    const look = new RouteLook(plan);
    const [from, to] = [topology.sites[0]!, topology.sites[1]!];
    const via = async () => (await look.linksBetween(from.id, to.id))?.join() ?? null;
    return this.#series(
      'link-silent',
      { by, side },
      () => this.#bgpTimers(),
      async () => {
        await waitFor('the preferred path', async () => (await via()) === this.#link.id, settledWithinMs);
        const target = { node: `observer/${to.id}`, address: siteLan(1).observer };
        return this.#silence(
          `observer/${from.id}`,
          target,
          { kind: 'link-down', link: linkId(this.#link.id) },
          async () => {
            const now = await via();
            return now !== null && now !== this.#link.id;
          },
        );
      },
    );
  }

  async #series(
    fault: FaultName,
    { by, side }: Pick<Series, 'by' | 'side'>,
    timersNow: () => Promise<string | null>,
    play: () => Promise<Round>,
  ): Promise<Series> {
    const timers = await timersNow();
    const rounds = await playRounds(this.#options, `${fault}, ${by}`, play);
    return { fault, by, side, timers, rounds };
  }

  async #silence(
    from: string,
    to: { readonly node: string; readonly address: string },
    fault: NetworkFault,
    isAround: () => Promise<boolean>,
  ): Promise<Round> {
    const { servers } = this.#options;
    let id: string | null = null;
    try {
      const report: ProbeReport = await this.#under.probed(from, to, async () => {
        await pause(steadyMs);
        id = (await labBreak(servers.lab, fault, settledWithinMs * 2)).id;
        await waitFor('another way', isAround, settledWithinMs * 2);
        await pause(steadyMs);
      });
      if (report.lost === 0) return notSeen('nothing was lost: the probe did not cross what is silent');
      return { seconds: report.longestLossMs / 1000, why: null, counts: null };
    } finally {
      if (id !== null) await servers.heal(id);
    }
  }

  async #speakBgp(keepAliveS: number, holdS: number): Promise<void> {
    const { routers } = this.#under.context.plan;
    for (const { id, as, neighbours } of routers) {
      const lines = [
        ...['configure terminal', `router bgp ${as}`, `timers bgp ${keepAliveS} ${holdS}`],
        ...neighbours.map(({ address }) => `no neighbor ${address} bfd`),
      ];
      await this.#under.run(id, 'vtysh', ...lines.flatMap((line) => ['-c', line]));
    }
    for (const { id } of routers) await this.#under.run(id, 'vtysh', '-c', 'clear bgp *');
    const wanted = `keepalive ${keepAliveS} s, hold ${holdS} s, no BFD`;
    const stands = async () => {
      for (const { id } of routers) if ((await this.#bgpTimers(id)) !== wanted) return false;
      return true;
    };
    await waitFor('BGP to speak with other timers', stands, settledWithinMs);
  }

  /** Of one router; all have the same. */
  async #bgpTimers(router = this.#gateways[0]!): Promise<string | null> {
    const shown = (what: string) => this.#under.run(router, 'vtysh', '-c', `show ${what} json`);
    const [bgp, bfd] = [await shown('bgp neighbors'), await shown('bfd peers')];
    return bgp === '' || bfd === '' ? null : describeBgp(bgp, bfd);
  }

  /** keepalived writes what it is asked for into a file of its temporary directory, which it has from whoever started the lab. */
  async #vrrpTimers(): Promise<string | null> {
    const [router] = this.#gateways;
    const file = join(tmpdir(), 'keepalived.data');
    rmSync(file, { force: true });
    await this.#under.run(router!, 'sh', '-c', `kill -s "$(keepalived --signum=DATA)" "$(cat ${vrrpPidFile})"`);
    let said: string | null = null;
    const isThere = () => {
      said = existsSync(file) ? describeKeepalived(readFileSync(file, 'utf8')) : null;
      return said !== null;
    };
    await waitFor('what keepalived says of itself', isThere, dumpWithinMs).catch(() => {});
    return said;
  }

  get #under() {
    return this.#options.servers.under;
  }

  get #gateways(): readonly string[] {
    return this.#under.context.plan.routers.filter(({ site }) => site === this.#site.id).map(({ id }) => id);
  }
}
