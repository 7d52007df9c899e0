import { monoNowMs } from '../base/mono-clock.ts';
import { TokenFile } from '../base/token-file.ts';
import { Command } from './core/command.ts';
import { LineServer } from './line/line-server.ts';
import { type Seat, SessionDesk } from './sessions/session-desk.ts';
import { StaleWrites } from './sessions/stale-writes.ts';
import { TurnEnd } from './turn-end.ts';
import { Venue } from './venue.ts';
import type { VenueConfig } from './venue-config.ts';

/** The exchange as a process: one venue, one desk of sessions, and a server for each protocol. */
export class VenueServer {
  readonly #config: VenueConfig;
  readonly venue: Venue;
  readonly #desk: SessionDesk;
  readonly #turnEnd: TurnEnd;
  readonly #line: LineServer;
  readonly #endSession = new Command();
  #alarm: NodeJS.Timeout | null = null;

  constructor(config: VenueConfig) {
    this.#config = config;
    const token = config.tokenFile === null ? null : new TokenFile(config.tokenFile);
    const venue = new Venue({ ...config, nowMs: () => Date.now() });
    this.venue = venue;
    const { exchange } = venue;
    this.#turnEnd = new TurnEnd(venue);
    this.#desk = new SessionDesk(config.sessions, {
      firmName: (firm) => exchange.firms.text(firm),
      epochOf: (firm) => exchange.firm(firm).epoch,
      raiseEpoch: (firm, epoch) => venue.raiseEpoch(firm, epoch),
      endOrders: (lost) => this.#endOrders(lost),
    });
    const stale = new StaleWrites(config.letStaleThrough);
    const shared = { venue, desk: this.#desk, stale, turnEnd: this.#turnEnd, onLost: (seat: Seat) => this.#lost(seat) };
    this.#line = new LineServer({ ...shared, token });
    venue.changePhase(config.phase);
    venue.flush();
  }

  /** Resolves with the real ports. */
  async listen(): Promise<Readonly<Record<string, number>>> {
    const ports = { venue: await this.#line.listen(this.#config.listen) };
    return ports;
  }

  async close(): Promise<void> {
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    await this.#line.close();
    this.venue.close();
  }

  #lost(seat: Seat): void {
    this.#desk.lost(seat, monoNowMs());
    this.#watchLost();
  }

  #watchLost(): void {
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    const dueAtMs = this.#desk.nextDueAtMs;
    this.#alarm = null;
    if (dueAtMs === null) return;
    const inMs = Math.max(1, Math.ceil(dueAtMs - monoNowMs()));
    this.#alarm = setTimeout(() => {
      this.#desk.tick(monoNowMs());
      this.#watchLost();
    }, inMs);
  }

  #endOrders(lost: { firm: number; session: number; keepPersistent: boolean }): void {
    const command = this.#endSession;
    command.kind = 'end-session';
    command.symbol = -1;
    command.firm = lost.firm;
    command.session = lost.session;
    command.keepPersistent = lost.keepPersistent;
    command.epoch = this.venue.exchange.firm(lost.firm).epoch;
    this.venue.enter(command);
    this.#turnEnd.soon();
  }
}
