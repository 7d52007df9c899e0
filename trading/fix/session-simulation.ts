import { seededRandom } from '../replication/seeded-random.ts';
import type { FixMessage } from './fix-message.ts';
import { FrameReader } from './frame-reader.ts';
import type { SessionNotice, SessionOptions } from './session-types.ts';
import { type EndpointWatch, SimulatedEndpoint } from './simulated-endpoint.ts';
import { SimulatedTime, SimulatedWire } from './simulated-wire.ts';
import { isAdmin, MSG, TAG } from './tags.ts';

const FAULTS_MS = 120_000;
const HEALING_MS = 240_000;

export interface SimulationResult {
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

interface Delivery {
  readonly id: string;
  readonly place: number;
}

/** What one direction promised and what arrived of it; the checker of the simulation. */
class Direction {
  readonly #name: string;
  readonly #violations: string[];
  readonly #accepted = new Set<string>();
  readonly #everDelivered = new Set<string>();
  readonly #under = new Map<number, string>();
  #delivered: Delivery[] = [];

  constructor(name: string, violations: string[]) {
    this.#name = name;
    this.#violations = violations;
  }

  accepted(id: string): void {
    this.#accepted.add(id);
  }

  delivered(id: string, options: { possDup: boolean; place: number }): boolean {
    const repeated = this.#everDelivered.has(id);
    if (repeated && !options.possDup) this.violation(`${id} was delivered again and not marked`);
    const remembered = this.#delivered.some((each) => each.id === id);
    const last = this.#delivered.at(-1);
    if (!remembered && last !== undefined && number(id) < number(last.id))
      this.violation(`${id} was delivered after ${last.id}`);
    if (!remembered) this.#delivered.push({ id, place: options.place });
    this.#everDelivered.add(id);
    return repeated;
  }

  forgotAfter(place: number): void {
    this.#delivered = this.#delivered.filter((each) => each.place < place);
  }

  /** A number is for one message: nothing else may ever stand under it, except that a gap is filled. */
  frame(message: FixMessage): void {
    const { msgType } = message;
    if (msgType === MSG.SequenceReset) return;
    const seq = message.int(TAG.MsgSeqNum)!;
    const content = isAdmin(msgType) ? `${msgType} of ${message.text(TAG.SendingTime)}` : message.text(TAG.ClOrdID)!;
    const before = this.#under.get(seq);
    if (before !== undefined && before !== content)
      this.violation(`number ${seq} was given to ${before} and to ${content}`);
    this.#under.set(seq, content);
  }

  atTheEnd(): void {
    const arrived = new Set(this.#delivered.map(({ id }) => id));
    const missing = [...this.#accepted].filter((id) => !arrived.has(id));
    if (missing.length > 0)
      this.violation(`${missing.length} accepted messages never arrived, the first ${missing[0]}`);
  }

  violation(text: string): void {
    if (this.#violations.length < 10) this.#violations.push(`${this.#name}: ${text}`);
  }
}

const number = (id: string): number => Number(id.slice(1));

/**
 * Two sessions over connections that are cut, silently or not, that corrupt bytes and fill up, with processes that crash and restart
 * on either side at any moment, from one seed. After the faults it heals; then all that was accepted has to have arrived.
 */
export class SessionSimulation {
  readonly #random: () => number;
  readonly #time = new SimulatedTime();
  readonly #violations: string[] = [];
  readonly #counts: Record<string, number> = {};
  readonly #ends: readonly [SimulatedEndpoint, SimulatedEndpoint];
  readonly #directions: readonly [Direction, Direction];
  readonly #replace: boolean;
  #corruptShare: number;
  #wire: SimulatedWire | null = null;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#random = random;
    this.#replace = random() < 0.5;
    this.#corruptShare = random() < 0.5 ? 0.01 : 0;
    const nextExpected = random();
    const initiator = this.#drawn({
      role: 'initiator',
      senderCompId: 'FIRM',
      targetCompId: 'VENUE',
      heartBtIntS: 1 + Math.floor(random() * 20),
      useNextExpected: nextExpected < 0.5,
    });
    const acceptor = this.#drawn({
      role: 'acceptor',
      senderCompId: 'VENUE',
      targetCompId: 'FIRM',
      useNextExpected: nextExpected < 0.4,
    });
    this.#directions = [new Direction('initiator', this.#violations), new Direction('acceptor', this.#violations)];
    this.#ends = [this.#endpoint(initiator, 0), this.#endpoint(acceptor, 1)];
  }

  run(): SimulationResult {
    this.#later(0, () => this.#dial());
    for (const end of [0, 1] as const) this.#later(this.#random() * 1000, () => this.#sendOn(end));
    this.#later(this.#random() * 4000, () => this.#fault());
    this.#time.runUntil(FAULTS_MS);
    this.#corruptShare = 0;
    this.#wire?.cut({ silent: false });
    for (const end of this.#ends) if (!end.alive) end.start();
    this.#time.runUntil(FAULTS_MS + HEALING_MS);
    for (const direction of this.#directions) direction.atTheEnd();
    for (const end of this.#ends) {
      if (end.core?.caughtUp !== true)
        this.#violations.push(`after healing a session is ${end.core?.state}, not caught up`);
    }
    return { violations: this.#violations, counts: this.#counts };
  }

  #drawn(session: SessionOptions): SessionOptions {
    const reserve = this.#random();
    const keep = this.#random() < 0.7;
    return {
      ...session,
      logonTimeoutMs: 5000,
      logoutTimeoutMs: 2000,
      reserveAhead: reserve < 0.4 ? 0 : Math.floor(reserve * 20),
      whileDown: keep ? 'keep' : 'refuse',
    };
  }

  #endpoint(session: SessionOptions, end: 0 | 1): SimulatedEndpoint {
    const outgoing = this.#directions[end];
    const incoming = this.#directions[end === 0 ? 1 : 0];
    const reader = new FrameReader({ onMessage: (message) => outgoing.frame(message), onGarbled: () => {} });
    const watch: EndpointWatch = {
      left: (frames) => reader.push(frames),
      delivered: (id, possDup, place) => {
        this.#count(incoming.delivered(id, { possDup, place }) ? 'duplicates' : 'deliveries');
      },
      forgotAfter: (place) => incoming.forgotAfter(place),
      accepted: (id) => {
        this.#count('accepted');
        outgoing.accepted(id);
      },
      notice: (notice) => this.#notice(notice, outgoing),
      violation: (text) => incoming.violation(text),
    };
    return new SimulatedEndpoint({ session, time: this.#time, random: this.#random, watch });
  }

  #notice(notice: SessionNotice, direction: Direction): void {
    this.#count(notice.kind);
    if (notice.kind === 'down' && /too low|forgotten/.test(notice.reason)) direction.violation(notice.reason);
    if (notice.kind === 'refused' || notice.kind === 'rejected-by-peer')
      direction.violation(`sound messages were refused: ${notice.text}`);
  }

  #dial(): void {
    const [initiator, acceptor] = this.#ends;
    if (initiator.alive && acceptor.alive && !initiator.connected && (this.#replace || !acceptor.connected)) {
      this.#count('connections');
      const wire = new SimulatedWire({
        time: this.#time,
        random: this.#random,
        corruptShare: this.#corruptShare,
        ends: [this.#endOf(0, () => wire), this.#endOf(1, () => wire)],
      });
      this.#wire = wire;
      acceptor.connect(wire, 1);
      initiator.connect(wire, 0);
    }
    this.#later(50 + this.#random() * 500, () => this.#dial());
  }

  /** An end hears of its newest connection only. */
  #endOf(end: 0 | 1, wire: () => SimulatedWire): { bytes: (chunk: Buffer) => void; closed: () => void } {
    const isNewest = () => this.#wire === wire();
    return {
      bytes: (chunk) => {
        if (isNewest()) this.#ends[end].bytes(chunk);
      },
      closed: () => {
        if (isNewest()) this.#ends[end].closed();
      },
    };
  }

  #sendOn(end: 0 | 1): void {
    if (this.#time.nowMs >= FAULTS_MS) return;
    this.#ends[end].send();
    this.#later(this.#random() * (this.#random() < 0.05 ? 20_000 : 400), () => this.#sendOn(end));
  }

  #fault(): void {
    if (this.#time.nowMs >= FAULTS_MS) return;
    const end = this.#ends[this.#random() < 0.5 ? 0 : 1];
    const drawn = this.#random();
    if (drawn < 0.35) {
      this.#count('cuts');
      this.#wire?.cut({ silent: false });
    } else if (drawn < 0.5) {
      this.#count('silent cuts');
      this.#wire?.cut({ silent: true });
    } else if (drawn < 0.95) {
      this.#count('crashes');
      end.crash();
      this.#later(this.#random() * 3000, () => {
        if (!end.alive) end.start();
      });
    } else {
      this.#count('logouts');
      end.logout();
    }
    this.#later(this.#random() * 6000, () => this.#fault());
  }

  #later(ms: number, run: () => void): void {
    this.#time.at(this.#time.nowMs + ms, run);
  }

  #count(name: string): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
  }
}
