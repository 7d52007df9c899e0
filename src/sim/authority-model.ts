import type { Json } from '../core/base/canonical-json.ts';
import type { Revision, SiteId } from '../core/base/ids.ts';
import type { Topology } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { AuthorityEvent } from '../engine/agent-effects.ts';
import type { StoredValue, Transaction, TransactionOutcome } from '../engine/authority-port.ts';
import type { EventQueue } from './event-queue.ts';
import type { Network, Place } from './network.ts';
import type { Random } from './random.ts';

export interface Subscriber {
  readonly place: Place;
  deliver(event: AuthorityEvent): void;
  alive(): boolean;
}

interface Change {
  readonly key: string;
  readonly value: Json | null;
}

interface Subscription {
  readonly subscriber: Subscriber;
  sentRevision: number;
  lastArrival: number;
  /** Its process is gone: what is under way to it must not reach the one that took its place. */
  ended: boolean;
}

/**
 * The authority as its users see it: linearizable transactions, an ordered watch, reached only from sites that see a majority of
 * voters. It can lose its quorum, answer slowly, lose replies after committing, and be restored from an old backup.
 */
export class AuthorityModel {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #network: Network;
  readonly #voters: readonly Place[];
  /** Round trip to the voter that completes a majority, by site. */
  readonly #quorumRtt = new Map<SiteId, number>();
  #entries = new Map<string, StoredValue>();
  #history: { readonly revision: number; readonly changes: readonly Change[] }[] = [];
  #revision = 0;
  #incarnation = 'inc-1';
  readonly #subscriptions: Subscription[] = [];
  readonly #downVoters = new Set<SiteId>();
  /** Places that cannot reach it although the rest of the network can: counted, so that faults heal independently. */
  readonly #deaf = new Map<string, number>();
  #quorumLost = 0;
  slowMs = 0;
  /** What was committed is told to those who watch up to this much later. */
  watchLateMs = 0;
  /** Answers arrive this much after what they answer was committed. */
  answersLateMs = 0;
  loseReplies = 0;
  /** For the trace; null costs nothing. */
  tell: ((line: string) => void) | null = null;
  /** Called with every committed transaction, before anybody hears of it. */
  onCommit: (changes: readonly Change[], revision: number) => void = () => {};
  #backup: { readonly entries: Map<string, StoredValue>; readonly revision: number } | null = null;

  constructor(queue: EventQueue, random: Random, network: Network, topology: Topology) {
    this.#queue = queue;
    this.#random = random;
    this.#network = network;
    this.#voters = indexOf(topology).voters.map((voter) => ({ site: voter.id, host: null }));
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  value<Value>(key: string): Value | null {
    return (this.#entries.get(key)?.value ?? null) as Value | null;
  }

  below(prefix: string): readonly (readonly [string, StoredValue])[] {
    return [...this.#entries].filter(([key]) => key.startsWith(prefix)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  voterDown(site: SiteId, down: boolean): void {
    if (down) this.#downVoters.add(site);
    else this.#downVoters.delete(site);
    if (!down) this.#pump();
  }

  loseQuorum(lost: boolean): void {
    this.#quorumLost += lost ? 1 : -1;
    if (!lost) this.#pump();
  }

  /** This place cannot reach the authority, whatever else it reaches. */
  deafen(place: Place, deaf: boolean): void {
    const name = nameOf(place);
    this.#deaf.set(name, (this.#deaf.get(name) ?? 0) + (deaf ? 1 : -1));
    if (!deaf) this.#pump();
  }

  backUp(): void {
    this.#backup = { entries: new Map(this.#entries), revision: this.#revision };
  }

  /** Everything since the backup is forgotten; the store has another identity from now on. */
  restore(): boolean {
    if (this.#backup === null) return false;
    this.#entries = new Map(this.#backup.entries);
    this.#revision = this.#backup.revision;
    this.#history = [];
    this.#incarnation = `${this.#incarnation}r`;
    for (const subscription of this.#subscriptions) this.#load(subscription);
    return true;
  }

  /** Can a majority be reached from here, both ways? */
  reachable(place: Place): boolean {
    if (this.#quorumLost > 0 || (this.#deaf.size > 0 && (this.#deaf.get(nameOf(place)) ?? 0) > 0)) return false;
    let seen = 0;
    for (const there of this.#voters)
      if (!this.#downVoters.has(there.site) && this.#network.open(place, there) && this.#network.open(there, place))
        seen += 1;
    return seen > this.#voters.length / 2;
  }

  subscribe(subscriber: Subscriber): void {
    const subscription: Subscription = { subscriber, sentRevision: -1, lastArrival: 0, ended: false };
    this.#subscriptions.push(subscription);
    this.#load(subscription);
  }

  unsubscribe(subscriber: Subscriber): void {
    const at = this.#subscriptions.findIndex((each) => each.subscriber === subscriber);
    for (const subscription of at < 0 ? [] : this.#subscriptions.splice(at, 1)) subscription.ended = true;
  }

  /** Reads everything, as after a start, a gap, or an unknown outcome. */
  reload(subscriber: Subscriber): void {
    const subscription = this.#subscriptions.find((each) => each.subscriber === subscriber);
    if (subscription) this.#load(subscription);
  }

  #load(subscription: Subscription): void {
    const { subscriber } = subscription;
    if (!this.reachable(subscriber.place)) {
      subscription.sentRevision = -1;
      this.#queue.after(150, () => {
        if (subscription.sentRevision < 0 && subscriber.alive() && !subscription.ended) this.#load(subscription);
      });
      return;
    }
    const revision = this.#revision as Revision;
    subscription.sentRevision = revision;
    const entries = Object.fromEntries(this.#entries);
    const incarnation = this.#incarnation;
    this.#arrive(subscription, { kind: 'authority-snapshot', revision, incarnation, entries });
  }

  #arrive(subscription: Subscription, event: AuthorityEvent): void {
    const late = this.watchLateMs > 0 ? this.watchLateMs * this.#random.fraction() : 0;
    const at = Math.max(
      subscription.lastArrival,
      this.#queue.now + this.#latency(subscription.subscriber.place) / 2 + late,
    );
    subscription.lastArrival = at;
    this.#queue.at(at, () => {
      if (!subscription.ended && subscription.subscriber.alive()) subscription.subscriber.deliver(event);
    });
  }

  #pump(): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.sentRevision < 0 || !this.reachable(subscription.subscriber.place)) continue;
      const oldest = this.#history[0]?.revision ?? 0;
      if (subscription.sentRevision < oldest - 1) {
        this.#load(subscription);
        continue;
      }
      let first = this.#history.length;
      while (first > 0 && this.#history[first - 1]!.revision > subscription.sentRevision) first -= 1;
      for (; first < this.#history.length; first += 1) {
        const { revision, changes } = this.#history[first]!;
        subscription.sentRevision = revision;
        this.#arrive(subscription, { kind: 'authority-changed', revision: revision as Revision, changes });
      }
    }
  }

  /** The watch's own heartbeat: shows a process that the authority is there, and resumes after a cut. */
  beat(): void {
    this.#pump();
    for (const subscription of this.#subscriptions)
      if (subscription.sentRevision >= 0 && this.reachable(subscription.subscriber.place))
        this.#arrive(subscription, { kind: 'authority-heard' });
  }

  /** `incarnation`: the one that the client last read; a store with another one refuses, as the adapters' guard does (ADR 0004). */
  transact(
    place: Place,
    body: Transaction,
    deadlineMs: number,
    incarnation: string | null,
    answer: (outcome: TransactionOutcome) => void,
  ): void {
    let answered = false;
    const once = (outcome: TransactionOutcome) => {
      if (answered) return;
      answered = true;
      this.tell?.(`authority answers ${nameOf(place)}: ${outcome.kind} ${body.put.map(({ key }) => key).join(' ')}`);
      answer(outcome);
    };
    this.#queue.after(deadlineMs, () => once({ kind: 'unknown', reason: 'deadline' }));
    if (!this.reachable(place)) return;
    const latency = this.#latency(place);
    this.#queue.after(latency * this.#random.between(0.4, 0.6), () => {
      if (!this.reachable(place)) return;
      const outcome: TransactionOutcome =
        incarnation === this.#incarnation ? this.#apply(body) : { kind: 'refused', reason: 'another incarnation' };
      if (this.loseReplies > 0 && this.#random.chance(this.loseReplies)) return;
      this.#queue.after(latency * 0.5 + this.answersLateMs, () => {
        if (this.reachable(place)) once(outcome);
      });
    });
  }

  #latency(place: Place): number {
    let rtt = this.#quorumRtt.get(place.site);
    if (rtt === undefined) {
      const rtts = this.#voters.map((voter) => this.#network.rttMs(place.site, voter.site)).toSorted((a, b) => a - b);
      rtt = rtts[Math.floor(rtts.length / 2)] ?? 1;
      this.#quorumRtt.set(place.site, rtt);
    }
    return rtt + 1 + this.#random.fraction() * 2 + this.slowMs * this.#random.fraction();
  }

  #apply(body: Transaction): TransactionOutcome {
    const holds = body.compare.every(({ key, revision }) => (this.#entries.get(key)?.revision ?? 0) === revision);
    if (!holds) {
      const current: Record<string, StoredValue | null> = {};
      for (const { key } of body.compare) current[key] = this.#entries.get(key) ?? null;
      return { kind: 'conflict', current };
    }
    this.#revision += 1;
    const revision = this.#revision as Revision;
    const changes: Change[] = [];
    for (const { key, value } of body.put) {
      this.#entries.set(key, { value, revision });
      changes.push({ key, value });
    }
    for (const key of body.remove ?? []) {
      this.#entries.delete(key);
      changes.push({ key, value: null });
    }
    this.onCommit(changes, revision);
    this.#history.push({ revision, changes });
    if (this.#history.length > 400) this.#history.splice(0, 100);
    this.#pump();
    return { kind: 'committed', revision };
  }
}

const nameOf = (place: Place) => place.host ?? `${place.site} controller`;
