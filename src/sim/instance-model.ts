import type { Epoch, InstanceId } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type { Component, Instance } from '../core/topology/topology.ts';
import type { ActionOutcome } from '../engine/driver-port.ts';
import type { DelegateModel } from './delegate-model.ts';
import { DiskLog, type LogEntry } from './disk-log.ts';
import type { InstanceSurroundings, PromotionOrder } from './instance-surroundings.ts';
import type { MachineClock } from './machine-clock.ts';
import { observationOf } from './model-observation.ts';
import type { Place } from './network.ts';
import { carryOut, type OrderedRecovery } from './offered-actions.ts';
import type { RedisSetModel } from './redis-set-model.ts';
import { ReleaseProgress } from './release-progress.ts';
import { ReplicaSessions } from './replica-sessions.ts';
import { StateComparison } from './state-comparison.ts';
import { UpstreamSession } from './upstream-session.ts';

const HEARTBEAT_MS = 150;

/**
 * What the simulator knows of a database or an engine: a log, synchronous replication to an acknowledgement set, a role, and a
 * process that can run, hang or die on its own. Replication obeys only what its own epoch and lease say, as the component
 * contract asks; everything else is Holdfast's to get right.
 */
export class InstanceModel {
  readonly instance: Instance;
  readonly component: Component;
  readonly place: Place;
  readonly #around: InstanceSurroundings;
  readonly #clock: MachineClock;
  process: 'running' | 'exited' | 'frozen' = 'running';
  role: 'closed' | 'standby' | 'primary' = 'closed';
  /** Durable. */
  epoch = 0;
  grantEpoch = 0;
  /** Durable. */
  readonly disk: DiskLog;
  readonly standby: UpstreamSession;
  readonly replicas: ReplicaSessions;
  readonly state: StateComparison;
  /** Alive and unfit: what its own health check says. */
  ill: { readonly health: 'degraded' | 'bad'; readonly reason: string } | null = null;
  /** It does not answer its agent, whatever it does. */
  hidden = false;
  /** Who says whether it is primary; null = Holdfast grants it. */
  delegate: DelegateModel | null = null;
  /** Of a Redis. */
  redis: RedisSetModel | null = null;
  /** Of the last order that its agent saw carried out, since that agent started. */
  ledEpoch = 0;
  /** World time of the last change of process or role. */
  changedAt = 0;
  ackSet: readonly InstanceId[] = [];
  leaseUntilLocal = 0;
  /** A primary that is not open yet acknowledges nothing. */
  opened = false;
  /** How long a database takes to become primary. */
  promotionMs = 0;
  #becoming: symbol | null = null;
  tradingEnabled = false;
  /** Takes no new risk, and withdraws what it had taken in and not released. */
  halted = false;
  /** Takes no new risk until its reign ends, or it is told to trade. */
  draining = false;
  /** A front that leads somewhere says that it stands by, as the component contract has it. */
  routed = false;
  /** Of a server: whom, by the name of each lead; nobody before it is told. */
  leads: Readonly<Record<string, InstanceId | null>> = {};
  /** The epoch in which it was told to stop accepting; durable, and ended by a promotion in a newer one. */
  stopped = 0;
  /** Durable. */
  recovery: OrderedRecovery | null = null;
  divergence: InstanceObservation['divergence'] = null;
  #ackSetAskedAt = 0;
  readonly #release = new ReleaseProgress();
  /** Raised whenever the process ends: what was under way for an earlier life does nothing. */
  life = 0;
  #beating = false;

  constructor(
    instance: Instance,
    component: Component,
    place: Place,
    clock: MachineClock,
    around: InstanceSurroundings,
  ) {
    this.instance = instance;
    this.component = component;
    this.place = place;
    this.#clock = clock;
    this.#around = around;
    this.disk = new DiskLog(around.queue);
    this.standby = new UpstreamSession(this, around);
    this.replicas = new ReplicaSessions(this, around);
    this.state = new StateComparison(this, around);
  }

  get id(): InstanceId {
    return this.instance.id;
  }

  /** Does it check its own deadline before each release? PostgreSQL does not. */
  get selfGated(): boolean {
    return this.component.kind !== 'postgres';
  }

  get becomingPrimary(): boolean {
    return this.#becoming !== null && this.process !== 'exited';
  }

  get leaseValid(): boolean {
    return this.#clock.local(this.#around.queue.now) < this.leaseUntilLocal;
  }

  /**
   * Could it release a write, now or after being thawed? What a promotion elsewhere must never meet. It could not if it waits for
   * somebody who has durably refused its epoch.
   */
  get couldRelease(): boolean {
    if (this.process === 'exited' || this.role !== 'primary' || (this.selfGated && !this.leaseValid)) return false;
    if (!this.opened) return false;
    return this.ackSet.every((member) => (this.#around.peer(member)?.epoch ?? 0) <= this.grantEpoch);
  }

  get upstream(): InstanceId | null {
    return this.standby.upstream;
  }

  get log(): readonly LogEntry[] {
    return this.disk.entries;
  }

  /** Is this entry on its disk? */
  holds(index: number, id: number): boolean {
    return this.disk.holds(index, id);
  }

  #changed(): void {
    this.changedAt = this.#around.queue.now;
    this.#around.changed(this);
  }

  start(): void {
    if (this.process !== 'exited' || this.disk.isFull) return;
    this.process = 'running';
    this.role = 'closed';
    this.#changed();
    this.#beat();
  }

  /** What was not on the disk yet is gone. */
  losePower(): void {
    this.disk.losePower();
    this.die();
  }

  die(): void {
    if (this.process === 'exited') return;
    this.process = 'exited';
    this.changedAt = this.#around.queue.now;
    this.life += 1;
    this.#becoming = null;
    this.#beating = false;
    this.ill = null;
    this.state.begin(true);
    this.role = 'closed';
    this.routed = false;
    this.leads = {};
    this.standby.leave();
    this.ackSet = [];
    this.leaseUntilLocal = 0;
    this.replicas.dismiss();
    this.#around.died(this);
  }

  freeze(): void {
    if (this.process !== 'running') return;
    this.process = 'frozen';
    this.#changed();
  }

  thaw(): void {
    if (this.process !== 'frozen') return;
    this.process = 'running';
    this.tryRelease();
    this.#changed();
    this.#beat();
  }

  /** Returns what ends it. */
  hide(): () => void {
    this.hidden = true;
    this.#changed();
    return () => {
      this.hidden = false;
      this.#changed();
    };
  }

  fence(epoch: Epoch): boolean {
    if (epoch < this.epoch) return false;
    this.epoch = epoch;
    if (this.role === 'primary' && this.grantEpoch < epoch && this.delegate === null) this.#stepDown();
    return true;
  }

  /** What checks its own lease is primary and open at once. */
  promote(order: PromotionOrder): 'ok' | 'stale-epoch' | 'no-lease' | 'not-ready' {
    if (order.epoch < this.epoch) return 'stale-epoch';
    if (this.role === 'primary' && this.grantEpoch === order.epoch) return 'ok';
    const result = this.becomePrimary(order, () => {});
    if (result === 'ok') this.open(order, order.leaseUntilLocal);
    return result === 'later' ? 'not-ready' : result;
  }

  /** Primary, and closed; `then` only when that takes a while. */
  becomePrimary(order: PromotionOrder, then: () => void): 'ok' | 'later' | 'no-lease' | 'not-ready' {
    // One reign per epoch: what it wrote in it before may differ from what its replicas hold.
    if (this.log.at(-1)?.epoch === order.epoch) return 'not-ready';
    if (this.state.doubted) return 'not-ready';
    if (this.#clock.local(this.#around.queue.now) >= order.leaseUntilLocal) return 'no-lease';
    this.epoch = order.epoch;
    if (this.selfGated || this.promotionMs === 0) {
      this.#bePrimary(order);
      return 'ok';
    }
    this.role = 'closed';
    this.standby.leave();
    this.#changed();
    const becoming = Symbol();
    this.#becoming = becoming;
    const { life } = this;
    const finish = () => {
      if (this.life !== life || this.#becoming !== becoming) return then();
      if (this.process === 'frozen') return void this.#around.queue.after(50, finish);
      this.#bePrimary(order);
      then();
    };
    this.#around.queue.after(this.promotionMs, finish);
    return 'later';
  }

  #bePrimary(order: PromotionOrder): void {
    this.#becoming = null;
    this.grantEpoch = order.epoch;
    this.role = 'primary';
    this.opened = false;
    this.standby.leave();
    this.divergence = null;
    this.state.begin(false);
    this.disk.settle();
    this.ackSet = order.ackSet;
    this.leaseUntilLocal = order.leaseUntilLocal;
    this.halted = order.halted;
    this.draining = false;
    this.#release.beginAt(this.log.length);
    this.#ackSetAskedAt = 0;
    this.replicas.await(order.ackSet);
    this.#changed();
    this.#beat();
  }

  /** From now on it acknowledges what the acknowledgement set has. */
  open(order: Pick<PromotionOrder, 'ackSet' | 'tradingEnabled'>, leaseUntilLocal: number): void {
    this.opened = true;
    this.ackSet = order.ackSet;
    this.tradingEnabled = order.tradingEnabled;
    this.leaseUntilLocal = Math.max(this.leaseUntilLocal, leaseUntilLocal);
    // Seen once when it becomes primary and is opened in one moment.
    if (this.changedAt !== this.#around.queue.now) this.#changed();
    this.tryRelease();
  }

  lease(epoch: number, untilLocal: number): boolean {
    if (this.role !== 'primary' || epoch !== this.grantEpoch) return false;
    this.leaseUntilLocal = Math.max(this.leaseUntilLocal, untilLocal);
    this.tryRelease();
    return true;
  }

  demote(epoch: Epoch): boolean {
    if (epoch < this.epoch) return false;
    this.epoch = epoch;
    this.#becoming = null;
    if (this.role === 'primary') this.#stepDown();
    return true;
  }

  #stepDown(): void {
    this.role = 'closed';
    this.state.begin(true);
    this.leaseUntilLocal = 0;
    this.replicas.dismiss();
    this.ackSet = [];
    this.#changed();
  }

  setAckSet(epoch: number, ackSet: readonly InstanceId[], halted: boolean, askedAt: number): boolean {
    if (this.role !== 'primary' || epoch !== this.grantEpoch || askedAt < this.#ackSetAskedAt) return false;
    this.#ackSetAskedAt = askedAt;
    if (this.component.kind === 'trading-engine') this.#halt(halted);
    this.replicas.waitFor(ackSet);
    this.ackSet = ackSet;
    this.tryRelease();
    this.#around.changed(this);
    return true;
  }

  /** Before anybody is waited for less: what was taken in and not released is withdrawn, cancels excepted. */
  #halt(halted: boolean): void {
    this.halted = halted;
    if (halted) this.#release.withdraw(this.log);
  }

  setTrading(enabled: boolean): void {
    this.tradingEnabled = enabled;
    if (enabled) this.draining = false;
    this.#around.changed(this);
  }

  /** From now on no new risk; true when nothing is in flight any more. Order management has nothing of its own in flight here. */
  drain(epoch: number): boolean {
    if (this.role !== 'primary' || epoch !== this.grantEpoch) return false;
    if (this.component.kind !== 'trading-engine') return true;
    this.draining = true;
    this.#around.changed(this);
    return this.ordersInFlight === 0;
  }

  act(epoch: number, action: string): ActionOutcome {
    const { outcome, changed } = carryOut(this, { epoch, action });
    if (changed) this.#around.changed(this);
    return outcome;
  }

  /** A recovery was ordered and has not come to its end: nothing is approved, or vouched for. */
  get inRecovery(): boolean {
    const epoch = this.component.authority === 'owned' ? this.grantEpoch : this.epoch;
    return this.recovery !== null && this.recovery.epoch >= epoch;
  }

  /** Taken in and neither released nor withdrawn. */
  get ordersInFlight(): number {
    return this.#release.inFlight(this.log);
  }

  /** Everything in front of this place in the log is released, withdrawn or of an earlier reign. */
  get releasedTo(): number {
    return this.#release.to;
  }

  /** Stored before anything else is done with it. */
  learnEpoch(epoch: number): void {
    this.epoch = Math.max(this.epoch, epoch);
  }

  follow(epoch: Epoch, upstream: InstanceId): boolean {
    if (epoch < this.epoch || this.role === 'primary') return false;
    this.epoch = epoch;
    this.role = 'standby';
    this.state.followed(epoch);
    this.standby.follow(upstream, epoch);
    return true;
  }

  /** A client asks for a write. What is refused is refused at once; what is taken in is released, withdrawn by a halt, or never answered. */
  write(id: number, cancel = false): 'taken' | 'refused' | 'halted' | 'draining' {
    if (this.process !== 'running' || this.role !== 'primary') return 'refused';
    if (this.component.kind === 'trading-engine' && !cancel) {
      if (this.draining) return 'draining';
      if (!this.tradingEnabled || !this.#around.riskApproved(this)) return 'refused';
      if (this.halted) return 'halted';
    }
    this.disk.add({ id, epoch: this.grantEpoch, cancel });
    this.sync(() => this.tryRelease());
    this.replicas.replicateNewest();
    this.tryRelease();
    return 'taken';
  }

  /** Runs `then` now and, with a slow disk, again when all that is in the log is on it. */
  sync(then: () => void): void {
    const { life } = this;
    this.disk.sync(() => this.life === life && this.process !== 'exited', then);
  }

  /** Rules 2 and 3 of the component contract: lease and acknowledgement set, before every release. */
  tryRelease(): void {
    if (this.role !== 'primary' || !this.opened || this.process !== 'running') return;
    if (this.selfGated && !this.leaseValid) return;
    let upTo = this.disk.synced;
    for (const member of this.ackSet) upTo = Math.min(upTo, this.replicas.heldBy(member));
    for (let index = this.#release.next(upTo); index !== null; index = this.#release.next(upTo)) {
      const { id, cancel } = this.log[index]!;
      this.#around.released({
        component: this.component.id,
        instance: this.id,
        epoch: this.grantEpoch,
        id,
        index,
        cancel,
      });
    }
  }

  /** Says something to a peer, over the network; what it was for an earlier life of the peer is lost. */
  tell(id: InstanceId, deliver: (peer: InstanceModel) => void, extraMs = 0): void {
    const peer = this.#around.peer(id);
    if (peer === null) return;
    const { life } = peer;
    const arrive = () => {
      if (peer.life !== life || peer.process === 'exited') return;
      // A hung process reads what was sent to it when it is thawed.
      if (peer.process === 'frozen') this.#around.queue.after(100, arrive);
      else deliver(peer);
    };
    const send = () => this.#around.network.send(this.place, peer.place, arrive);
    if (extraMs > 0) this.#around.queue.after(extraMs, send);
    else send();
  }

  /** Heartbeats both ways; silence makes a replica lost, or the upstream disconnected. */
  #beat(): void {
    if (this.#beating) return;
    this.#beating = true;
    const { life } = this;
    this.#around.queue.after(HEARTBEAT_MS, () => {
      if (this.life !== life) return;
      this.#beating = false;
      if (this.process !== 'running') return;
      const { now } = this.#around.queue;
      if (this.role === 'primary') this.replicas.beat(now);
      if (this.role === 'standby') this.standby.beat(now);
      this.#beat();
    });
  }

  observe(): InstanceObservation {
    return observationOf(this, { replicas: this.replicas.known, now: this.#around.queue.now });
  }

  /** Its delegate decides; nothing of Holdfast does. Its clients are not modelled. */
  delegatedRole(role: 'standby' | 'primary'): void {
    this.role = role;
    this.#changed();
  }

  /** Somebody makes it primary behind Holdfast's back: without a lease, it releases nothing. */
  goRogue(): void {
    if (this.delegate !== null) return this.delegate.promote(this);
    this.role = 'primary';
    this.opened = true;
    this.grantEpoch = 0;
    this.state.begin(false);
    this.standby.leave();
    this.leaseUntilLocal = 0;
    this.#changed();
  }

  /** Begins its heartbeats; called once when the world starts. */
  boot(): void {
    this.#beat();
  }
}
