import type { SiteId } from '../core/base/ids.ts';
import type { Topology } from '../core/topology/topology.ts';
import { linksBetween } from '../core/topology/topology-index.ts';
import type { EventQueue } from './event-queue.ts';
import type { Random } from './random.ts';

/** Where something is: a site and, inside it, a host (null = a service of the site itself). */
export interface Place {
  readonly site: SiteId;
  readonly host: string | null;
}

/** As TCP waits on Linux, twice as long each time. */
const RETRANSMISSION_MS = 200;
const LONGEST_RETRANSMISSION_MS = 1600;

/**
 * Messages between places: delay, jitter, duplication; one-way and two-way cuts; silent hosts; losses, which make late. What is sent into a cut is
 * lost, or held and delivered late when the cut heals, as a retransmission would: late commands are a case of their own.
 */
export class Network {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #topology: Topology;
  readonly #cuts = new Map<string, number>();
  readonly #silentHosts = new Map<string, number>();
  /** Hosts that reach the sites' own services, and no other host or controller. */
  readonly #mute = new Set<string>();
  readonly #held: { readonly from: Place; readonly to: Place; readonly deliver: () => void }[] = [];
  readonly #rtt = new Map<string, number>();
  /** Share of what one site sends to another that has to be sent again. */
  readonly #lossy = new Map<string, number>();
  duplicates = 0;
  /** Share of the duplicates that arrive seconds later, when everything may be different. */
  lateDuplicates = 0;
  extraDelayMs = 0;

  constructor(queue: EventQueue, random: Random, topology: Topology) {
    this.#queue = queue;
    this.#random = random;
    this.#topology = topology;
  }

  rttMs(from: SiteId, to: SiteId): number {
    if (from === to) return 0.3;
    const key = `${from}>${to}`;
    let known = this.#rtt.get(key);
    if (known === undefined) {
      known = linksBetween(this.#topology, from, to)[0]?.rttMs ?? 100;
      this.#rtt.set(key, known);
    }
    return known;
  }

  open(from: Place, to: Place): boolean {
    if (from.host !== null && (this.#silentHosts.get(from.host) ?? 0) > 0 && from.host !== to.host) return false;
    if (to.host !== null && (this.#silentHosts.get(to.host) ?? 0) > 0 && from.host !== to.host) return false;
    return from.site === to.site || (this.#cuts.get(`${from.site}>${to.site}`) ?? 0) === 0;
  }

  #passes(from: Place, to: Place): boolean {
    if (
      this.#mute.size > 0 &&
      from.host !== to.host &&
      (this.#mute.has(from.host ?? '') || this.#mute.has(to.host ?? ''))
    )
      return false;
    return this.open(from, to);
  }

  send(from: Place, to: Place, deliver: () => void): void {
    if (!this.#passes(from, to)) {
      if (this.#random.chance(0.5)) this.#held.push({ from, to, deliver });
      return;
    }
    this.#queue.after(this.#delay(from, to), () => {
      if (this.#passes(from, to)) deliver();
      else if (this.#random.chance(0.5)) this.#held.push({ from, to, deliver });
    });
    if (this.duplicates > 0 && this.#random.chance(this.duplicates)) {
      const late =
        this.lateDuplicates > 0 && this.#random.chance(this.lateDuplicates) ? this.#random.between(500, 9000) : 5;
      this.#queue.after(this.#delay(from, to) * 3 + late, deliver);
    }
  }

  #delay(from: Place, to: Place): number {
    const base = this.rttMs(from.site, to.site) / 2;
    const late = base + this.#random.fraction() * (0.2 + base * 0.2) + this.extraDelayMs * this.#random.fraction();
    return this.#lossy.size === 0 ? late : late + this.#resentFor(from, to);
  }

  /** How long it takes until it is not lost. */
  #resentFor(from: Place, to: Place): number {
    const share = this.#lossy.get(`${from.site}>${to.site}`) ?? 0;
    let waitedMs = 0;
    for (let timeoutMs = RETRANSMISSION_MS; timeoutMs <= LONGEST_RETRANSMISSION_MS; timeoutMs *= 2) {
      if (!this.#random.chance(share)) return waitedMs;
      waitedMs += timeoutMs;
    }
    return waitedMs;
  }

  /** @param share of what is sent, from 0 (none is lost any more) to 1 */
  lose(from: SiteId, to: SiteId, share: number): void {
    if (share === 0) this.#lossy.delete(`${from}>${to}`);
    else this.#lossy.set(`${from}>${to}`, share);
  }

  /** Counted, so that two faults on one path heal independently. */
  cut(from: SiteId, to: SiteId): void {
    const key = `${from}>${to}`;
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1);
  }

  heal(from: SiteId, to: SiteId): void {
    const key = `${from}>${to}`;
    this.#cuts.set(key, Math.max(0, (this.#cuts.get(key) ?? 0) - 1));
    this.#release();
  }

  silence(host: string): void {
    this.#silentHosts.set(host, (this.#silentHosts.get(host) ?? 0) + 1);
  }

  unsilence(host: string): void {
    this.#silentHosts.set(host, Math.max(0, (this.#silentHosts.get(host) ?? 0) - 1));
    this.#release();
  }

  mute(host: string): void {
    this.#mute.add(host);
  }

  unmute(host: string): void {
    this.#mute.delete(host);
    this.#release();
  }

  #release(): void {
    for (const message of this.#held.splice(0)) {
      if (this.#passes(message.from, message.to))
        this.#queue.after(this.#delay(message.from, message.to), message.deliver);
      else this.#held.push(message);
    }
  }
}
