import { clearId, IdScratch, idText } from '../base/id-view.ts';
import { Command } from '../venue/core/command.ts';
import { Exchange, type ExchangeRules, type Outcome } from '../venue/core/exchange.ts';
import type { Phase, Reason, SelfTrade, Side } from '../venue/core/terms.ts';

export interface ToldReport {
  readonly kind: string;
  readonly n: number;
  readonly firm: string;
  readonly id: string;
  readonly target: string;
  readonly price: number;
  readonly quantity: number;
  readonly open: number;
  readonly trade: number;
  readonly reason: Reason;
}

export interface AskedOrder {
  readonly id: string;
  readonly firm?: string;
  readonly session?: string;
  readonly symbol?: string;
  readonly side: 'B' | 'S';
  readonly price?: number;
  readonly quantity: number;
  readonly market?: boolean;
  readonly timeInForce?: 'day' | 'gtc' | 'ioc' | 'fok';
  readonly selfTrade?: SelfTrade;
  readonly epoch?: number;
}

/** The pure exchange with texts instead of numbers and views, keeping what it told. */
export class ExchangeUnderTest {
  readonly exchange: Exchange;
  readonly told: ToldReport[] = [];
  readonly trades: number[] = [];
  readonly #command = new Command();
  readonly #id = new IdScratch();
  readonly #target = new IdScratch();
  readonly #symbol = new IdScratch();
  #clock = 0;

  constructor(rules: Partial<ExchangeRules> = {}) {
    this.exchange = new Exchange(
      { symbols: new Set(), selfTrade: 'allow', phase: 'continuous', ...rules },
      {
        report: (report) =>
          this.told.push({
            kind: report.kind,
            n: report.n,
            firm: this.exchange.firms.text(report.firm),
            id: idText(report.id),
            target: idText(report.target),
            price: report.price,
            quantity: report.quantity,
            open: report.open,
            trade: report.trade,
            reason: report.reason,
          }),
        trade: ({ price }) => this.trades.push(price),
      },
    );
  }

  new(order: AskedOrder): Outcome {
    const command = this.#about('new', order.firm, order.session, order.epoch);
    this.#hold(order.id);
    command.symbol = this.exchange.symbol(this.#symbol.hold(order.symbol ?? 'X')!);
    command.side = order.side === 'B' ? 0 : 1;
    command.type = order.market === true ? 1 : 0;
    command.timeInForce = TIMES[order.timeInForce ?? 'day'];
    command.price = order.price ?? 0;
    command.quantity = order.quantity;
    command.selfTrade = order.selfTrade ?? null;
    return this.exchange.apply(command);
  }

  cancel(id: string, target: string, firm?: string): Outcome {
    const command = this.#about('cancel', firm);
    this.#hold(id, target);
    return this.exchange.apply(command);
  }

  replace(change: { id: string; target: string; price: number; quantity: number; firm?: string }): Outcome {
    const command = this.#about('replace', change.firm);
    this.#hold(change.id, change.target);
    command.price = change.price;
    command.quantity = change.quantity;
    command.selfTrade = null;
    return this.exchange.apply(command);
  }

  massCancel(id: string, narrowed: { firm?: string; symbol?: string; side?: Side } = {}): Outcome {
    const command = this.#about('mass-cancel', narrowed.firm);
    this.#hold(id);
    command.symbol = narrowed.symbol === undefined ? -1 : this.exchange.symbol(this.#symbol.hold(narrowed.symbol)!);
    command.side = narrowed.side ?? -1;
    return this.exchange.apply(command);
  }

  endSession(firm: string, session: string, keepPersistent = true): void {
    const command = this.#about('end-session', firm, session);
    command.keepPersistent = keepPersistent;
    this.exchange.apply(command);
  }

  phase(phase: Phase, symbol?: string): void {
    const command = this.#about('phase');
    command.symbol = symbol === undefined ? -1 : this.exchange.symbol(this.#symbol.hold(symbol)!);
    command.phase = phase;
    this.exchange.apply(command);
  }

  /** What happened, in the words of the model. */
  story(): string[] {
    return this.told.map((each) => {
      const order = each.target === '' ? each.id : each.target;
      return each.kind === 'fill' ? `fill ${order} ${each.quantity}@${each.price}` : `${each.kind} ${order}`;
    });
  }

  #about(kind: Command['kind'], firm = 'ACME', session = 's', epoch = 0): Command {
    this.#clock += 1;
    const command = this.#command;
    command.kind = kind;
    command.atMs = this.#clock;
    command.firm = this.exchange.firms.number(firm);
    command.session = this.exchange.sessions.number(session);
    command.epoch = epoch;
    return command;
  }

  #hold(id: string, target?: string): void {
    Object.assign(this.#command.id, this.#id.hold(id));
    if (target === undefined) clearId(this.#command.target);
    else Object.assign(this.#command.target, this.#target.hold(target));
  }
}

const TIMES = { day: 0, gtc: 1, ioc: 2, fok: 3 } as const;
