import type { InstanceId } from '../core/base/ids.ts';
import type { InstanceModel } from './instance-model.ts';
import type { InstanceSurroundings } from './instance-surroundings.ts';
import type { Replica } from './model-observation.ts';
import { LOST_AFTER_MS, NO_REIGN } from './upstream-session.ts';

/** Who replicates from an instance, and how far each has come: the other end of `UpstreamSession`. Only a primary keeps count. */
export class ReplicaSessions {
  readonly #self: InstanceModel;
  readonly #around: InstanceSurroundings;
  readonly #known = new Map<InstanceId, Replica>();

  constructor(self: InstanceModel, around: InstanceSurroundings) {
    this.#self = self;
    this.#around = around;
  }

  get known(): ReadonlyMap<InstanceId, Replica> {
    return this.#known;
  }

  /** What a member has on its disk, as far as it has said so in this reign. */
  heldBy(member: InstanceId): number {
    return this.#known.get(member)?.acknowledged ?? 0;
  }

  /** A reign begins: nobody has joined it. */
  await(members: readonly InstanceId[]): void {
    this.#known.clear();
    for (const member of members)
      this.#known.set(member, { state: 'connecting', acknowledged: 0, heardAt: this.#around.queue.now });
  }

  /** The reign, or the process, is over. */
  dismiss(): void {
    const { id } = this.#self;
    for (const replica of this.#known.keys()) this.#self.tell(replica, (peer) => peer.standby.gone(id));
    this.#known.clear();
  }

  /** What was released without it, a new member has to have before it counts as in sync. */
  waitFor(members: readonly InstanceId[]): void {
    for (const [member, known] of this.#known)
      if (members.includes(member) && known.state === 'in-sync' && known.acknowledged < this.#self.releasedTo)
        this.#set(known, 'catching-up');
  }

  /** Sends the newest entry to whoever has joined. */
  replicateNewest(): void {
    for (const [replica, { state }] of this.#known)
      if (state === 'in-sync' || state === 'catching-up') this.#replicate(replica, this.#self.log.length - 1);
  }

  /** A standby wants to follow: it gets everything that is here. */
  joinRequest(replica: InstanceId, epoch: number, session: number): void {
    const { role, grantEpoch, id, log } = this.#self;
    if (role === 'closed' || epoch > Math.max(this.#self.epoch, grantEpoch)) return;
    // A connection needs both directions.
    const from = this.#around.peer(replica)?.place;
    if (!from || !this.#around.network.open(this.#self.place, from)) return;
    const source = this.#self.epoch;
    const reign = role === 'primary' ? grantEpoch : NO_REIGN;
    if (role === 'primary') {
      const known = this.#known.get(replica) ?? { state: 'connecting' as const, acknowledged: 0, heardAt: 0 };
      this.#known.set(replica, { ...known, state: 'catching-up', heardAt: this.#around.queue.now });
      this.#around.changed(this.#self);
    }
    const copy = [...log];
    this.#self.tell(
      replica,
      (peer) => peer.standby.joined({ upstream: id, epoch: source, reign, session, log: copy }),
      copy.length / 50,
    );
  }

  /** A replica has joined with so much on its disk: it gets what was added meanwhile. */
  welcome(replica: InstanceId, reign: number, acknowledged: number): void {
    if (this.#self.role !== 'primary') return;
    if (this.#known.has(replica) && this.#self.log.length > acknowledged) this.#replicate(replica, acknowledged);
    this.acknowledged(replica, reign, acknowledged);
  }

  /** A replica has everything up to here on its disk. */
  acknowledged(replica: InstanceId, epoch: number, sequence: number): void {
    const known = this.#known.get(replica);
    if (this.#self.role !== 'primary' || epoch !== this.#self.grantEpoch || !known) return;
    known.acknowledged = Math.max(known.acknowledged, sequence);
    known.heardAt = this.#around.queue.now;
    this.#set(known, known.acknowledged >= this.#self.releasedTo ? 'in-sync' : 'catching-up');
    this.#self.tryRelease();
  }

  /** Who was silent for too long is lost; all others get what they lack, and a heartbeat. */
  beat(now: number): void {
    const { id, grantEpoch, log, state } = this.#self;
    for (const [replica, known] of this.#known) {
      if (now - known.heardAt > LOST_AFTER_MS && known.state !== 'lost') this.#set(known, 'lost');
      const have = known.acknowledged;
      if ((known.state === 'in-sync' || known.state === 'catching-up') && have < log.length)
        this.#replicate(replica, have);
      const { isWrong } = state;
      this.#self.tell(replica, (peer) => peer.standby.heartbeat(id, grantEpoch, isWrong));
    }
    this.#self.tryRelease();
  }

  #replicate(replica: InstanceId, from: number): void {
    const { grantEpoch, id, log } = this.#self;
    const entries = log.slice(from);
    this.#self.tell(replica, (peer) => peer.standby.receive(id, grantEpoch, from, entries));
  }

  #set(known: Replica, state: Replica['state']): void {
    if (known.state === state) return;
    known.state = state;
    this.#around.changed(this.#self);
  }
}
