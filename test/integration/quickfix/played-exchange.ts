import { type Counterpart, fieldsOf } from './counterpart.ts';

type Fields = { readonly [tag: string]: string };

interface PlayedOrder {
  readonly id: string;
  readonly symbol: string;
  readonly side: string;
  price: string;
  qty: number;
  filled: number;
  state: 'open' | 'filled' | 'cancelled';
  /** How often it was entered: a second time is a fault of whoever sent it. */
  entered: number;
}

const STATUS = { open: '0', filled: '2', cancelled: '4' } as const;

/**
 * What an exchange answers an engine over somebody else's FIX session: each report numbered, orders known by the id with which they were
 * entered, and nothing matched by itself. It lives longer than the process that its messages go through.
 */
export class PlayedExchange {
  readonly orders = new Map<string, PlayedOrder>();
  readonly #requests = new Set<string>();
  #reports = 0;
  counterpart: Counterpart | null = null;

  get reports(): number {
    return this.#reports;
  }

  /** A line of the counterpart's. */
  take(line: string): void {
    if (!line.startsWith('got ')) return;
    const message = fieldsOf(line.slice(4));
    switch (message['35']) {
      case 'D':
        return this.#enter(message);
      case 'F':
      case 'G':
        return this.#change(message);
      case 'H':
        return this.#status(message, `790=${message['790']}`);
      case 'U1':
        return this.#firmState(message['5010']!);
      default:
    }
  }

  /** So many lots of a resting order, at its price. */
  fill(id: string, lots: number): void {
    const order = this.orders.get(id)!;
    order.filled += lots;
    if (order.filled === order.qty) order.state = 'filled';
    this.#report(order, 'F', `11=${id}|31=${order.price}|32=${lots}|527=${this.#reports + 1}|851=1`);
  }

  #enter(message: Fields): void {
    const id = message['11']!;
    const known = this.orders.get(id);
    if (known !== undefined) {
      if (message['97'] === 'Y' || message['43'] === 'Y') this.#status(message, '58=duplicate');
      else known.entered += 1;
      return;
    }
    const [symbol, side, price] = [message['55']!, message['54']!, message['44']!];
    const order: PlayedOrder = {
      id,
      symbol,
      side,
      price,
      qty: Number(message['38']),
      filled: 0,
      state: 'open',
      entered: 1,
    };
    this.orders.set(id, order);
    this.#report(order, '0', `11=${id}`);
  }

  #change(message: Fields): void {
    const [own, original] = [message['11']!, message['41']!];
    const order = this.orders.get(original);
    if (order === undefined || this.#requests.has(own)) return;
    this.#requests.add(own);
    if (message['35'] === 'F') order.state = 'cancelled';
    else {
      order.price = message['44']!;
      order.qty = Number(message['38']);
    }
    this.#report(order, message['35'] === 'F' ? '4' : '5', `11=${own}|41=${original}`);
  }

  #report(order: PlayedOrder, execType: string, more: string): void {
    this.#reports += 1;
    this.#send('8', `${about(order)}|17=ACME-${this.#reports}|150=${execType}|5002=${this.#reports}|${more}`);
  }

  #status(message: Fields, more: string): void {
    const id = message['11']!;
    const order = this.orders.get(id);
    const told = order === undefined ? '37=NONE|39=8|55=-|54=1|151=0|14=0|6=0' : about(order);
    this.#send('8', `${told}|11=${id}|17=0|150=I|${more}`);
  }

  #firmState(request: string): void {
    const traded = Map.groupBy(
      [...this.orders.values()].filter(({ filled }) => filled > 0),
      ({ symbol }) => symbol,
    );
    const lots = (orders: readonly PlayedOrder[], wanted: string): number =>
      orders.reduce((sum, { side, filled }) => sum + (side === wanted ? filled : 0), 0);
    const entries = [...traded].map(([symbol, of]) => `(55=${symbol};5014=${lots(of, '1')};5015=${lots(of, '2')})`);
    const group = entries.length === 0 ? '' : `|5013=${entries.join('')}`;
    this.#send('U2', `5010=${request}|5011=0|5012=0|5016=${this.#reports}|912=Y${group}`);
  }

  #send(type: string, fields: string): void {
    this.counterpart?.tell(`send ${type} ${fields}`);
  }
}

const about = ({ id, symbol, side, price, qty, filled, state }: PlayedOrder): string => {
  const status = state === 'open' && filled > 0 ? '1' : STATUS[state];
  const left = state === 'open' ? qty - filled : 0;
  return `37=${id}|39=${status}|55=${symbol}|54=${side}|38=${qty}|40=2|44=${price}|59=0|151=${left}|14=${filled}|6=0`;
};
