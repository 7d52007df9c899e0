import type { LogView } from './log-view.ts';
import type { PrimaryMessage, StandbyMessage, StateHash } from './messages.ts';

/**
 * The primary's half of replication as a pure state machine: events in, effects out, no clock, no I/O. It decides what each
 * replica is sent and how far the acknowledgement set holds the log (I4, I9). It never shrinks that set.
 */
export type PrimaryEvent =
  | { readonly kind: 'connected'; readonly connection: number; readonly nowMs: number }
  | { readonly kind: 'message'; readonly connection: number; readonly message: StandbyMessage; readonly nowMs: number }
  | { readonly kind: 'closed'; readonly connection: number }
  /** Answer to `send-log`: blocks up to this sequence are on their way. */
  | { readonly kind: 'sent'; readonly connection: number; readonly sequence: number }
  | { readonly kind: 'appended' }
  | { readonly kind: 'local-durable' }
  | { readonly kind: 'ack-set'; readonly members: readonly string[] }
  | { readonly kind: 'tick'; readonly nowMs: number };

export type PrimaryEffect =
  | { readonly kind: 'send'; readonly connection: number; readonly message: PrimaryMessage }
  /** Send whole blocks from `after` on, as many as fit one write, and say how far with a `sent` event. */
  | { readonly kind: 'send-log'; readonly connection: number; readonly after: number }
  | { readonly kind: 'close'; readonly connection: number; readonly reason: string }
  /** Every member of the acknowledgement set holds everything up to here. Only ever grows. */
  | { readonly kind: 'held'; readonly sequence: number }
  | { readonly kind: 'replicas-changed' }
  /** The states that two equal logs amount to are not equal: one of the two computed wrongly. The replica was taken out. */
  | { readonly kind: 'state-differs'; readonly instance: string; readonly sequence: number }
  /** A replica has stored a newer epoch: this instance is primary no longer. */
  | { readonly kind: 'superseded'; readonly epoch: number };

export interface PrimaryCoreOptions {
  readonly instance: string;
  readonly epoch: number;
  readonly ackSet: readonly string[];
  readonly log: LogView;
  readonly lostAfterMs: number;
  /** Hash of the state right after an entry; null where none is known. Left out: states are not compared. */
  readonly stateHashAt?: (sequence: number) => string | null;
  /** What everybody else who reads the log has stored. Left out: nobody says what may be removed. */
  readonly readersStored?: () => number;
  /** Entries that may be under way to one replica without its acknowledgement. */
  readonly windowEntries: number;
}

export interface Difference {
  readonly sequence: number;
  readonly primary: string;
  readonly replica: string;
  readonly agreeing: readonly string[];
}

export interface ReplicaView {
  readonly instance: string;
  readonly state: 'connecting' | 'catching-up' | 'in-sync' | 'lost';
  readonly acknowledgedSequence: number;
  readonly heardAtMs: number | null;
  /** Taken out because its state was not the primary's at this sequence; until it comes again with a new one. */
  readonly differsAt: number | null;
  /** What the two states hashed to there, and which other replicas have shown the primary's state there or later. */
  readonly difference: Difference | null;
}

/** A standby that cuts its log and rebuilds its state is silent for longer than one that follows. */
const JOIN_PATIENCE = 40;
/** A disk may take long to sync, and longer than a process may be silent. */
const SYNC_PATIENCE = 4;
const MOST_REPLICAS = 64;
/** Also while blocks flow, which need no heartbeats. */
const SAY_STORED_MS = 1000;

interface Replica {
  readonly instance: string;
  connection: number | null;
  state: 'connecting' | 'catching-up' | 'in-sync' | 'lost';
  acknowledged: number;
  sent: number;
  sending: boolean;
  /** Where this connection started; null while the logs are still being compared or cut. */
  startedAfter: number | null;
  /** In sync once it has acknowledged this, the log's end when it started. */
  target: number;
  heardAtMs: number | null;
  /** When it had last acknowledged more, or all that it was sent. */
  progressAtMs: number | null;
  quiet: boolean;
  difference: Omit<Difference, 'agreeing'> | null;
  /** Newest sequence at which its state was the primary's. */
  agreedAt: number;
}

export class PrimaryCore {
  readonly #options: PrimaryCoreOptions;
  readonly #replicas = new Map<string, Replica>();
  readonly #byConnection = new Map<number, Replica | null>();
  #members: readonly string[];
  #held = 0;
  #tickedAtMs: number | null = null;
  #saidStoredAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PrimaryCoreOptions) {
    this.#options = options;
    this.#members = options.ackSet;
    for (const member of this.#peers()) this.#replica(member);
  }

  get held(): number {
    return this.#held;
  }

  get ackSet(): readonly string[] {
    return this.#members;
  }

  /** Every member of the acknowledgement set is connected and caught up. */
  get complete(): boolean {
    return this.#peers().every((member) => this.#replicas.get(member)?.state === 'in-sync');
  }

  get replicas(): readonly ReplicaView[] {
    const all = [...this.#replicas.values()];
    return all.map(({ instance, state, acknowledged, heardAtMs, difference }) => {
      const at = difference?.sequence ?? null;
      const agreeing = at === null ? [] : all.filter(({ agreedAt }) => agreedAt >= at).map((other) => other.instance);
      return {
        instance,
        state,
        acknowledgedSequence: acknowledged,
        heardAtMs,
        differsAt: at,
        difference: difference === null ? null : { ...difference, agreeing },
      };
    });
  }

  step(event: PrimaryEvent): PrimaryEffect[] {
    switch (event.kind) {
      case 'connected':
        this.#byConnection.set(event.connection, null);
        return [];
      case 'message':
        return this.#message(event.connection, event.message, event.nowMs);
      case 'closed':
        return this.#closed(event.connection);
      case 'sent':
        return this.#sent(event.connection, event.sequence);
      case 'appended':
        return [...this.#replicas.values()].flatMap((replica) => this.#feed(replica));
      case 'local-durable':
        return this.#advance();
      case 'ack-set':
        for (const member of event.members) this.#join(member);
        this.#members = event.members;
        return [...this.#advance(), { kind: 'replicas-changed' }];
      case 'tick':
        return this.#tick(event.nowMs);
    }
  }

  #message(connection: number, message: StandbyMessage, nowMs: number): PrimaryEffect[] {
    if (message.t === 'hello') return this.#hello(connection, message, nowMs);
    const replica = this.#byConnection.get(connection);
    if (replica === undefined || replica === null)
      return [{ kind: 'close', connection, reason: 'it did not say hello first' }];
    replica.heardAtMs = nowMs;
    switch (message.t) {
      case 'probe':
        return this.#compare(replica, connection, message);
      case 'start':
        return this.#start(replica, connection, message.after);
      case 'ack':
        return this.#ack(replica, connection, message);
    }
  }

  #hello(connection: number, message: StandbyMessage & { t: 'hello' }, nowMs: number): PrimaryEffect[] {
    const { epoch } = this.#options;
    if (message.epoch > epoch) {
      return [
        { kind: 'send', connection, message: { t: 'refused', code: 'stale-epoch', epoch } },
        { kind: 'close', connection, reason: `it has stored epoch ${message.epoch}` },
        { kind: 'superseded', epoch: message.epoch },
      ];
    }
    if (!this.#hasRoomFor(message.instance))
      return [{ kind: 'close', connection, reason: `there are ${MOST_REPLICAS} replicas already` }];
    const replica = this.#replica(message.instance);
    const effects: PrimaryEffect[] = [];
    if (replica.connection !== null && replica.connection !== connection) {
      this.#byConnection.delete(replica.connection);
      effects.push({ kind: 'close', connection: replica.connection, reason: 'the replica connected again' });
    }
    this.#byConnection.set(connection, replica);
    Object.assign(replica, {
      connection,
      state: 'connecting',
      sent: 0,
      sending: false,
      startedAfter: null,
      heardAtMs: nowMs,
      progressAtMs: nowMs,
      quiet: false,
      // Whoever was told that its state differs comes again only with one computed anew.
      difference: null,
      agreedAt: 0,
    });
    const compared = this.#compare(replica, connection, message);
    // All of its log is part of this one: nothing is to be cut, and what it lacks goes at once.
    const rest = replica.state === 'catching-up' ? this.#begin(replica, connection, message.sequence) : [];
    return [...effects, { kind: 'replicas-changed' }, ...compared, ...rest];
  }

  /** Logs are equal up to a sequence where both have a block's end with one checksum, because blocks are chained. */
  #compare(
    replica: Replica,
    connection: number,
    at: { sequence: number; sequenceEpoch: number; crc: number },
  ): PrimaryEffect[] {
    const { log, epoch, instance } = this.#options;
    const mine = log.endAt(at.sequence);
    if (mine !== null && mine.crc === at.crc && mine.epoch === at.sequenceEpoch) {
      replica.state = 'catching-up';
      return [
        { kind: 'send', connection, message: { t: 'matched', at: at.sequence, epoch, instance } },
        { kind: 'replicas-changed' },
      ];
    }
    if (at.sequence < log.first - 1)
      return [
        { kind: 'send', connection, message: { t: 'refused', code: 'removed', epoch } },
        { kind: 'close', connection, reason: `it needs entries before ${log.first}, which were removed` },
        ...this.#closed(connection),
      ];
    const below = Math.max(
      0,
      Math.min(at.sequence - 1, log.end.sequence, log.lastSequenceOfEpochAtMost(at.sequenceEpoch)),
    );
    return [{ kind: 'send', connection, message: { t: 'mismatch', below } }];
  }

  #start(replica: Replica, connection: number, after: number): PrimaryEffect[] {
    const { log } = this.#options;
    if (replica.state !== 'catching-up' || log.endAt(after) === null)
      return [{ kind: 'close', connection, reason: 'it started where the logs were not found equal' }];
    return replica.startedAfter === after ? [] : this.#begin(replica, connection, after);
  }

  #begin(replica: Replica, connection: number, after: number): PrimaryEffect[] {
    const { log } = this.#options;
    replica.sent = after;
    replica.startedAfter = after;
    // A replica that was rebuilt holds less than it once acknowledged.
    replica.acknowledged = Math.min(replica.acknowledged, after);
    replica.target = log.end.sequence;
    const effects = this.#feed(replica);
    // An empty answer would leave an up-to-date replica waiting for the next heartbeat before it can be in sync.
    return effects.length > 0 ? effects : [this.#heartbeat(connection)];
  }

  #ack(replica: Replica, connection: number, message: StandbyMessage & { t: 'ack' }): PrimaryEffect[] {
    const { epoch, log } = this.#options;
    if (message.epoch !== epoch)
      return [{ kind: 'close', connection, reason: `it acknowledges epoch ${message.epoch}` }];
    if (message.sequence > log.end.sequence)
      return [{ kind: 'close', connection, reason: 'it acknowledges what was never written' }];
    if (replica.sent < message.sequence)
      return [{ kind: 'close', connection, reason: 'it acknowledges what it was not sent' }];
    if (message.state !== undefined) {
      const mine = this.#options.stateHashAt?.(message.state.sequence) ?? null;
      if (mine !== null && mine !== message.state.hash) return this.#takeOut(replica, connection, message.state, mine);
      if (mine !== null) replica.agreedAt = message.state.sequence;
    }
    if (message.sequence > replica.acknowledged) replica.progressAtMs = replica.heardAtMs;
    replica.acknowledged = Math.max(replica.acknowledged, message.sequence);
    const effects = this.#feed(replica);
    if (replica.state !== 'in-sync' && replica.acknowledged >= replica.target) {
      replica.state = 'in-sync';
      effects.push({ kind: 'replicas-changed' });
    }
    return [...effects, ...this.#advance()];
  }

  /** What it acknowledged before stays on its disk and counts; it acknowledges nothing more. */
  #takeOut(replica: Replica, connection: number, its: StateHash, hash: string): PrimaryEffect[] {
    const { epoch } = this.#options;
    const { sequence } = its;
    replica.difference = { sequence, primary: hash, replica: its.hash };
    replica.agreedAt = 0;
    return [
      { kind: 'send', connection, message: { t: 'state-differs', epoch, sequence, hash } },
      { kind: 'close', connection, reason: `its state differs at ${sequence}` },
      ...this.#closed(connection),
      { kind: 'state-differs', instance: replica.instance, sequence },
    ];
  }

  #closed(connection: number): PrimaryEffect[] {
    const replica = this.#byConnection.get(connection);
    this.#byConnection.delete(connection);
    if (replica === undefined || replica === null || replica.connection !== connection) return [];
    Object.assign(replica, { connection: null, state: 'lost', sending: false });
    return [{ kind: 'replicas-changed' }];
  }

  #sent(connection: number, sequence: number): PrimaryEffect[] {
    const replica = this.#byConnection.get(connection);
    if (replica === undefined || replica === null) return [];
    replica.sending = false;
    replica.quiet = false;
    replica.sent = Math.max(replica.sent, sequence);
    return this.#feed(replica);
  }

  #feed(replica: Replica): PrimaryEffect[] {
    const { log, windowEntries } = this.#options;
    if (replica.connection === null || replica.sending || replica.startedAfter === null) return [];
    if (replica.sent >= log.end.sequence) return [];
    if (replica.sent - Math.max(replica.acknowledged, replica.startedAfter) >= windowEntries) return [];
    replica.sending = true;
    return [{ kind: 'send-log', connection: replica.connection, after: replica.sent }];
  }

  #tick(nowMs: number): PrimaryEffect[] {
    const { lostAfterMs } = this.#options;
    const late = this.#tickedAtMs !== null && nowMs - this.#tickedAtMs > lostAfterMs / 2;
    this.#tickedAtMs = nowMs;
    const effects: PrimaryEffect[] = [];
    const sayStored = this.#options.readersStored !== undefined && nowMs - this.#saidStoredAtMs > SAY_STORED_MS;
    for (const replica of this.#replicas.values()) {
      if (replica.connection === null) continue;
      // A detector that was itself paused has observed no silence: it starts again.
      if (late && replica.heardAtMs !== null) replica.heardAtMs = nowMs;
      const patienceMs = replica.startedAfter === null ? lostAfterMs * JOIN_PATIENCE : lostAfterMs;
      if (replica.heardAtMs !== null && nowMs - replica.heardAtMs > patienceMs) {
        effects.push({
          kind: 'close',
          connection: replica.connection,
          reason: `silent for more than ${patienceMs} ms`,
        });
        effects.push(...this.#closed(replica.connection));
        continue;
      }
      effects.push(...this.#lookAtProgress(replica, late ? null : nowMs));
      if (replica.quiet || sayStored) effects.push(this.#heartbeat(replica.connection));
      replica.quiet = true;
    }
    if (sayStored) this.#saidStoredAtMs = nowMs;
    return effects;
  }

  /** One that answers and makes nothing of what it is sent durable is in step no longer, and whoever looks after the set is told. */
  #lookAtProgress(replica: Replica, nowMs: number | null): PrimaryEffect[] {
    const { lostAfterMs, log } = this.#options;
    if (replica.acknowledged >= replica.sent || nowMs === null || replica.progressAtMs === null) {
      replica.progressAtMs = nowMs;
      return [];
    }
    if (replica.state !== 'in-sync' || nowMs - replica.progressAtMs <= lostAfterMs * SYNC_PATIENCE) return [];
    replica.state = 'catching-up';
    replica.target = log.end.sequence;
    return [{ kind: 'replicas-changed' }];
  }

  #heartbeat(connection: number): PrimaryEffect {
    const { epoch, log } = this.#options;
    const stored = this.#stored;
    return {
      kind: 'send',
      connection,
      message: { t: 'heartbeat', epoch, end: log.end.sequence, released: log.released, ...stored },
    };
  }

  /** The lowest of what replicas, also those that are gone, and readers have stored. */
  get #stored(): { readonly stored?: number } {
    const { readersStored } = this.#options;
    if (readersStored === undefined) return {};
    const replicas = [...this.#replicas.values()].map(({ acknowledged }) => acknowledged);
    return { stored: Math.min(readersStored(), ...replicas) };
  }

  /** What was released without it, it has to hold before it counts as in sync: from now on nothing is. */
  #join(member: string): void {
    if (member === this.#options.instance) return;
    const replica = this.#replica(member);
    if (this.#members.includes(member) || replica.acknowledged >= this.#held) return;
    replica.target = Math.max(replica.target, this.#held);
    if (replica.state === 'in-sync') replica.state = 'catching-up';
  }

  /** The lowest sequence that this instance and every member hold. What a lost member once acknowledged it still holds. */
  #advance(): PrimaryEffect[] {
    let held = this.#options.log.durable;
    for (const member of this.#peers()) held = Math.min(held, this.#replicas.get(member)?.acknowledged ?? 0);
    if (held <= this.#held) return [];
    this.#held = held;
    return [{ kind: 'held', sequence: held }];
  }

  /** Names come from outside. One that is gone and was never in the acknowledgement set gives way. */
  #hasRoomFor(instance: string): boolean {
    if (this.#replicas.has(instance) || this.#replicas.size < MOST_REPLICAS) return true;
    for (const [name, { connection }] of this.#replicas) {
      if (connection !== null || this.#members.includes(name)) continue;
      this.#replicas.delete(name);
      return true;
    }
    return false;
  }

  #peers(): readonly string[] {
    return this.#members.filter((member) => member !== this.#options.instance);
  }

  #replica(instance: string): Replica {
    const known = this.#replicas.get(instance);
    if (known !== undefined) return known;
    const replica: Replica = {
      instance,
      connection: null,
      state: 'connecting',
      acknowledged: 0,
      sent: 0,
      sending: false,
      startedAfter: null,
      target: 0,
      heardAtMs: null,
      progressAtMs: null,
      quiet: false,
      difference: null,
      agreedAt: 0,
    };
    this.#replicas.set(instance, replica);
    return replica;
  }
}
