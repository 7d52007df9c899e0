import { join } from 'node:path';
import { TokenFile } from '../base/token-file.ts';
import { BinaryServer } from './binary/binary-server.ts';
import { PhaseDriver } from './calendar/phase-driver.ts';
import type { Phase } from './core/terms.ts';
import { FixServer } from './fix/fix-server.ts';
import { LineServer } from './line/line-server.ts';
import { MarketData } from './market-data/market-data.ts';
import { OrderPort } from './order-port.ts';
import { SessionDesk } from './sessions/session-desk.ts';
import { StaleWrites } from './sessions/stale-writes.ts';
import { TurnEnd } from './turn-end.ts';
import { Venue } from './venue.ts';
import type { VenueConfig } from './venue-config.ts';

/** The exchange as a process: one venue, one desk of sessions, and a server for each protocol. */
export class VenueServer {
  readonly #config: VenueConfig;
  readonly venue: Venue;
  readonly port: OrderPort;
  readonly #line: LineServer;
  readonly #binary: BinaryServer | null;
  readonly #fix: FixServer | null;
  readonly #phases: PhaseDriver | null;
  readonly #marketData: MarketData | null;

  constructor(config: VenueConfig) {
    this.#config = config;
    const token = config.tokenFile === null ? null : new TokenFile(config.tokenFile);
    const venue = new Venue({ ...config, nowMs: config.clock.nowMs });
    const { exchange } = venue;
    const desk = new SessionDesk(config.sessions, {
      firmName: (firm) => exchange.firms.text(firm),
      epochOf: (firm) => exchange.firm(firm).epoch,
      raiseEpoch: (firm, epoch) => venue.raiseEpoch(firm, epoch),
      endOrders: (lost) => this.port.endOrders(lost),
    });
    const stale = new StaleWrites(config.letStaleThrough);
    this.venue = venue;
    this.port = new OrderPort({ venue, desk, stale, turnEnd: new TurnEnd(venue) });
    this.#marketData = config.marketData === null ? null : new MarketData(this.port);
    this.#line = new LineServer({ port: this.port, token, feeds: this.#marketData?.feeds ?? null });
    this.#binary = config.binary === null ? null : new BinaryServer(this.port);
    const { fix, dataDir, endBeforeStore } = config;
    const onFailure = (error: Error): never => {
      throw error;
    };
    const directory = join(dataDir, 'fix');
    this.#fix =
      fix === null ? null : new FixServer({ config: fix, port: this.port, directory, onFailure, endBeforeStore });
    const { calendar, clock } = config;
    const change = (phase: Phase): void => {
      venue.changePhase(phase);
      this.port.soon();
    };
    this.#phases = calendar === null ? null : new PhaseDriver({ calendar, clock, change });
    if (this.#phases === null) change(config.phase);
    else this.#phases.start(venue.phaseSinceMs);
    venue.flush();
  }

  /** Resolves with the real ports. */
  async listen(): Promise<Readonly<Record<string, number>>> {
    const { listen, binary, marketData } = this.#config;
    const ports: Record<string, number> = { venue: await this.#line.listen(listen) };
    if (binary !== null) ports['binary'] = await this.#binary!.listen(binary);
    if (this.#fix !== null) ports['fix'] = await this.#fix.listen();
    if (marketData !== null) Object.assign(ports, await this.#marketData!.listen(marketData));
    return ports;
  }

  async close(): Promise<void> {
    this.#phases?.stop();
    this.port.close();
    await this.#line.close();
    await this.#binary?.close();
    await this.#fix?.close();
    await this.#marketData?.close();
    this.venue.close();
  }
}
