import { type IdView, idText } from '../../base/id-view.ts';
import { BodyWriter, cleanText } from '../../fix/body-writer.ts';
import type { FixMessage } from '../../fix/fix-message.ts';
import { messageName } from '../../fix/message-table.ts';
import type { FixApplication, SessionLink } from '../../fix/session-link.ts';
import type { DeliveryMarks, SessionNotice } from '../../fix/session-types.ts';
import { MSG, TAG } from '../../fix/tags.ts';
import { NONE } from '../core/order-table.ts';
import type { Chair, OrderPort } from '../order-port.ts';
import { CANCEL_ON_DISCONNECT, type CancelOnDisconnect, type CutCode } from '../sessions/session-desk.ts';
import type { ExecutionReports, FixOut } from './execution-reports.ts';
import { FirmStateMessage } from './firm-state-message.ts';
import type { FixSessionConfig } from './fix-config.ts';
import type { FixRequest, ReadFixRequest, RequestRefusal } from './fix-request.ts';
import {
  BUSINESS_REASON,
  CANCEL_REJECT_REASON,
  ORDER_REJECT_REASON,
  orderRejectReason,
  VENUE_TAG,
} from './fix-words.ts';
import { StatusDesk } from './status-desk.ts';

interface Admitted {
  readonly epoch: number;
  readonly password: string;
  readonly cancelOnDisconnect: CancelOnDisconnect | null;
}

export interface VenueFixSessionOptions {
  readonly config: FixSessionConfig;
  readonly port: OrderPort;
  readonly firm: number;
  readonly request: FixRequest;
  readonly reports: ExecutionReports;
  /** Number of the last report that this session was told. */
  readonly position: number;
  /** The session began again at 1: nothing up to this report is told any more. */
  readonly onReset: (position: number) => void;
}

const MASS_CANCELLED_NONE = '0';

/**
 * One FIX session of a firm, for as long as the exchange runs: who it is, what it asks, and the firm's reports in their order. The
 * reports it was told are in its store and come again when they are asked for.
 */
export class VenueFixSession implements FixApplication {
  readonly #options: VenueFixSessionOptions;
  readonly #writer = new BodyWriter();
  readonly #status: StatusDesk;
  readonly #state: FirmStateMessage;
  #link: SessionLink | null = null;
  #admitted: Admitted | null = null;
  #chair: Chair | null = null;
  /** Stands for the present seat. */
  #sitting: object | null = null;
  #replacing = false;
  #goodbye = false;
  #position: number;
  /** Orders that were refused by an earlier life of the exchange, which ended before this session kept that they came. */
  readonly #refused = new Set<string>();

  constructor(options: VenueFixSessionOptions) {
    this.#options = options;
    this.#position = options.position;
    const { port, firm, request, reports } = options;
    this.#state = new FirmStateMessage(port, firm);
    this.#status = new StatusDesk({ exchange: port.venue.exchange, firm, request, reports });
  }

  get config(): FixSessionConfig {
    return this.#options.config;
  }

  get firm(): number {
    return this.#options.firm;
  }

  /** Number of the last report that this session was told. */
  get position(): number {
    return this.#position;
  }

  attachTo(link: SessionLink): void {
    this.#link = link;
  }

  /** The firm's next report, as a message. It is kept, and leaves when somebody is there. */
  tell(report: number, message: FixOut): void {
    if (report <= this.#position) return;
    this.#link?.send(message.msgType, message.fields);
    this.#position = report;
  }

  /**
   * An order that this report refuses. If the session was not told of it, nor did it keep that the order came: it asks for it, and what
   * the books do not remember is refused there but once.
   */
  refusedBefore(report: number, id: IdView): void {
    if (report > this.#position) this.#refused.add(idText(id));
  }

  /** A refusal in words for this Logon, or null. */
  admit(logon: FixMessage): string | null {
    const { port, firm, config } = this.#options;
    const { desk, stale, venue } = port;
    const password = logon.text(TAG.Password) ?? '';
    if (!desk.authorised(firm, password)) return 'not-authorised: Password (554) is not that of the firm';
    const wanted = logon.text(VENUE_TAG.CancelOnDisconnect);
    const cancelOnDisconnect = CANCEL_ON_DISCONNECT.find((each) => each === wanted) ?? null;
    if (wanted !== null && cancelOnDisconnect === null)
      return `CancelOnDisconnect (5003) must be one of ${CANCEL_ON_DISCONNECT.join(', ')}`;
    const epoch = desk.hasEpochs && config.purpose === 'orders' ? logon.int(VENUE_TAG.FirmEpoch) : 0;
    if (epoch === null || epoch < 0)
      return "FirmEpoch (5001) is missing or is no epoch: sessions here have their firm's";
    const highest = venue.exchange.firm(firm).epoch;
    if (config.purpose === 'orders' && desk.hasEpochs && epoch < highest && stale.letThrough === 0) {
      stale.of(firm).staleLogonsRefused += 1;
      return staleText(highest);
    }
    this.#admitted = { epoch, password, cancelOnDisconnect };
    return null;
  }

  /** More fields of the Logon that answers one: the epoch in which the session is, where there are epochs. */
  logonFields(): Uint8Array {
    const writer = this.#writer.begin();
    if (this.config.purpose === 'orders' && this.#options.port.desk.hasEpochs)
      writer.int(VENUE_TAG.FirmEpoch, this.#admitted?.epoch ?? 0);
    return Buffer.from(writer.body());
  }

  /** The connection is about to be cut for another one of the same session. */
  replacing(): void {
    this.#replacing = true;
  }

  onNotice(notice: SessionNotice, link: SessionLink): void {
    switch (notice.kind) {
      case 'up':
        if (notice.reset) this.#reset();
        this.#goodbye = false;
        if (this.config.purpose === 'orders') this.#sitDown(link);
        return;
      case 'goodbye':
        this.#goodbye = true;
        return;
      case 'down':
        this.#getUp();
        return;
      case 'gap':
      case 'caught-up':
      case 'resending':
      case 'rejected-by-peer':
      case 'refused':
      case 'garbled':
      case 'ignored':
        return;
    }
  }

  onMessage(message: FixMessage, marks: DeliveryMarks, link: SessionLink): void {
    switch (message.msgType) {
      case MSG.NewOrderSingle:
      case MSG.OrderCancelRequest:
      case MSG.OrderCancelReplaceRequest:
      case MSG.OrderMassCancelRequest:
        this.#write(message, marks, link);
        return;
      case MSG.OrderStatusRequest:
        send(link, this.#status.one(message));
        return;
      case MSG.OrderMassStatusRequest:
        if (!this.#status.offers(message)) {
          const text = 'MassStatusReqType (585) must be 1 (a symbol that is traded here) or 7 (all)';
          link.refuse(message, BUSINESS_REASON.unsupported, text);
          return;
        }
        for (const answer of this.#status.all(message)) send(link, answer);
        return;
      case MSG.FirmStateRequest:
        for (const answer of this.#state.answers(message, this.#chair?.seat ?? null)) send(link, answer);
        return;
      case MSG.BusinessMessageReject:
        return;
      default:
        link.refuse(message, BUSINESS_REASON.unsupported, `${messageName(message.msgType)} is not offered here`);
    }
  }

  #write(message: FixMessage, marks: DeliveryMarks, link: SessionLink): void {
    const { port, request } = this.#options;
    if (this.#chair === null) {
      const text = this.config.purpose === 'drop-copy' ? 'this session gets reports only' : 'this session has no seat';
      link.refuse(message, BUSINESS_REASON.notAuthorised, text);
      return;
    }
    const read = request.read(message);
    if ('reason' in read) {
      this.#refuse(message, read, link);
      return;
    }
    if (read.checkOnly && read.command.kind === 'new') {
      this.#check(message, read, link);
      return;
    }
    const { command } = read;
    if (command.kind === 'new' && (marks.possDup || marks.possResend) && this.#refused.has(idText(command.id))) {
      port.venue.exchange.firm(this.firm).duplicates += 1;
      this.#refuse(message, { reason: ORDER_REJECT_REASON.duplicate, text: 'duplicate' }, link);
      return;
    }
    const outcome = port.submit(this.#chair, command, read.epoch);
    if (outcome === 'stale-epoch' || outcome === 'replaced')
      link.refuse(message, BUSINESS_REASON.other, `${outcome}: nothing was entered`);
    else if (outcome !== 'entered') this.#repeated(message, { outcome, marks, link });
    else if (command.kind === 'mass-cancel') send(link, this.#massCancelled(message, port.venue.exchange.ended, null));
  }

  /** The id is known: nothing takes effect. Who says that it may have come before is told how things stand. */
  #repeated(
    message: FixMessage,
    about: { readonly outcome: 'again' | 'altered'; readonly marks: DeliveryMarks; readonly link: SessionLink },
  ): void {
    const { outcome, marks, link } = about;
    if (message.msgType === MSG.OrderMassCancelRequest) {
      send(link, this.#massCancelled(message, 0, 'duplicate'));
      return;
    }
    const isNew = message.msgType === MSG.NewOrderSingle;
    const order = this.#orderNamed(message.text(isNew ? TAG.ClOrdID : TAG.OrigClOrdID));
    if (outcome === 'again' && (marks.possDup || marks.possResend) && order !== NONE) {
      send(link, this.#options.reports.status(order, { text: 'duplicate' }));
      return;
    }
    const reason = isNew ? ORDER_REJECT_REASON.duplicate : CANCEL_REJECT_REASON.duplicate;
    this.#refuse(message, { reason, text: outcome === 'altered' ? 'altered-duplicate' : 'duplicate' }, link);
  }

  #check(message: FixMessage, { command, epoch }: ReadFixRequest, link: SessionLink): void {
    const code = this.#options.port.check(this.#chair!, command, epoch);
    if (code === 'stale-epoch' || code === 'replaced') {
      link.refuse(message, BUSINESS_REASON.other, `${code}: nothing was checked`);
      return;
    }
    const reason = code === '' ? null : orderRejectReason(code);
    send(link, this.#options.reports.refusedOrder({ ...named(message), execId: '0', reason, text: code, check: true }));
  }

  /** The answer to what never reached the books, in the message that belongs to the request. */
  #refuse(message: FixMessage, refusal: RequestRefusal, link: SessionLink): void {
    const { reports } = this.#options;
    const { reason, text } = refusal;
    switch (message.msgType) {
      case MSG.NewOrderSingle: {
        const execId = `${this.config.compId}-x${link.numbers.nextOut}`;
        send(link, reports.refusedOrder({ ...named(message), execId, reason, text }));
        return;
      }
      case MSG.OrderMassCancelRequest:
        send(link, this.#massCancelled(message, 0, text, reason));
        return;
      default: {
        const target = message.text(TAG.OrigClOrdID);
        const answer = reports.refusedRequest({
          clOrdId: cleanText(message.text(TAG.ClOrdID) ?? ''),
          target: cleanText(target ?? ''),
          order: this.#orderNamed(target),
          replace: message.msgType === MSG.OrderCancelReplaceRequest,
          reason: reason <= CANCEL_REJECT_REASON.duplicate ? reason : CANCEL_REJECT_REASON.other,
          text,
        });
        send(link, answer);
      }
    }
  }

  /** OrderMassCancelReport; `reason` = it was refused. */
  #massCancelled(message: FixMessage, count: number, text: string | null, reason?: number): FixOut {
    const id = cleanText(message.text(TAG.ClOrdID) ?? '');
    const asked = cleanText(message.text(TAG.MassCancelRequestType) ?? '', 1);
    const writer = this.#writer.begin().text(TAG.ClOrdID, id).text(TAG.OrderID, id);
    writer.text(TAG.MassCancelRequestType, asked);
    writer.text(TAG.MassCancelResponse, reason === undefined ? asked : MASS_CANCELLED_NONE);
    if (reason !== undefined) writer.int(TAG.MassCancelRejectReason, reason);
    writer.int(TAG.TotalAffectedOrders, count);
    if (text !== null) writer.text(TAG.Text, cleanText(text));
    return { msgType: MSG.OrderMassCancelReport, fields: writer.body() };
  }

  #orderNamed(id: string | null): number {
    const view = this.#options.request.id(id);
    return view === null ? NONE : this.#options.port.venue.exchange.order(this.firm, view);
  }

  #sitDown(link: SessionLink): void {
    const { port, firm, config } = this.#options;
    const { epoch, password, cancelOnDisconnect } = this.#admitted!;
    const sitting = {};
    const onCut = (code: CutCode): void => {
      if (this.#sitting !== sitting) return;
      this.#chair = null;
      link.end(
        code === 'replaced' ? 'replaced: the session was taken over' : staleText(port.venue.exchange.firm(firm).epoch),
      );
    };
    // A seat that this session still has is cut by its own logon, which answers for its orders: that is no end of this connection.
    this.#sitting = sitting;
    const outcome = port.logon({ firm, session: config.session, epoch, password, cancelOnDisconnect, onCut });
    if (outcome.kind !== 'seated') {
      link.end(outcome.kind);
      return;
    }
    this.#chair = outcome.chair;
  }

  #getUp(): void {
    const chair = this.#chair;
    const replacing = this.#replacing;
    this.#replacing = false;
    if (chair === null || replacing) return;
    this.#chair = null;
    this.#sitting = null;
    if (this.#goodbye) this.#options.port.left(chair);
    else this.#options.port.lost(chair);
  }

  #reset(): void {
    this.#position = this.#options.port.venue.ledger(this.firm).last;
    this.#options.onReset(this.#position);
  }
}

const staleText = (epoch: number): string => `stale-epoch: the firm's epoch is ${epoch}`;

const send = (link: SessionLink, message: FixOut): void => {
  link.send(message.msgType, message.fields);
};

const named = (message: FixMessage) => ({
  clOrdId: cleanText(message.text(TAG.ClOrdID) ?? ''),
  symbol: cleanText(message.text(TAG.Symbol) ?? '', 64),
  side: message.text(TAG.Side) ?? '1',
});
