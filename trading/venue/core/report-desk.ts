import { clearId, hashId, type IdView, pointAt } from '../../base/id-view.ts';
import type { Command } from './command.ts';
import { FirmState } from './firm-state.ts';
import type { IdIndex } from './id-index.ts';
import type { Names } from './names.ts';
import type { OrderTable } from './order-table.ts';
import { REPORT_KINDS, Report, type ReportKind } from './report.ts';
import { RollingHash } from './rolling-hash.ts';
import { BUY, MARKET, type Reason, type Side } from './terms.ts';

/** Writes the reports: numbers them per firm and chains them into one hash. */
export class ReportDesk {
  readonly #options: {
    readonly orders: OrderTable;
    readonly orderIds: IdIndex;
    readonly firms: Names;
    readonly symbols: Names;
    readonly report: (report: Report) => void;
  };
  readonly #report = new Report();
  readonly #chain = new RollingHash();
  readonly #firms: FirmState[] = [];
  /** Of the command that is being worked on. */
  atMs = 0;
  epoch = 0;

  constructor(options: {
    readonly orders: OrderTable;
    readonly orderIds: IdIndex;
    readonly firms: Names;
    readonly symbols: Names;
    readonly report: (report: Report) => void;
  }) {
    this.#options = options;
  }

  get chain(): number {
    return this.#chain.value;
  }

  firm(number: number): FirmState {
    for (let at = this.#firms.length; at <= number; at++) this.#firms.push(new FirmState());
    return this.#firms[number]!;
  }

  accepted(order: number): void {
    this.#send(this.#about('accepted', order));
  }

  filled(fill: { order: number; price: number; lots: number; trade: number; maker: boolean }): void {
    const report = this.#about('fill', fill.order);
    report.price = fill.price;
    report.quantity = fill.lots;
    report.trade = fill.trade;
    report.maker = fill.maker;
    this.#send(report);
  }

  /** An order ended or was replaced: by a request, or (null) without anybody asking. */
  changed(kind: 'cancelled' | 'replaced', order: number, request: IdView | null, reason: Reason): void {
    const report = this.#about(kind, order);
    report.reason = reason;
    pointAt(report.target, report.id);
    if (request === null) clearId(report.id);
    else pointAt(report.id, request);
    report.epoch = this.epoch;
    this.#send(report);
  }

  refused(kind: 'rejected' | 'cancel-rejected' | 'replace-rejected', command: Command, reason: Reason): void {
    const report = this.#report;
    report.kind = kind;
    report.atMs = command.atMs;
    report.firm = command.firm;
    report.session = command.session;
    report.symbol = kind === 'rejected' ? command.symbol : -1;
    pointAt(report.id, command.id);
    if (kind === 'rejected') clearId(report.target);
    else pointAt(report.target, command.target);
    report.side = command.side === -1 ? BUY : command.side;
    report.type = command.type;
    report.timeInForce = command.timeInForce;
    report.price = command.price;
    report.quantity = command.quantity;
    report.open = 0;
    report.trade = 0;
    report.maker = false;
    report.reason = reason;
    report.epoch = command.epoch;
    this.#send(report);
  }

  #about(kind: ReportKind, order: number): Report {
    const { orders } = this.#options;
    const report = this.#report;
    report.kind = kind;
    report.atMs = this.atMs;
    report.firm = orders.firm[order]!;
    report.session = orders.session[order]!;
    report.symbol = orders.symbol[order]!;
    this.#options.orderIds.read(order, report.id);
    clearId(report.target);
    report.side = orders.side[order] as Side;
    report.type = orders.type[order] as Report['type'];
    report.timeInForce = orders.timeInForce[order] as Report['timeInForce'];
    report.price = report.type === MARKET ? 0 : orders.price[order]!;
    report.quantity = orders.quantity[order]!;
    report.open = orders.open[order]!;
    report.trade = 0;
    report.maker = false;
    report.reason = '';
    report.epoch = orders.epoch[order]!;
    return report;
  }

  #send(report: Report): void {
    const firm = this.firm(report.firm);
    firm.reports += 1;
    report.n = firm.reports;
    const { firms, symbols } = this.#options;
    const chain = this.#chain;
    chain.add(REPORT_KINDS.indexOf(report.kind));
    chain.add(hashId(report.id, firms.hash(report.firm)));
    chain.add(hashId(report.target, symbols.hash(report.symbol)));
    chain.add(report.n);
    chain.add(report.price);
    chain.add(report.quantity);
    chain.add(report.open);
    chain.add(report.trade);
    this.#options.report(report);
  }
}
