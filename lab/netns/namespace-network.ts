import type { LinkId, SiteId } from '../../src/core/base/ids.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import type { ActiveFault } from '../fault.ts';
import { faultWords } from '../fault.ts';
import type { GroundNetwork, MeasureOptions } from '../ground-network.ts';
import { LabError } from '../lab-error.ts';
import { type LinkMeasurement, summary } from '../net/measure-link.ts';
import type { LinkReport, PathReport } from '../net/network.ts';
import { PathModel } from '../net/path-model.ts';
import { cutEnds, type Unheard, unheardAt, type Worsening, worsenedEnds } from './cut-ends.ts';
import { changeDelays } from './delayer-client.ts';
import { cutSet, cutTable, type DelayBy, endKey, netemArguments, unheardSet } from './network-commands.ts';
import type { NetworkPlan, WireEnd } from './network-plan.ts';
import { RouteLook } from './route-look.ts';
import { inNamespace, mustRun, tryCommand } from './run-command.ts';

export interface NamespaceNetworkOptions {
  readonly topology: Topology;
  readonly plan: NetworkPlan;
  readonly labId: string;
  readonly delayBy: DelayBy;
}

/** An element of a set in one namespace's kernel: what it names is lost there until it runs out. */
interface Loss {
  readonly namespace: string;
  readonly set: string;
  readonly element: string;
  readonly expiresAt: number;
}

const changeWithinMs = 5_000;

/**
 * The network of a lab as namespaces with real routers between them. Faults cut, delay or lose packets; what that does to routes is the
 * routers' business. The kernel ends a cut by itself, also when nobody is left to do so.
 */
export class NamespaceNetwork implements GroundNetwork {
  /** Connections go through the kernel; nobody counts them. */
  readonly connections = 0;
  readonly machines: readonly string[];
  readonly #options: NamespaceNetworkOptions;
  readonly #model: PathModel;
  readonly #look: RouteLook;
  #faults: readonly ActiveFault[] = [];
  #losses: ReadonlyMap<string, Loss> = new Map();
  #worse: ReadonlyMap<string, Worsening> = new Map();
  /** Changes happen one after another. */
  #changing: Promise<void> = Promise.resolve();

  constructor(options: NamespaceNetworkOptions) {
    this.#options = options;
    this.machines = options.plan.nodes
      .filter(({ kind, host }) => kind === 'router' && host === null)
      .map(({ id }) => id);
    this.#model = new PathModel(options.topology, { rerouteMs: 0 });
    this.#look = new RouteLook(options.plan);
  }

  setFaults(faults: readonly ActiveFault[]): Promise<void> {
    for (const { fault } of faults)
      if ((fault.kind === 'extra-latency' || fault.kind === 'loss') && this.#worsened([fault]).length === 0)
        throw new LabError({
          code: 'HF-7007',
          attempted: `break ${faultWords(fault)}`,
          found: 'nothing between these two is delayed in a lab of network namespaces',
          next: 'name two sites with a link, or a site and an exchange it trades on',
        });
    const done = this.#changing.then(() => this.#change(faults));
    this.#changing = done.catch(() => {});
    return done;
  }

  async links(): Promise<readonly LinkReport[]> {
    const inUse = new Set((await this.paths()).flatMap(({ via }) => via));
    return this.#options.topology.links.map((link) => ({
      link: link.id,
      between: link.between,
      rttMs: link.rttMs,
      up: !this.#isCut(link.id),
      inUse: inUse.has(link.id),
    }));
  }

  /** As the routers' own tables have it at this moment. */
  async paths(): Promise<readonly PathReport[]> {
    const { sites, links } = this.#options.topology;
    const pairs = sites.flatMap((from) => sites.filter((to) => to !== from).map((to) => [from.id, to.id] as const));
    return Promise.all(
      pairs.map(async ([from, to]) => {
        const via = await this.#look.linksBetween(from, to);
        const oneWayMs = (via ?? []).reduce((sum, id) => sum + links.find((link) => link.id === id)!.rttMs / 2, 0);
        const open = via !== null && !via.some((link) => this.#isCut(link)) && !this.#isUnheard(from, to);
        return { from, to, open, oneWayMs, via: via ?? [] };
      }),
    );
  }

  /** What the faults in force leave of the links to the votes. */
  reachesAuthority(site: SiteId): boolean {
    return this.#model.reachesAuthority(site, { faults: this.#faults, nowMs: performance.now() });
  }

  measure(options: MeasureOptions): Promise<readonly LinkMeasurement[]> {
    return Promise.all(this.#options.topology.links.map(({ id }) => this.#measure(id, options)));
  }

  close(): void {}

  async #measure(link: LinkId, options: MeasureOptions): Promise<LinkMeasurement> {
    const { plan } = this.#options;
    const wire = plan.wires.find((candidate) => candidate.link === link)!;
    const tunnel = plan.tunnels.find((candidate) => candidate.link === link);
    const peer = (tunnel?.ends[1].address ?? wire.ends[1].address ?? '').replace(/\/.*/, '');
    const seconds = String(Math.max(1, Math.floor(options.deadlineMs / 1000)));
    const ping = ['ping', '-U', '-n', '-i', '0.02', '-c', String(options.samples + 1), '-w', seconds, peer];
    const { stdout } = await tryCommand('ip', ['netns', 'exec', wire.ends[0].namespace, ...ping], {
      deadlineMs: options.deadlineMs + 1_000,
    });
    const rtts = roundTripsIn(stdout);
    return { link, samples: rtts.length, rttMs: rtts.length === 0 ? null : summary(rtts) };
  }

  async #change(faults: readonly ActiveFault[]): Promise<void> {
    const { plan, topology } = this.#options;
    const wanted = new Map<string, Loss>();
    for (const { fault, expiresAt } of faults)
      for (const loss of [...cutEnds(plan, topology, fault).map(silentEnd), ...unheardAt(plan, fault).map(unheard)]) {
        const key = lossKey(loss);
        const known = wanted.get(key);
        if (known === undefined || known.expiresAt < expiresAt) wanted.set(key, { ...loss, expiresAt });
      }
    const worse = new Map<string, Worsening>();
    for (const each of this.#worsened(faults.map(({ fault }) => fault))) {
      const known = worse.get(endKey(each.end));
      worse.set(endKey(each.end), {
        ...each,
        addMs: each.addMs + (known?.addMs ?? 0),
        lossPercent: Math.max(each.lossPercent, known?.lossPercent ?? 0),
      });
    }
    const [losses, before] = [this.#losses, this.#worse];
    this.#faults = faults;
    this.#losses = wanted;
    this.#worse = worse;
    await Promise.all([this.#changeLosses(losses, wanted), this.#changeDelays(before, worse)]);
  }

  async #changeLosses(before: ReadonlyMap<string, Loss>, wanted: ReadonlyMap<string, Loss>): Promise<void> {
    const lines = new Map<string, string[]>();
    const say = ({ namespace }: Loss, ...text: readonly string[]) =>
      lines.set(namespace, [...(lines.get(namespace) ?? []), ...text]);
    // The element may have run out meanwhile, and one that is there keeps its time: so it is put there and taken away first.
    const gone = ({ set, element }: Loss) => [
      `add element ${set} { ${element} timeout 1s }`,
      `delete element ${set} { ${element} }`,
    ];
    for (const [key, loss] of before) if (!wanted.has(key)) say(loss, ...gone(loss));
    for (const [key, loss] of wanted) {
      if (before.get(key)?.expiresAt === loss.expiresAt) continue;
      const timeoutMs = Math.max(1, Math.ceil(loss.expiresAt - performance.now()));
      say(loss, ...gone(loss), `add element ${loss.set} { ${loss.element} timeout ${timeoutMs}ms }`);
    }
    await Promise.all(
      [...lines].map(([namespace, text]) =>
        mustRun('change what is cut', 'ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], {
          input: `${text.join('\n')}\n`,
          deadlineMs: changeWithinMs,
        }),
      ),
    );
  }

  async #changeDelays(before: ReadonlyMap<string, Worsening>, worse: ReadonlyMap<string, Worsening>): Promise<void> {
    const touched = new Map([...before, ...worse]);
    const now = [...touched].map(([key, each]) => worse.get(key) ?? { ...each, addMs: 0, lossPercent: 0 });
    if (this.#options.delayBy === 'queue')
      return changeDelays(
        this.#options.labId,
        now.map(({ end, addMs, lossPercent }) => ({ id: endKey(end), delayMs: end.delayMs + addMs, lossPercent })),
        changeWithinMs,
      );
    await Promise.all(
      now.map(({ wire, end, addMs, lossPercent }) => {
        const sender = wire.ends[0] === end ? wire.ends[1] : wire.ends[0];
        const change = netemArguments(wire, sender, { verb: 'change', addMs, lossPercent });
        return inNamespace('change a latency', sender.namespace, `tc ${change.join(' ')}\n`);
      }),
    );
  }

  #worsened(faults: readonly ActiveFault['fault'][]): readonly Worsening[] {
    const { plan, topology } = this.#options;
    return faults.flatMap((fault) => worsenedEnds(plan, topology, fault));
  }

  #isCut(link: LinkId): boolean {
    const now = performance.now();
    const ends = this.#options.plan.wires.find((wire) => wire.link === link)?.ends ?? [];
    return ends.some((end) => (this.#losses.get(lossKey(silentEnd(end)))?.expiresAt ?? 0) > now);
  }

  #isUnheard(from: SiteId, to: SiteId): boolean {
    const now = performance.now();
    return this.#faults.some(
      ({ fault, expiresAt }) =>
        expiresAt > now && unheardAt(this.#options.plan, fault).some((each) => each.from === from && each.to === to),
    );
  }
}

const silentEnd = ({ namespace, interface: name }: WireEnd): Omit<Loss, 'expiresAt'> => ({
  namespace,
  set: `netdev ${cutTable} ${cutSet}`,
  element: `"${name}"`,
});

const unheard = ({ namespace, network }: Unheard): Omit<Loss, 'expiresAt'> => ({
  namespace,
  set: `ip ${cutTable} ${unheardSet}`,
  element: network,
});

const lossKey = ({ namespace, set, element }: Omit<Loss, 'expiresAt'>): string => `${namespace} ${set} ${element}`;

/** Of what `ping` printed; the first answer also paid for finding the neighbour. */
export const roundTripsIn = (printed: string): readonly number[] =>
  [...printed.matchAll(/icmp_seq=(\d+) .*time=([\d.]+) ms/g)]
    .filter(([, sequence]) => sequence !== '1')
    .map(([, , time]) => Number(time));
