import { IdScratch } from '../base/id-view.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import { Command } from './core/command.ts';
import type { ExchangeListener, Outcome } from './core/exchange.ts';
import { NONE } from './core/order-table.ts';
import type { Reason } from './core/terms.ts';
import type { CutCode, Logon, LogonOutcome, Seat, SessionDesk } from './sessions/session-desk.ts';
import type { StaleWrites } from './sessions/stale-writes.ts';
import type { TurnEnd } from './turn-end.ts';
import type { Venue } from './venue.ts';

/** An order entry connection that was seated. It stays what it was when it is cut, so that what still comes is judged by its epoch. */
export interface Chair {
  readonly seat: Seat;
  cut: CutCode | null;
}

export type PortLogon =
  | { readonly kind: 'seated'; readonly chair: Chair }
  | Exclude<LogonOutcome, { readonly kind: 'seated' }>;

/** `stale-epoch` and `replaced`: the session refused it, nothing was entered, there is no report. Else as the exchange says. */
export type Submitted = Outcome | 'stale-epoch' | 'replaced';

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** Bounds on what names from outside may take up. */
const MOST_MEMBERS = 500;
const MOST_SESSIONS = 20_000;

/**
 * What a protocol for order entry is attached to: sessions and commands in; reports through `venue.listen`, told to a member in `atTurnEnd`
 * and not before. Lines, the binary protocol and FIX are three users of this one port. `Command` is filled by the caller: kind, id and what
 * the kind needs; firm, session and epoch are set here.
 */
export class OrderPort {
  readonly venue: Venue;
  readonly desk: SessionDesk;
  readonly stale: StaleWrites;
  readonly #turnEnd: TurnEnd;
  #alarm: NodeJS.Timeout | null = null;
  readonly #name = new IdScratch();
  #closed = false;

  constructor(parts: {
    readonly venue: Venue;
    readonly desk: SessionDesk;
    readonly stale: StaleWrites;
    readonly turnEnd: TurnEnd;
  }) {
    this.venue = parts.venue;
    this.desk = parts.desk;
    this.stale = parts.stale;
    this.#turnEnd = parts.turnEnd;
  }

  /** Everything that happens at the exchange, while it happens. Objects that are handed over are used again. */
  listen(listener: ExchangeListener): void {
    this.venue.listen(listener);
  }

  /** `tell` sends what has gathered; it is called after what was entered in this turn of the event loop is kept. */
  atTurnEnd(tell: () => void): void {
    this.#turnEnd.join(tell);
  }

  /** Something is to be told: `atTurnEnd` comes. */
  soon(): void {
    this.#turnEnd.soon();
  }

  /** The number of a member, with its ledger; NONE when nobody of this name may be one. */
  member(name: string): number {
    const { firms } = this.venue.exchange;
    if (!NAME.test(name) || !this.desk.lists(name)) return NONE;
    const view = this.#name.hold(name)!;
    if (firms.known(view) < 0 && firms.count >= MOST_MEMBERS) return NONE;
    const firm = firms.numberOf(view);
    this.venue.ledger(firm);
    return firm;
  }

  /** `onCut` is called when the connection loses its seat to another one; nothing that it still sends takes effect. */
  logon(logon: Omit<Logon, 'session'> & { readonly session: string }): PortLogon {
    let chair: Chair | null = null;
    const name = this.#name.hold(logon.session);
    const { sessions } = this.venue.exchange;
    if (name === null || !this.desk.authorised(logon.firm, logon.password)) return { kind: 'not-authorised' };
    if (sessions.known(name) < 0 && sessions.count >= MOST_SESSIONS) return { kind: 'not-authorised' };
    const session = sessions.numberOf(name);
    const onCut = (code: CutCode): void => {
      if (chair !== null) chair.cut = code;
      this.venue.flush();
      logon.onCut(code);
    };
    const outcome = this.desk.logon({ ...logon, session, onCut }, this.stale.letThrough > 0);
    if (outcome.kind === 'stale-epoch') this.stale.of(logon.firm).staleLogonsRefused += 1;
    if (outcome.kind !== 'seated') return outcome;
    chair = { seat: outcome.seat, cut: null };
    this.soon();
    return { kind: 'seated', chair };
  }

  /** The member said goodbye: its orders stay. */
  left(chair: Chair): void {
    if (chair.cut === null) this.desk.left(chair.seat);
  }

  /** The connection is gone without a word: cancel-on-disconnect as the session has it. */
  lost(chair: Chair): void {
    if (chair.cut !== null || this.#closed) return;
    this.desk.lost(chair.seat, monoNowMs());
    this.#watchLost();
  }

  /** `epoch` is the order's own, where it carries one; null = the session's. */
  submit(chair: Chair, command: Command, epoch: number | null): Submitted {
    const refused = this.#sessionRefuses(chair, command, epoch);
    if (refused !== null) return refused;
    const outcome = this.venue.enter(command);
    this.soon();
    return outcome;
  }

  /** Why a `new` would be refused, or ''; nothing is entered. */
  check(chair: Chair, command: Command, epoch: number | null): Reason | 'stale-epoch' | 'replaced' {
    return this.#sessionRefuses(chair, command, epoch) ?? this.venue.exchange.check(command);
  }

  /** Ends what a lost session leaves. For the desk's effects. */
  endOrders(lost: { readonly firm: number; readonly session: number; readonly keepPersistent: boolean }): void {
    const command = new Command();
    command.kind = 'end-session';
    command.symbol = -1;
    command.firm = lost.firm;
    command.session = lost.session;
    command.keepPersistent = lost.keepPersistent;
    command.epoch = this.venue.exchange.firm(lost.firm).epoch;
    this.venue.enter(command);
    this.soon();
  }

  /** The exchange ends: connections that end with it are not lost sessions. */
  close(): void {
    this.#closed = true;
    this.#turnEnd.end();
    if (this.#alarm !== null) clearTimeout(this.#alarm);
  }

  #sessionRefuses(chair: Chair, command: Command, own: number | null): 'stale-epoch' | 'replaced' | null {
    const { seat, cut } = chair;
    if (cut === 'replaced') return 'replaced';
    const highest = this.venue.exchange.firm(seat.firm).epoch;
    const epoch = Math.min(seat.epoch, own ?? seat.epoch);
    if (!this.stale.admits({ firm: seat.firm, epoch, highest })) return 'stale-epoch';
    command.firm = seat.firm;
    command.session = seat.session;
    command.epoch = epoch;
    return null;
  }

  #watchLost(): void {
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    const dueAtMs = this.desk.nextDueAtMs;
    this.#alarm = null;
    if (dueAtMs === null) return;
    const inMs = Math.max(1, Math.ceil(dueAtMs - monoNowMs()));
    this.#alarm = setTimeout(() => {
      this.desk.tick(monoNowMs());
      this.#watchLost();
    }, inMs);
  }
}
