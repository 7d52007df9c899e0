/** What happens to the orders of a session that is lost: nothing, all but the persistent (good-till-cancelled) ones end, or all do. */
export const CANCEL_ON_DISCONNECT = ['off', 'keep-persistent', 'all'] as const;
export type CancelOnDisconnect = (typeof CANCEL_ON_DISCONNECT)[number];

export type CutCode = 'stale-epoch' | 'replaced';

/** An order entry connection that logged on. */
export interface Seat {
  readonly firm: number;
  readonly session: number;
  readonly epoch: number;
  readonly cancelOnDisconnect: CancelOnDisconnect;
}

export interface Logon {
  readonly firm: number;
  readonly session: number;
  /** 0 where sessions have none. */
  readonly epoch: number;
  readonly password: string;
  /** Null = as the exchange's rules say. */
  readonly cancelOnDisconnect: CancelOnDisconnect | null;
  /** The connection lost its seat; nothing that it still sends takes effect. */
  readonly onCut: (code: CutCode) => void;
}

export type LogonOutcome =
  | { readonly kind: 'seated'; readonly seat: Seat }
  | { readonly kind: 'stale-epoch'; readonly epoch: number }
  | { readonly kind: 'not-authorised' };

export interface SessionRules {
  /**
   * `epochs`: a session names its firm's epoch, an older one is refused, a newer one cuts the older sessions. `credentials`: there are
   * no epochs, as on real venues; whoever has the password takes the session over.
   */
  readonly mode: 'epochs' | 'credentials';
  /** By firm. Where none is listed, and the mode is `epochs`, any firm may log on. */
  readonly passwords: ReadonlyMap<string, string>;
  readonly cancelOnDisconnect: CancelOnDisconnect;
  /** How long a lost session may come back before its orders end. */
  readonly graceMs: number;
}

/** What a desk makes happen. */
export interface SessionEffects {
  readonly firmName: (firm: number) => string;
  readonly epochOf: (firm: number) => number;
  /** On disk when it returns. */
  readonly raiseEpoch: (firm: number, epoch: number) => void;
  readonly endOrders: (lost: { firm: number; session: number; keepPersistent: boolean }) => void;
}

interface Lost extends Seat {
  readonly dueAtMs: number;
}

/**
 * Who may enter orders. Pure: told the time, and says through its effects what must happen. One per exchange for all its protocols, so
 * that a session that comes back over another protocol is still the same session.
 */
export class SessionDesk {
  readonly #rules: SessionRules;
  readonly #effects: SessionEffects;
  readonly #seats = new Map<Seat, Logon['onCut']>();
  #lost: Lost[] = [];

  constructor(rules: SessionRules, effects: SessionEffects) {
    this.#rules = rules;
    this.#effects = effects;
  }

  get hasEpochs(): boolean {
    return this.#rules.mode === 'epochs';
  }

  /** `letStale`: seat it although its epoch is old; only for proving that checkers can fail. */
  logon(logon: Logon, letStale = false): LogonOutcome {
    const { firm, session } = logon;
    if (!this.authorised(firm, logon.password)) return { kind: 'not-authorised' };
    const epoch = this.hasEpochs ? logon.epoch : 0;
    const highest = this.#effects.epochOf(firm);
    if (epoch < highest && this.hasEpochs && !letStale) return { kind: 'stale-epoch', epoch: highest };
    this.raise(firm, epoch);
    for (const [seat] of this.#seats)
      if (seat.firm === firm && seat.session === session && seat.epoch === epoch) this.#cut(seat, 'replaced');
    // Whoever is seated now answers for the orders of the session, and of everything older.
    this.#lost = this.#lost.filter((lost) => lost.firm !== firm || (lost.session !== session && lost.epoch >= epoch));
    const cancelOnDisconnect = logon.cancelOnDisconnect ?? this.#rules.cancelOnDisconnect;
    const seat: Seat = { firm, session, epoch, cancelOnDisconnect };
    this.#seats.set(seat, logon.onCut);
    return { kind: 'seated', seat };
  }

  /** Whether a firm of this name may log on at all. */
  lists(name: string): boolean {
    return this.#rules.passwords.size === 0 || this.#rules.passwords.has(name);
  }

  /** True when this password may act for the firm. */
  authorised(firm: number, password: string): boolean {
    const { passwords, mode } = this.#rules;
    if (passwords.size === 0 && mode === 'epochs') return true;
    return passwords.get(this.#effects.firmName(firm)) === password;
  }

  /** Raises a firm's epoch: every seat of an older one is cut. False when a newer one is known, or there are none here. */
  raise(firm: number, epoch: number): boolean {
    if (!this.hasEpochs) return false;
    const highest = this.#effects.epochOf(firm);
    if (epoch < highest) return false;
    if (epoch === highest) return true;
    this.#effects.raiseEpoch(firm, epoch);
    for (const [seat] of this.#seats) if (seat.firm === firm && seat.epoch < epoch) this.#cut(seat, 'stale-epoch');
    return true;
  }

  /** The connection of a seat is gone without a word. A seat that was cut before had its orders taken over: nothing follows. */
  lost(seat: Seat, nowMs: number): void {
    if (!this.#seats.delete(seat) || seat.cancelOnDisconnect === 'off') return;
    this.#lost.push({ ...seat, dueAtMs: nowMs + this.#rules.graceMs });
    this.tick(nowMs);
  }

  /** The session said goodbye: its orders stay. */
  left(seat: Seat): void {
    this.#seats.delete(seat);
  }

  /** Ends the orders of sessions that did not come back in time. */
  tick(nowMs: number): void {
    const due = this.#lost.filter((lost) => lost.dueAtMs <= nowMs);
    if (due.length === 0) return;
    this.#lost = this.#lost.filter((lost) => lost.dueAtMs > nowMs);
    for (const { firm, session, cancelOnDisconnect } of due)
      this.#effects.endOrders({ firm, session, keepPersistent: cancelOnDisconnect === 'keep-persistent' });
  }

  /** Order entry connections of a firm that are seated, beside this one. */
  othersOf(firm: number, self: Seat | null): number {
    let others = 0;
    for (const seat of this.#seats.keys()) if (seat.firm === firm && seat !== self) others += 1;
    return others;
  }

  /** Lost sessions of a firm whose orders are still to be ended. */
  endingOf(firm: number): number {
    return this.#lost.filter((lost) => lost.firm === firm).length;
  }

  /** When `tick` has something to do next, or null. */
  get nextDueAtMs(): number | null {
    return this.#lost.length === 0 ? null : Math.min(...this.#lost.map((lost) => lost.dueAtMs));
  }

  #cut(seat: Seat, code: CutCode): void {
    const onCut = this.#seats.get(seat);
    this.#seats.delete(seat);
    onCut?.(code);
  }
}
