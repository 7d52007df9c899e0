import type { InstanceId } from '../core/base/ids.ts';
import type { UpstreamObservation } from '../core/health/instance-observation.ts';
import type { LogEntry } from './disk-log.ts';
import type { InstanceModel } from './instance-model.ts';
import type { InstanceSurroundings } from './instance-surroundings.ts';

export const LOST_AFTER_MS = 450;
/** How often a standby asks to be let in: an engine's own, and a database's. */
const JOIN_AGAIN_MS = { own: 100, foreign: 400 };
/** In place of a reign where the upstream is no primary: who joins it counts for nobody. */
export const NO_REIGN = -1;

/** Whom a standby follows, and how far it has come with that: asking to be let in, taking over what the upstream has, keeping up. */
export class UpstreamSession {
  readonly #self: InstanceModel;
  readonly #around: InstanceSurroundings;
  upstream: InstanceId | null = null;
  #divergedFrom: InstanceId | null = null;
  #heardAt = 0;
  #connected = false;
  #joined = false;
  /** Number of the session that is being joined: an answer to an earlier one is of the past. */
  #session = 0;
  /** Reign of the primary that it has joined; NO_REIGN when that is a standby (a cascade). */
  #joinedReign = NO_REIGN;
  #joinedAt = 0;
  /** Epoch in which it was last told whom to follow; a database's replication name carries it. */
  #toldEpoch = 0;

  constructor(self: InstanceModel, around: InstanceSurroundings) {
    this.#self = self;
    this.#around = around;
  }

  follow(upstream: InstanceId, epoch: number): void {
    this.#toldEpoch = epoch;
    if (upstream !== this.#divergedFrom) this.#self.divergence = null;
    this.upstream = upstream;
    this.#joined = false;
    this.#connected = false;
    this.#heardAt = this.#around.queue.now;
    this.#around.changed(this.#self);
    this.#join();
  }

  leave(): void {
    this.upstream = null;
    this.#joined = false;
  }

  observe(now: number): UpstreamObservation | null {
    if (this.upstream === null) return null;
    return { instance: this.upstream, connected: this.#connected, silentMs: now - this.#heardAt };
  }

  /** What kept it from joining is over. */
  joinAgain(): void {
    if (!this.#joined) this.#join();
  }

  #join(): void {
    const { upstream } = this;
    const { epoch, life } = this.#self;
    if (upstream === null || this.#self.role !== 'standby' || this.#self.process !== 'running') return;
    if (this.#self.state.difference !== null) return;
    this.#session += 1;
    const session = this.#session;
    this.#self.tell(upstream, (peer) => peer.replicas.joinRequest(this.#self.id, epoch, session));
    this.#joinedAt = this.#around.queue.now;
    this.#around.queue.after(this.#joinAgainMs, () => {
      if (this.#self.life === life && this.upstream === upstream && !this.#joined && this.#session === session)
        this.#join();
    });
  }

  get #joinAgainMs(): number {
    return this.#self.selfGated ? JOIN_AGAIN_MS.own : JOIN_AGAIN_MS.foreign;
  }

  /** Cuts what the upstream does not have (kept aside first) and takes the rest. */
  joined({
    upstream,
    epoch,
    reign,
    session,
    log,
  }: {
    readonly upstream: InstanceId;
    readonly epoch: number;
    readonly reign: number;
    readonly session: number;
    readonly log: readonly LogEntry[];
  }): void {
    if (
      this.#self.role !== 'standby' ||
      this.#joined ||
      session !== this.#session ||
      this.upstream !== upstream ||
      epoch < this.#self.epoch
    )
      return;
    const common = this.#self.disk.commonWith(log);
    const tail = this.#self.log.length - common;
    if (tail > 0) {
      this.#self.divergence = { file: `quarantine/${this.#self.id}`, from: common, count: tail };
      this.#divergedFrom = upstream;
    }
    this.#self.disk.continueWith(common, log);
    this.#joined = true;
    this.#joinedReign = reign;
    // An engine stores the epoch of the primary that it joins before it acknowledges anything; a database is told by its driver alone.
    if (this.#self.selfGated) this.#self.learnEpoch(reign);
    this.#heard();
    this.#self.sync(() => {
      if (this.upstream !== upstream || this.#joinedReign !== reign) return;
      const acknowledged = this.#counted(reign);
      this.#self.tell(upstream, (peer) => peer.replicas.welcome(this.#self.id, reign, acknowledged));
    });
    this.#around.changed(this.#self);
  }

  #heard(): void {
    this.#heardAt = this.#around.queue.now;
    if (!this.#connected) {
      this.#connected = true;
      this.#around.changed(this.#self);
    }
  }

  gone(upstream: InstanceId): void {
    if (this.upstream !== upstream || !this.#connected) return;
    this.#connected = false;
    this.#joined = false;
    this.#around.changed(this.#self);
    this.#join();
  }

  receive(sender: InstanceId, epoch: number, from: number, entries: readonly LogEntry[]): void {
    if (
      epoch < this.#self.epoch ||
      this.#self.role !== 'standby' ||
      this.upstream !== sender ||
      !this.#joined ||
      this.#joinedReign !== epoch ||
      from > this.#self.log.length
    )
      return;
    for (const [offset, entry] of entries.entries())
      if (from + offset >= this.#self.log.length) this.#self.disk.add(entry);
    this.#heard();
    this.#self.sync(() => this.upstream === sender && this.#joinedReign === epoch && this.#acknowledge(sender, epoch));
  }

  heartbeat(upstream: InstanceId, epoch: number, isWrong: boolean): void {
    if (this.upstream !== upstream || this.#self.role !== 'standby' || epoch < this.#self.epoch) return;
    if (!this.#joined || this.#joinedReign !== epoch)
      return void (this.#around.queue.now - this.#joinedAt > this.#joinAgainMs && this.#join());
    if (!this.#self.state.agrees(upstream, epoch, isWrong)) {
      this.#connected = false;
      this.#joined = false;
      return;
    }
    this.#heard();
    this.#acknowledge(upstream, epoch);
  }

  beat(now: number): void {
    if (this.#connected && now - this.#heardAt > LOST_AFTER_MS) {
      this.#connected = false;
      this.#joined = false;
      this.#around.changed(this.#self);
      this.#join();
    }
  }

  /** What it has for a primary of this reign: nothing, as long as an order of an older epoch could still make it cut that. */
  #counted(reign: number): number {
    return this.#self.selfGated || this.#toldEpoch >= reign ? this.#self.disk.synced : 0;
  }

  #acknowledge(upstream: InstanceId, epoch: number): void {
    const acknowledged = this.#counted(epoch);
    this.#self.tell(upstream, (peer) => peer.replicas.acknowledged(this.#self.id, epoch, acknowledged));
  }
}
