import { encodeBlock, lastSequenceOf } from '../journal/block.ts';
import { textRecord } from '../testing/text-record.ts';
import { MemoryLog } from './memory-log.ts';
import { PrimaryCore, type PrimaryEffect, type PrimaryEvent } from './primary-core.ts';
import { seededRandom } from './seeded-random.ts';
import { type Frame, SimulatedWires, type Wire } from './simulated-wires.ts';
import { StandbyCore, type StandbyEffect, type StandbyEvent } from './standby-core.ts';

interface Node {
  readonly name: string;
  readonly log: MemoryLog;
  readonly epochs: { highest: number };
  alive: boolean;
  /** Alive, but nothing that it should handle reaches it until it is thawed. */
  frozen: boolean;
  /** Its memory was altered: its state is no longer what its log amounts to. */
  altered: boolean;
  primary: PrimaryCore | null;
  primaryEpoch: number;
  standby: StandbyCore;
  following: string | null;
}

/** The authority's record, as the whole system would keep it: who may be promoted, in which epoch. */
interface Grant {
  epoch: number;
  holder: string;
  ackSet: string[];
}

export interface SimulationOutcome {
  readonly violations: readonly string[];
  readonly counts: Readonly<
    Record<
      | 'released'
      | 'promotions'
      | 'cuts'
      | 'staleRefused'
      | 'crashes'
      | 'freezes'
      | 'wireLosses'
      | 'altered'
      | 'takenOut',
      number
    >
  >;
}

const HASH_EVERY = 4;
const ALTERED = 'altered';

/** Hash of a node's state after an entry: a function of its log unless its memory was altered. */
const stateHash = (node: Node, sequence: number): string | null => {
  const entry = node.log.entryAt(sequence);
  return entry === null ? null : `${node.altered ? `${ALTERED} in ${node.name}: ` : ''}${entry}`;
};

/**
 * A seeded world of three instances: connections break at any frame, processes crash and lose what was not durable, freeze and
 * thaw, have their memory altered, and are replaced by a member of the recorded acknowledgement set. After every step it checks that what was
 * released stays released (I4) and that an older epoch releases nothing after a newer one did (I1); at the end,
 * that all logs become equal (I10).
 */
export class ReplicationSimulation {
  readonly #random: () => number;
  readonly #nodes: Node[];
  readonly #grant: Grant;
  readonly #released: (string | null)[] = [null];
  #releasedEpoch = 0;
  readonly #wires: SimulatedWires<Node>;
  #nowMs = 0;
  /** What is being delivered was computed from altered memory. */
  #deliversAltered = false;
  #written = 0;
  readonly #violations: string[] = [];
  readonly #counts = {
    released: 0,
    promotions: 0,
    cuts: 0,
    staleRefused: 0,
    crashes: 0,
    freezes: 0,
    wireLosses: 0,
    altered: 0,
    takenOut: 0,
  };

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#wires = new SimulatedWires(this.#random);
    this.#nodes = ['a', 'b', 'c'].map((name) => this.#boot(name, new MemoryLog(), { highest: 0 }));
    this.#grant = { epoch: 0, holder: 'a', ackSet: ['b', 'c'] };
    this.#promote(this.#nodes[0]!, ['b', 'c']);
  }

  run(steps: number): SimulationOutcome {
    for (let step = 0; step < steps && this.#violations.length === 0; step++) this.#step();
    if (this.#violations.length === 0) this.#heal();
    return { violations: this.#violations, counts: this.#counts };
  }

  #step(): void {
    this.#nowMs += 1 + Math.floor(this.#random() * 10);
    const draw = this.#random();
    const node = this.#pick(this.#nodes);
    if (draw < 0.3) this.#write(this.#pick(this.#nodes));
    else if (draw < 0.78) this.#deliverOne();
    else if (draw < 0.88) this.#sync(node);
    else if (draw < 0.965) this.#tick(node);
    else if (draw < 0.975) this.#breakWire();
    else if (draw < 0.98) this.#crash(node);
    else if (draw < 0.985) this.#freeze(node);
    else if (draw < 0.986) this.#alter(node);
    else if (draw < 0.992) this.#recover(node);
    else this.#failOver();
    this.#checkTakenOut();
  }

  /** Whoever was taken out confirms nothing: it is neither in sync nor able to become so without starting anew. */
  #checkTakenOut(): void {
    for (const node of this.#nodes)
      for (const { instance, state, differsAt } of node.primary?.replicas ?? [])
        if (differsAt !== null && state !== 'lost')
          this.#violations.push(`${instance} differs at ${differsAt} and is ${state} for ${node.name}`);
  }

  #write(node: Node): void {
    if (node.primary === null || !node.alive || node.frozen) return;
    const entries = Array.from(
      { length: 1 + Math.floor(this.#random() * 3) },
      () => `["${node.name}",${node.primaryEpoch},${++this.#written}]`,
    );
    this.#append(node, entries);
  }

  #append(node: Node, entries: readonly string[]): void {
    const { log } = node;
    const records = entries.map(textRecord);
    log.blocks.push(encodeBlock({ previous: log.end, epoch: node.primaryEpoch, committed: log.released, records }));
    this.#toPrimary(node, { kind: 'appended' });
  }

  #sync(node: Node): void {
    if (!node.alive || node.frozen) return;
    node.log.durable = node.log.end.sequence;
    if (node.primary !== null) this.#toPrimary(node, { kind: 'local-durable' });
    else this.#toStandby(node, { kind: 'durable' });
  }

  #tick(node: Node): void {
    if (!node.alive || node.frozen) return;
    if (node.primary !== null) this.#toPrimary(node, { kind: 'tick', nowMs: this.#nowMs });
    else this.#toStandby(node, { kind: 'tick', nowMs: this.#nowMs });
  }

  #deliverOne(): void {
    const { ready } = this.#wires;
    if (ready.length === 0) return;
    const { wire, queue } = this.#pick(ready);
    this.#deliver(wire, queue.shift()!);
  }

  #deliver(wire: Wire<Node>, frame: Frame): void {
    const nowMs = this.#nowMs;
    const connection = wire.standbyConnection;
    if (frame.to === 'primary') {
      if ('closed' in frame) {
        this.#toPrimary(wire.primary, { kind: 'closed', connection: wire.id });
        return;
      }
      const state = frame.message.t === 'ack' ? frame.message.state : undefined;
      this.#deliversAltered = state?.hash.startsWith(ALTERED) ?? false;
      this.#toPrimary(wire.primary, { kind: 'message', connection: wire.id, message: frame.message, nowMs });
    } else if ('closed' in frame) this.#toStandby(wire.standby, { kind: 'closed', connection, nowMs });
    else if ('block' in frame) {
      if (frame.senderEpoch < wire.standby.epochs.highest) this.#counts.staleRefused += 1;
      this.#toStandby(wire.standby, {
        kind: 'block',
        connection,
        senderEpoch: frame.senderEpoch,
        block: frame.block,
        nowMs,
      });
    } else this.#toStandby(wire.standby, { kind: 'message', connection, message: frame.message, nowMs });
  }

  #breakWire(): void {
    const { open } = this.#wires;
    if (open.length === 0) return;
    this.#counts.wireLosses += 1;
    this.#wires.cut(this.#pick(open), { loseFrames: true });
  }

  #crash(node: Node): void {
    if (!node.alive) return;
    this.#counts.crashes += 1;
    node.alive = false;
    node.primary = null;
    // Some prefix of what was written and not synced may have reached the disk.
    const firstLost = node.log.blocks.findIndex(
      ({ header }) => lastSequenceOf(header) > node.log.durable && this.#random() < 0.5,
    );
    if (firstLost !== -1) node.log.blocks = node.log.blocks.slice(0, firstLost);
    this.#wires.cutAllOf(node);
  }

  #freeze(node: Node): void {
    if (!node.alive || node.frozen) return;
    this.#counts.freezes += 1;
    node.frozen = true;
  }

  #alter(node: Node): void {
    if (!node.alive || node.altered) return;
    this.#counts.altered += 1;
    node.altered = true;
  }

  #recover(node: Node): void {
    if (node.frozen) node.frozen = false;
    else if (node.standby.differsAt !== null && this.#random() < 0.5) this.#crash(node);
    else if (node.standby.differsAt !== null) {
      node.altered = false;
      this.#toStandby(node, { kind: 'recomputed', nowMs: this.#nowMs });
    } else if (!node.alive) this.#restart(node);
    // Whoever is not the holder is told to follow it.
    if (node.alive && node.name !== this.#grant.holder) this.#tellToFollow(node);
  }

  #startAnew(node: Node): void {
    this.#crash(node);
    this.#restart(node);
  }

  #restart(node: Node): void {
    const fresh = this.#boot(node.name, node.log, node.epochs);
    Object.assign(node, fresh);
    node.log.durable = node.log.end.sequence;
    node.log.released = Math.min(node.log.released, node.log.end.sequence);
  }

  /** Fence first, then promote: only a member of the recorded set, and only with everything that the set can hold (I9). */
  #failOver(): void {
    const candidates = this.#nodes.filter(
      (node) =>
        node.alive &&
        !node.frozen &&
        node.standby.differsAt === null &&
        this.#grant.ackSet.includes(node.name) &&
        node.name !== this.#grant.holder,
    );
    if (candidates.length === 0) return;
    const chosen = this.#pick(candidates);
    const others = this.#nodes.filter((node) => node !== chosen).map(({ name }) => name);
    this.#promote(chosen, others);
    for (const node of this.#nodes) if (node !== chosen && node.alive && !node.frozen) this.#tellToFollow(node);
  }

  #promote(node: Node, ackSet: string[]): void {
    this.#grant.epoch += 1;
    this.#grant.holder = node.name;
    this.#grant.ackSet = ackSet;
    this.#counts.promotions += 1;
    this.#fence(node, this.#grant.epoch);
    this.#toStandby(node, { kind: 'stop' });
    node.following = null;
    node.primaryEpoch = this.#grant.epoch;
    node.primary = new PrimaryCore({
      instance: node.name,
      epoch: this.#grant.epoch,
      ackSet,
      log: node.log,
      lostAfterMs: 200,
      windowEntries: 8,
      stateHashAt: (sequence) => stateHash(node, sequence),
    });
    this.#append(node, [`["epoch",${this.#grant.epoch}]`]);
  }

  #fence(node: Node, epoch: number): void {
    if (epoch <= node.epochs.highest) return;
    node.epochs.highest = epoch;
    node.primary = null;
    this.#toStandby(node, { kind: 'epoch-raised', nowMs: this.#nowMs });
  }

  #tellToFollow(node: Node): void {
    this.#fence(node, this.#grant.epoch);
    if (node.following === this.#grant.holder) return;
    node.following = this.#grant.holder;
    const upstream = { instance: this.#grant.holder, address: this.#grant.holder };
    this.#toStandby(node, { kind: 'follow', upstream, nowMs: this.#nowMs });
  }

  #toPrimary(node: Node, event: PrimaryEvent): void {
    if (node.primary === null) return;
    for (const effect of node.primary.step(event)) this.#performPrimary(node, effect);
  }

  #performPrimary(node: Node, effect: PrimaryEffect): void {
    switch (effect.kind) {
      case 'send':
        return void this.#wires.byId(effect.connection)?.toStandby.push({ to: 'standby', message: effect.message });
      case 'send-log': {
        const wire = this.#wires.byId(effect.connection);
        const blocks = node.log.blocks.filter(({ header }) => header.firstSequence > effect.after).slice(0, 3);
        for (const block of blocks) wire?.toStandby.push({ to: 'standby', senderEpoch: node.primaryEpoch, block });
        const last = blocks.at(-1);
        const sequence = last === undefined ? effect.after : lastSequenceOf(last.header);
        this.#toPrimary(node, { kind: 'sent', connection: effect.connection, sequence });
        return;
      }
      case 'close': {
        const wire = this.#wires.byId(effect.connection);
        if (wire !== null) this.#wires.cut(wire, { loseFrames: false });
        return;
      }
      case 'held':
        this.#release(node, effect.sequence);
        return;
      case 'replicas-changed':
        return;
      case 'state-differs': {
        this.#counts.takenOut += 1;
        if (!node.altered && !this.#deliversAltered)
          this.#violations.push(`${node.name} took out ${effect.instance}, and neither was altered`);
        return;
      }
      case 'superseded':
        this.#fence(node, effect.epoch);
        return;
    }
  }

  #toStandby(node: Node, event: StandbyEvent): void {
    for (const effect of node.standby.step(event)) this.#performStandby(node, effect);
  }

  #performStandby(node: Node, effect: StandbyEffect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial(node, effect.address, effect.connection);
        return;
      case 'close': {
        const wire = this.#wires.dialledBy(node, effect.connection);
        if (wire !== null) this.#wires.cut(wire, { loseFrames: false });
        return;
      }
      case 'send': {
        const wire = this.#wires.dialledBy(node, effect.connection);
        if (wire?.open) wire.toPrimary.push({ to: 'primary', message: effect.message });
        return;
      }
      case 'store-epoch':
        node.epochs.highest = Math.max(node.epochs.highest, effect.epoch);
        return;
      case 'append':
        node.log.blocks.push(effect.block);
        return;
      case 'note-stored':
        return;
      case 'note-released':
        node.log.released = Math.min(Math.max(node.log.released, effect.sequence), node.log.end.sequence);
        return;
      case 'cut':
        this.#counts.cuts += 1;
        node.log.cutAfter(effect.after);
        this.#toStandby(node, { kind: 'cut-done' });
        return;
      case 'upstream-changed':
        return;
    }
  }

  #dial(node: Node, address: string, connection: number): void {
    const primary = this.#nodes.find(({ name }) => name === address)!;
    const wire = this.#wires.dial(node, primary, connection);
    if (!primary.alive || primary.primary === null) {
      this.#wires.cut(wire, { loseFrames: false });
      return;
    }
    this.#toPrimary(primary, { kind: 'connected', connection: wire.id, nowMs: this.#nowMs });
    this.#toStandby(node, { kind: 'connected', connection, nowMs: this.#nowMs });
  }

  #release(node: Node, sequence: number): void {
    node.log.released = sequence;
    if (node.primaryEpoch < this.#releasedEpoch)
      this.#violations.push(`I1: ${node.name} releases in epoch ${node.primaryEpoch} after ${this.#releasedEpoch}`);
    this.#releasedEpoch = Math.max(this.#releasedEpoch, node.primaryEpoch);
    for (let at = this.#released.length; at <= sequence; at++) {
      this.#released.push(node.log.entryAt(at));
      this.#counts.released += 1;
    }
    if (node.log.entryAt(sequence) !== this.#released[sequence])
      this.#violations.push(`I4: ${node.name} releases another entry ${sequence}`);
    this.#checkReleased(this.#nodes.find(({ name }) => name === this.#grant.holder)!);
  }

  /** Everything ever released is in the holder's log, unaltered. */
  #checkReleased(holder: Node): void {
    if (!holder.alive) return;
    for (let at = 1; at < this.#released.length; at++) {
      if (holder.log.entryAt(at) === this.#released[at]) continue;
      this.#violations.push(
        `I4: entry ${at} was released as ${this.#released[at]}; ${holder.name} has ${holder.log.entryAt(at)}`,
      );
      return;
    }
  }

  /** No more faults: within a bound, all three logs are equal and everything is released. */
  #heal(): void {
    for (const node of this.#nodes) {
      node.frozen = false;
      if (node.altered) this.#startAnew(node);
      if (!node.alive) this.#restart(node);
    }
    const holder = this.#nodes.find(({ name }) => name === this.#grant.holder)!;
    if (holder.primary === null)
      this.#promote(
        holder,
        this.#nodes.filter((node) => node !== holder).map(({ name }) => name),
      );
    for (let round = 0; round < 2000; round++) {
      this.#nowMs += 10;
      for (const node of this.#nodes) {
        // Somebody starts again what says that it must be.
        if (node.standby.differsAt !== null) this.#startAnew(node);
        if (node !== holder) this.#tellToFollow(node);
      }
      for (const node of this.#nodes) this.#sync(node);
      for (const node of this.#nodes) this.#tick(node);
      for (let count = 0; count < 20; count++) this.#deliverOne();
      if (
        this.#nodes.every(({ log }) => log.end.crc === holder.log.end.crc) &&
        (holder.primary?.held ?? 0) === holder.log.end.sequence
      )
        break;
    }
    this.#checkReleased(holder);
    const ends = this.#nodes.map(({ name, log }) => `${name}:${log.end.sequence}/${log.end.crc}`).join(' ');
    if (!this.#nodes.every(({ log }) => log.end.crc === holder.log.end.crc))
      this.#violations.push(`I10: the logs stay different: ${ends}`);
    else if ((holder.primary?.held ?? 0) !== holder.log.end.sequence)
      this.#violations.push(`I10: ${holder.name} holds only ${holder.primary?.held} of ${ends}`);
  }

  #boot(name: string, log: MemoryLog, epochs: { highest: number }): Node {
    const standby = new StandbyCore({
      instance: name,
      epochs,
      log,
      dialDeadlineMs: 200,
      silenceLimitMs: 400,
      stateHash: () => {
        const sequence = log.end.sequence - (log.end.sequence % HASH_EVERY);
        const hash = stateHash(this.#nodes.find((other) => other.name === name)!, sequence);
        return hash === null ? null : { sequence, hash };
      },
    });
    const calm = { alive: true, frozen: false, altered: false };
    return { name, log, epochs, ...calm, primary: null, primaryEpoch: 0, standby, following: null };
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}
