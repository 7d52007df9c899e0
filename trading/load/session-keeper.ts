import { monoMs } from './clock.ts';
import type { FrontConfig } from './config.ts';
import type { FrontsNow } from './fronts-now.ts';
import { type EngineOrder, type OrderAnswer, OrderSession, type OrderSessionSink } from './order-session.ts';

export interface SessionKeeperSink {
  /** This client's requests go to `session` from now on. The one before it, if any, is still listened to. */
  adopted(client: string, session: OrderSession): void;
  answered(answer: OrderAnswer, session: OrderSession): void;
  queried(ids: readonly string[], orders: readonly EngineOrder[], session: OrderSession): void;
}

export interface SessionKeeperOptions {
  readonly fronts: FrontsNow;
  readonly clients: readonly string[];
  readonly probeEveryMs: number;
  readonly silentAfterMs: number;
  /** Does this client wait for an answer to something it sent before this moment? */
  readonly waitsSince: (client: string, at: number) => boolean;
  readonly sink: SessionKeeperSink;
}

interface Seat {
  readonly client: string;
  current: OrderSession | null;
  assertedAt: number;
  /** Replaced but not closed: their answers still count. */
  readonly lingering: OrderSession[];
  readonly attempts: Map<string, Set<OrderSession>>;
}

/**
 * Keeps one session per client with whichever site is active. A client without an answering session tries every front at
 * once, again and again, without giving up the attempts and the connection it already has: a black-holed connection gives
 * silence, not an error. A session of an older epoch than one already seen is not used.
 */
export class SessionKeeper implements OrderSessionSink {
  readonly #options: SessionKeeperOptions;
  readonly #seats = new Map<string, Seat>();
  #highestEpoch = 0;
  #lastFoundSite: { readonly site: string; readonly at: number } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  /** Log-ons of an epoch older than one already seen; each was refused by this side. */
  staleLogons = 0;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    for (const client of options.clients) {
      this.#seats.set(client, { client, current: null, assertedAt: 0, lingering: [], attempts: new Map() });
    }
  }

  start(): void {
    this.#probe();
  }

  /** The session to send on, answering or not; null when there is none. */
  current(client: string): OrderSession | null {
    return this.#seats.get(client)?.current ?? null;
  }

  /** Logged on and heard of recently. */
  answering(client: string): OrderSession | null {
    const seat = this.#seats.get(client);
    return seat === undefined || this.#needsSession(seat) ? null : seat.current;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const seat of this.#seats.values()) {
      for (const session of [...seat.lingering, ...attemptsOf(seat)]) session.close();
      seat.current?.close();
    }
  }

  ready(session: OrderSession): void {
    const seat = this.#seats.get(session.client)!;
    seat.attempts.get(session.site)?.delete(session);
    if (session.epoch < this.#highestEpoch) {
      this.staleLogons += 1;
      session.close();
      return;
    }
    if (!this.#needsSession(seat) && seat.current!.epoch >= session.epoch) {
      session.close();
      return;
    }
    this.#highestEpoch = session.epoch;
    this.#lastFoundSite = { site: session.site, at: monoMs() };
    if (seat.current !== null) seat.lingering.push(seat.current);
    if (seat.lingering.length > maxLingering) seat.lingering.shift()!.close();
    seat.current = session;
    seat.assertedAt = monoMs() - reassertEveryMs + reassertFirstMs;
    for (const attempt of attemptsOf(seat)) attempt.close();
    this.#options.sink.adopted(session.client, session);
    this.#probe();
  }

  answered(answer: OrderAnswer, session: OrderSession): void {
    this.#options.sink.answered(answer, session);
  }

  queried(ids: readonly string[], orders: readonly EngineOrder[], session: OrderSession): void {
    this.#options.sink.queried(ids, orders, session);
  }

  closed(session: OrderSession): void {
    const seat = this.#seats.get(session.client)!;
    seat.attempts.get(session.site)?.delete(session);
    const at = seat.lingering.indexOf(session);
    if (at >= 0) seat.lingering.splice(at, 1);
    if (seat.current !== session) return;
    seat.current = null;
    if (!this.#closed) setImmediate(() => this.#probe());
  }

  #needsSession(seat: Seat): boolean {
    const session = seat.current;
    if (session === null) return true;
    const silentSince = monoMs() - this.#options.silentAfterMs;
    return session.lastHeardAt < silentSince && this.#options.waitsSince(seat.client, silentSince);
  }

  #probe(): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(), this.#options.probeEveryMs);
    const now = monoMs();
    let scouting = false;
    const fronts = this.#options.fronts.now();
    for (const seat of this.#seats.values()) {
      for (const attempt of attemptsOf(seat)) if (now - attempt.startedAt > attemptDeadlineMs) attempt.close();
      if (!this.#needsSession(seat)) {
        this.#reassert(seat, now);
        continue;
      }
      for (const front of fronts) {
        if (!scouting || this.#foundRecently(front.site, now)) this.#attempt(seat, front);
      }
      scouting = true;
    }
  }

  /** Attempts that came too late have logged on as well, and would get this client's events until they are closed. */
  #reassert(seat: Seat, now: number): void {
    if (now - seat.assertedAt < reassertEveryMs) return;
    seat.assertedAt = now;
    seat.current?.reassert();
  }

  #foundRecently(site: string, now: number): boolean {
    return (
      this.#lastFoundSite !== null &&
      this.#lastFoundSite.site === site &&
      now - this.#lastFoundSite.at < foundRecentlyMs
    );
  }

  #attempt(seat: Seat, front: FrontConfig): void {
    const attempts = seat.attempts.get(front.site) ?? new Set();
    seat.attempts.set(front.site, attempts);
    const now = monoMs();
    for (const attempt of attempts) if (now - attempt.startedAt < attemptAloneMs) return;
    if (attempts.size >= maxAttemptsPerFront) return;
    attempts.add(new OrderSession({ site: front.site, client: seat.client, address: front.orders, sink: this }));
  }
}

const attemptsOf = (seat: Seat): OrderSession[] => [...seat.attempts.values()].flatMap((attempts) => [...attempts]);

const attemptDeadlineMs = 500;
/** An attempt that has no answer yet is given this long before another one is made beside it. */
const attemptAloneMs = 40;
const maxAttemptsPerFront = 12;
const maxLingering = 4;
const reassertEveryMs = 1000;
const reassertFirstMs = 100;
const foundRecentlyMs = 1000;
