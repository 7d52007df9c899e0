import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/coded-error.ts';
import { IdScratch, type IdView } from '../base/id-view.ts';
import { Command } from './core/command.ts';
import { Exchange, type ExchangeListener, type Outcome } from './core/exchange.ts';
import { NONE } from './core/order-table.ts';
import type { Report } from './core/report.ts';
import { BUY, IOC, LIMIT, type Phase, SELL, type SelfTrade, type Side } from './core/terms.ts';
import { Counterparties } from './counterparties.ts';
import { CommandJournal } from './store/command-journal.ts';
import { LONGEST_COMMAND_RECORD, readCommand, writeCommand } from './store/command-record.ts';
import { ReportFile } from './store/report-file.ts';

const LEDGER_SUFFIX = '.ledger';
const JOURNAL = 'commands.journal';
/** The simulated counterparties' firm; no session may have this name. */
export const HOUSE = '~';

export interface VenueOptions {
  readonly dataDir: string;
  readonly symbols: ReadonlySet<string>;
  readonly selfTrade: SelfTrade;
  readonly seed: number;
  readonly fillShare: number;
  readonly nowMs: () => number;
}

/**
 * The exchange with its books on disk: the port to which every kind of order entry is attached. Commands go in through `enter`, reports
 * come out of the listeners while they happen, and nobody may be told of them before `flush`. A venue that is opened again on the same
 * directory has the same books, reports and numbers.
 */
export class Venue {
  readonly exchange: Exchange;
  readonly #options: VenueOptions;
  readonly #journal: CommandJournal;
  readonly #ledgers = new Map<number, ReportFile>();
  readonly #counterparties: Counterparties;
  readonly #listeners = new Set<ExchangeListener>();
  readonly #house: Command = new Command();
  readonly #houseFirm: number;
  readonly #houseId = new IdScratch();
  #replaying = true;
  #unflushed = false;
  #phaseSinceMs: number | null = null;
  /** Orders that counterparties entered. */
  #taken = 0;
  /** Orders that members entered, by symbol. */
  readonly #joined: number[] = [];

  /** @throws CodedError HF-7251 … HF-7253 when what is on disk cannot be trusted. */
  constructor(options: VenueOptions) {
    this.#options = options;
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
    this.#counterparties = new Counterparties(options);
    this.exchange = new Exchange(
      { symbols: options.symbols, selfTrade: options.selfTrade, phase: 'closed' },
      {
        report: (report) => this.#reported(report),
        level: (symbol, side, price, volume, orders) => {
          if (!this.#replaying) for (const each of this.#listeners) each.level?.(symbol, side, price, volume, orders);
        },
        trade: (trade) => {
          if (!this.#replaying) for (const each of this.#listeners) each.trade?.(trade);
        },
        phase: (symbol, phase) => {
          if (!this.#replaying) for (const each of this.#listeners) each.phase?.(symbol, phase);
        },
      },
    );
    this.#houseFirm = this.exchange.firms.number(HOUSE);
    try {
      this.#journal = this.#restore();
    } catch (error) {
      for (const ledger of this.#ledgers.values()) ledger.close();
      throw error;
    }
    this.#replaying = false;
  }

  listen(listener: ExchangeListener): void {
    this.#listeners.add(listener);
  }

  /** When the market got into its phase, on the exchange's clock; null = never. */
  get phaseSinceMs(): number | null {
    return this.#phaseSinceMs;
  }

  nowMs(): number {
    return this.#options.nowMs();
  }

  /** Applies a command and keeps it if it took effect. Its `atMs` is set here. */
  enter(command: Command): Outcome {
    command.atMs = this.#options.nowMs();
    const { orders } = this.exchange;
    const before = orders.count;
    const outcome = this.exchange.apply(command);
    if (outcome !== 'entered') return outcome;
    this.#keep(command);
    if (orders.count > before) this.#countJoined(command);
    if (orders.count > before) this.#counter(command);
    return outcome;
  }

  /** Raises a firm's epoch; on disk, not only with the operating system, when this returns. */
  raiseEpoch(firm: number, epoch: number): void {
    const command = new Command();
    command.kind = 'epoch';
    command.firm = firm;
    command.symbol = -1;
    command.epoch = epoch;
    command.session = this.exchange.sessions.number('-');
    this.enter(command);
    this.flush();
    this.#journal.sync();
  }

  /** Changes the phase of one symbol, or of the market (-1). Nothing happens when it is in it. */
  changePhase(phase: Phase, symbol = -1): void {
    if (this.exchange.phaseOf(symbol) === phase) return;
    const command = new Command();
    command.kind = 'phase';
    command.firm = this.#houseFirm;
    command.session = this.exchange.sessions.number('-');
    command.symbol = symbol;
    command.phase = phase;
    this.enter(command);
    if (symbol < 0) this.#phaseSinceMs = command.atMs;
  }

  ledger(firm: number): ReportFile {
    const known = this.#ledgers.get(firm);
    if (known !== undefined) return known;
    const ledger = new ReportFile(join(this.#options.dataDir, this.exchange.firms.text(firm) + LEDGER_SUFFIX));
    this.#ledgers.set(firm, ledger);
    return ledger;
  }

  /** Numbers of the firms that have a ledger. */
  firms(): readonly number[] {
    return [...this.#ledgers.keys()];
  }

  /** From here on what was entered survives this process, and may be told. */
  flush(): void {
    if (!this.#unflushed) return;
    this.#unflushed = false;
    this.#journal.flush(this.exchange.chain);
    for (const ledger of this.#ledgers.values()) ledger.flush();
  }

  close(): void {
    this.flush();
    this.#journal.close();
    for (const ledger of this.#ledgers.values()) ledger.close();
  }

  /** Does again what the journal has, comparing what comes of it with what the members were told. */
  #restore(): CommandJournal {
    const { dataDir } = this.#options;
    const { exchange } = this;
    for (const name of readdirSync(dataDir))
      if (name.endsWith(LEDGER_SUFFIX)) this.ledger(exchange.firms.number(name.slice(0, -LEDGER_SUFFIX.length)));
    const replayed = new Command();
    const journal = new CommandJournal(join(dataDir, JOURNAL));
    try {
      journal.read(({ payload, commands, first, chain }) => {
        for (let at = 0, left = commands; left > 0; left--) {
          at = readCommand(payload, at, exchange, replayed);
          const before = exchange.orders.count;
          exchange.apply(replayed);
          if (replayed.kind === 'phase' && replayed.symbol < 0) this.#phaseSinceMs = replayed.atMs;
          if (exchange.orders.count > before) this.#countJoined(replayed);
        }
        if (exchange.chain !== chain) throw otherwise(dataDir, first + commands - 1);
      });
      for (const ledger of this.#ledgers.values()) ledger.endComparison();
      journal.cutTorn();
      for (const ledger of this.#ledgers.values()) ledger.flush();
      return journal;
    } catch (error) {
      journal.close();
      throw error;
    }
  }

  #keep(command: Command): void {
    const { bytes, at } = this.#journal.room(LONGEST_COMMAND_RECORD);
    this.#journal.added(writeCommand(command, this.exchange, { bytes, at, selfTrade: this.#options.selfTrade }));
    this.#unflushed = true;
  }

  /** After an order that was accepted, a counterparty may come and take from the side that was joined. */
  #counter(ordered: Command): void {
    const { exchange } = this;
    const book = exchange.book(ordered.symbol);
    if (book.phase !== 'continuous') return;
    const symbol = exchange.symbols.text(ordered.symbol);
    const lots = this.#counterparties.take({ symbol, count: this.#joined[ordered.symbol]!, qty: ordered.quantity });
    const joined = book.side(ordered.side as Side);
    if (lots === 0 || joined.depth === 0) return;
    const command = this.#house;
    command.kind = 'new';
    command.atMs = ordered.atMs;
    command.firm = this.#houseFirm;
    command.session = exchange.sessions.number('-');
    Object.assign(command.id, this.#houseId.hold(`t${this.#taken + 1}`));
    command.symbol = ordered.symbol;
    command.side = ordered.side === BUY ? SELL : BUY;
    command.type = LIMIT;
    command.timeInForce = IOC;
    command.price = joined.priceAt(0);
    command.quantity = lots;
    command.epoch = 0;
    exchange.apply(command);
    this.#countJoined(command);
    this.#keep(command);
  }

  #countJoined({ firm, symbol }: Command): void {
    if (firm === this.#houseFirm) this.#taken += 1;
    else this.#joined[symbol] = (this.#joined[symbol] ?? 0) + 1;
  }

  #reported(report: Report): void {
    if (report.firm === this.#houseFirm) return;
    this.ledger(report.firm).add(report, this.symbolName(report.symbol));
    this.#unflushed = true;
    if (!this.#replaying) for (const each of this.#listeners) each.report(report);
  }

  symbolName(symbol: number): IdView {
    return symbol === NONE ? NO_NAME : this.exchange.symbols.view(symbol);
  }
}

const NO_NAME: IdView = { bytes: new Uint8Array(0), at: 0, length: 0 };

const otherwise = (directory: string, command: number): CodedError =>
  new CodedError({
    code: 'HF-7253',
    attempted: `build the exchange's books from the journal in ${directory}`,
    found: `the commands up to ${command} give other reports now than when they were entered`,
    next: 'keep the directory and start the version of the exchange that wrote it, or begin with an empty one',
  });
