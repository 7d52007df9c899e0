import { createServer, type Server } from 'node:net';
import type { HostId, LinkId, SiteId } from '../../src/core/base/ids.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import type { ActiveFault } from '../fault.ts';
import type { GroundNetwork, MeasureOptions } from '../ground-network.ts';
import type { Address, LabLayout, PlaceId, Where } from '../layout.ts';
import { DatagramRelay } from './datagram-relay.ts';
import { Lane, LineClock } from './delay-line.ts';
import { listenOn } from './listen.ts';
import { type LinkMeasurement, measureLinks } from './measure-link.ts';
import { type Conditions, PathModel, type PathState } from './path-model.ts';
import { type Path, Relay } from './relay.ts';

/** The links as they are now, for people. */
export interface LinkReport {
  readonly link: LinkId;
  readonly between: readonly [SiteId, SiteId];
  readonly rttMs: number;
  readonly up: boolean;
  /** Carries the traffic of its pair, in at least one direction. */
  readonly inUse: boolean;
}

export interface PathReport {
  readonly from: PlaceId;
  readonly to: PlaceId;
  readonly open: boolean;
  readonly oneWayMs: number;
  readonly via: readonly LinkId[];
}

interface SharedPath {
  readonly path: Path;
  readonly forward: (conditions: Conditions) => PathState;
  readonly back: (conditions: Conditions) => PathState;
}

/**
 * Every path of the lab: relays between places, and what the faults in force make of them. Holds no timer for the faults
 * themselves; whoever does calls `setFaults` again when one ends.
 */
export class Network implements GroundNetwork {
  readonly machines = [];
  readonly #topology: Topology;
  readonly #layout: LabLayout;
  readonly #model: PathModel;
  readonly #clock: LineClock;
  readonly #relays: { readonly relay: Relay | DatagramRelay; readonly listen: Address }[] = [];
  readonly #echoes: { readonly server: Server; readonly listen: Address }[] = [];
  readonly #shared: SharedPath[] = [];
  #faults: readonly ActiveFault[] = [];
  #rerouteTimer: NodeJS.Timeout | null = null;

  constructor(
    topology: Topology,
    layout: LabLayout,
    options: { readonly rerouteMs: number; readonly clock?: LineClock },
  ) {
    this.#topology = topology;
    this.#layout = layout;
    this.#clock = options.clock ?? new LineClock();
    this.#model = new PathModel(topology, options);
    const paths = new Map<string, Path>();
    for (const { from, to, listen, target, datagrams } of layout.relays) {
      const key = JSON.stringify([from, to]);
      const path = paths.get(key) ?? this.#sharePath(from, to);
      paths.set(key, path);
      const relay = datagrams ? new DatagramRelay(path, target) : new Relay(path, target);
      this.#relays.push({ relay, listen });
    }
    for (const probe of layout.linkProbes) {
      const link = topology.links.find((candidate) => candidate.id === probe.link)!;
      const path = this.#share(
        (conditions) => this.#model.linkState(link, probe.from, conditions),
        (conditions) => this.#model.linkState(link, probe.to, conditions),
      );
      this.#relays.push({ relay: new Relay(path, probe.target), listen: probe.listen });
    }
    for (const { address } of layout.echoes) {
      const server = createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => {});
        socket.pipe(socket);
      });
      this.#echoes.push({ server, listen: address });
    }
  }

  get connections(): number {
    return this.#relays.reduce((sum, { relay }) => sum + relay.connections, 0);
  }

  /** @throws LabError HF-7001 when an address is taken, HF-7004 or HF-7011 when it may not or cannot be used. */
  async listen(): Promise<void> {
    await Promise.all([
      ...this.#relays.map(({ relay, listen }) => relay.listen(listen)),
      ...this.#echoes.map(({ server, listen }) => listenOn(server, listen)),
    ]);
  }

  /** Takes effect before it returns: what is cut carries nothing from here on. */
  setFaults(faults: readonly ActiveFault[]): void {
    this.#faults = faults;
    this.#apply();
  }

  /** State of one direction, as it is now. */
  path(from: Where, to: Where): PathState {
    return this.#model.path(from, to, this.#conditions());
  }

  reachesAuthority(site: SiteId): boolean {
    return this.#model.reachesAuthority(site, this.#conditions());
  }

  links(): readonly LinkReport[] {
    const conditions = this.#conditions();
    const inUse = new Set(this.#sitePaths().flatMap((path) => path.via));
    return this.#topology.links.map((link) => ({
      link: link.id,
      between: link.between,
      rttMs: link.rttMs,
      up: this.#model.linkState(link, link.between[0], conditions).open,
      inUse: inUse.has(link.id),
    }));
  }

  paths(): readonly PathReport[] {
    return this.#sitePaths();
  }

  measure(options: MeasureOptions): Promise<readonly LinkMeasurement[]> {
    return measureLinks(this.#layout, options);
  }

  close(): void {
    if (this.#rerouteTimer !== null) clearTimeout(this.#rerouteTimer);
    for (const { relay } of this.#relays) relay.close();
    for (const { server } of this.#echoes) server.close();
    this.#clock.close();
  }

  #sitePaths(): readonly PathReport[] {
    const sites = this.#topology.sites.map((site) => site.id);
    return sites.flatMap((from) =>
      sites
        .filter((to) => to !== from)
        .map((to) => {
          const { open, oneWayMs, via } = this.path({ place: from, host: noHost }, { place: to, host: noHost });
          return { from, to, open, oneWayMs, via };
        }),
    );
  }

  #sharePath(from: Where, to: Where): Path {
    return this.#share(
      (conditions) => this.#model.path(from, to, conditions),
      (conditions) => this.#model.path(to, from, conditions),
    );
  }

  #share(forward: SharedPath['forward'], back: SharedPath['back']): Path {
    const now = this.#conditions();
    const path = { forward: new Lane(forward(now), this.#clock), back: new Lane(back(now), this.#clock) };
    this.#shared.push({ path, forward, back });
    return path;
  }

  #apply(): void {
    // One moment for all: a re-route that ended between two readings of the clock would be neither done nor pending.
    const conditions = this.#conditions();
    for (const { path, forward, back } of this.#shared) {
      path.forward.change(forward(conditions));
      path.back.change(back(conditions));
    }
    if (this.#rerouteTimer !== null) clearTimeout(this.#rerouteTimer);
    this.#rerouteTimer = null;
    const changeAt = this.#model.nextChangeAt(conditions);
    if (changeAt === null) return;
    this.#rerouteTimer = setTimeout(() => this.#apply(), Math.ceil(changeAt - conditions.nowMs));
  }

  #conditions(): Conditions {
    return { faults: this.#faults, nowMs: this.#clock.now() };
  }
}

const noHost: HostId | null = null;
