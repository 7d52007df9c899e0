import {
  ackText,
  type CancelCommand,
  type ClientMessage,
  type NewCommand,
  parseClientMessage,
  type ReplaceCommand,
  recordOf,
  rejectText,
} from './client-protocol.ts';
import type { Entry } from './entry.ts';
import type { OrderState } from './order-state.ts';
import type { ClientSession } from './orders-port.ts';
import { checkCancel, checkNew, checkReplace, type Limits, type Permissions, type Verdict } from './pre-trade.ts';
import type { ReleaseQueue } from './release-queue.ts';

export interface LineDeskOptions {
  readonly instance: string;
  readonly epoch: number;
  readonly state: OrderState;
  readonly limits: Limits;
  readonly allowed: Permissions;
  readonly queue: ReleaseQueue;
  /** Journals an entry, applies it, and returns its sequence. */
  readonly append: (entry: Entry) => number;
  /** An order or request was journalled: to be sent to the venue, and counted. */
  readonly accepted: (item: number, sequence: number) => void;
  /** Something was queued that no record brings out. */
  readonly answered: () => void;
  readonly loggedOn: (client: string, session: ClientSession) => void;
  readonly subscribe: (session: ClientSession, after: number) => void;
}

/** The order path for clients that speak lines: line → checks → journal entry → state → answer in the release queue. */
export class LineDesk {
  readonly #options: LineDeskOptions;

  constructor(options: LineDeskOptions) {
    this.#options = options;
  }

  handle(session: ClientSession, line: string): void {
    const { message, id } = parseClientMessage(line);
    if (message === null) this.#answer(session, rejectText(id, 'bad-message'));
    else this.#message(session, message);
  }

  #message(session: ClientSession, message: ClientMessage): void {
    const { instance, epoch, state, loggedOn, subscribe } = this.#options;
    switch (message.t) {
      case 'logon':
        session.client = message.client;
        loggedOn(message.client, session);
        this.#answer(session, `${JSON.stringify({ t: 'logon-ok', instance, epoch })}\n`);
        return;
      case 'new':
      case 'cancel':
      case 'replace':
        if (session.client === null) this.#answer(session, rejectText(message.id, 'bad-message'));
        else this.#command(session, session.client, message);
        return;
      case 'query': {
        const orders = message.ids.map((id) => state.known(id)).filter((known) => known !== null);
        this.#answer(session, `${JSON.stringify({ t: 'orders', orders: orders.map(recordOf) })}\n`);
        return;
      }
      case 'query-all': {
        const orders = state.ordersAfter(message.after, message.limit + 1);
        const page = orders.slice(0, message.limit).map(recordOf);
        const more = orders.length > message.limit;
        const through = state.applied;
        this.#answer(session, `${JSON.stringify({ t: 'orders', orders: page, more, through })}\n`);
        return;
      }
      case 'subscribe':
        subscribe(session, message.after);
        return;
      case 'stored':
        // Nobody waits for this reader: whose claim counts has been heard before (`ReaderDesk`).
        return;
    }
  }

  #command(session: ClientSession, client: string, command: NewCommand | CancelCommand | ReplaceCommand): void {
    const { state, epoch, append, accepted, queue } = this.#options;
    const verdict = this.#check(client, command);
    if (verdict.kind === 'reject') {
      this.#answer(session, rejectText(command.id, verdict.code));
      return;
    }
    if (verdict.kind === 'repeat') {
      this.#repeat(session, command.id);
      return;
    }
    const sequence = append(this.#entryOf(client, command));
    const item = state.items.count - 1;
    accepted(item, sequence);
    const order = command.t === 'new' ? item : -1;
    queue.add(sequence, session, ackText({ id: command.id, seq: sequence, epoch }), order);
  }

  #check(client: string, command: NewCommand | CancelCommand | ReplaceCommand): Verdict {
    const { state, limits, allowed } = this.#options;
    switch (command.t) {
      case 'new':
        return checkNew({ command, client, state, limits, allowed });
      case 'cancel':
        return checkCancel({ command, client, state, allowed });
      case 'replace':
        return checkReplace({ command, client, state, limits, allowed });
    }
  }

  #entryOf(client: string, command: NewCommand | CancelCommand | ReplaceCommand): Entry {
    const at = Date.now();
    const { t: kind, ...rest } = command;
    if (kind === 'cancel') return { kind, client, ...(rest as Omit<CancelCommand, 't'>), at };
    if (kind === 'replace') return { kind, client, ...(rest as Omit<ReplaceCommand, 't'>), at };
    const order = rest as Omit<NewCommand, 't'>;
    return { kind: 'order', client, ...order, venue: this.#options.allowed.market.venueOfName(order.symbol), at };
  }

  /** The same answer as the first time: the acknowledgement, and the refusal that came after it if one did. */
  #repeat(session: ClientSession, id: string): void {
    const item = this.#options.state.findId(id);
    if (item === -1) return;
    const known = this.#options.state.view(item);
    if (known.kind !== 'order' || !known.withdrawn) this.#answer(session, ackText(known), item);
    if (known.state === 'rejected') this.#answer(session, rejectText(id, known.code ?? 'refused', known.seq));
  }

  /** Answers wait until all that they were computed from is released. */
  #answer(session: ClientSession, text: string, order = -1): void {
    const { queue, state, answered } = this.#options;
    queue.add(state.applied, session, text, order);
    session.owed += text.length;
    answered();
  }
}
