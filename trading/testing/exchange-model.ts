/**
 * An exchange as a list of orders that is sorted again for everything: slow, small, and meant to be seen to be right. The real one
 * is compared with it. Ids are unique among orders and among requests; one firm's name is part of its orders.
 */
export interface ModelOrder {
  readonly id: string;
  readonly firm: string;
  readonly session: string;
  readonly symbol: string;
  readonly side: 'B' | 'S';
  readonly market: boolean;
  readonly timeInForce: 'day' | 'gtc' | 'ioc' | 'fok';
  price: number;
  open: number;
  filled: number;
  /** Time priority. */
  turn: number;
}

export type ModelSelfTrade = 'allow' | 'cancel-newest' | 'cancel-oldest' | 'cancel-both' | 'pass';

export class ExchangeModel {
  readonly selfTrade: ModelSelfTrade;
  /** What happened, as text. */
  readonly story: string[] = [];
  orders: ModelOrder[] = [];
  readonly #everSeen = new Map<string, string>();
  readonly #last = new Map<string, number>();
  readonly #phases = new Map<string, string>();
  #turn = 0;

  constructor(selfTrade: ModelSelfTrade) {
    this.selfTrade = selfTrade;
  }

  phaseOf(symbol: string): string {
    return this.#phases.get(symbol) ?? 'continuous';
  }

  new(order: Omit<ModelOrder, 'turn' | 'filled'>): void {
    const key = `${order.firm} ${order.id}`;
    if (this.#everSeen.has(key)) return;
    const phase = this.phaseOf(order.symbol);
    const immediate = order.timeInForce === 'ioc' || order.timeInForce === 'fok';
    if (phase === 'closed' || phase === 'halted' || (phase !== 'continuous' && immediate)) {
      this.story.push(`rejected ${order.id}`);
      return;
    }
    this.#everSeen.set(key, order.symbol);
    this.story.push(`accepted ${order.id}`);
    this.#turn += 1;
    this.#enter({ ...order, filled: 0, turn: this.#turn });
  }

  cancel(firm: string, id: string): void {
    const order = this.orders.find((each) => each.firm === firm && each.id === id);
    if (order === undefined) this.story.push(`cancel-rejected ${id}`);
    else this.#end(order);
  }

  replace(firm: string, id: string, price: number, quantity: number): void {
    const order = this.orders.find((each) => each.firm === firm && each.id === id);
    const phase = order === undefined ? '' : this.phaseOf(order.symbol);
    if (order === undefined || order.market || quantity <= order.filled || phase === 'closed' || phase === 'halted') {
      this.story.push(`replace-rejected ${id}`);
      return;
    }
    this.story.push(`replaced ${id}`);
    const keeps = price === order.price && quantity <= order.open + order.filled;
    order.open = quantity - order.filled;
    order.price = price;
    if (keeps) return;
    this.#turn += 1;
    order.turn = this.#turn;
    this.orders = this.orders.filter((each) => each !== order);
    this.#enter(order);
  }

  massCancel(firm: string): void {
    for (const order of this.#inOrderOfEntry((each) => each.firm === firm)) this.#end(order);
  }

  endSession(firm: string, session: string): void {
    const lost = (each: ModelOrder) => each.firm === firm && each.session === session && each.timeInForce !== 'gtc';
    for (const order of this.#inOrderOfEntry(lost)) this.#end(order);
  }

  phase(symbol: string, phase: string): void {
    const from = this.phaseOf(symbol);
    if (from === phase) return;
    if (phase === 'continuous' || (from === 'closing-auction' && phase === 'closed')) this.#uncross(symbol);
    this.#phases.set(symbol, phase);
    if (phase !== 'closed') return;
    const over = (each: ModelOrder) => each.symbol === symbol && each.timeInForce !== 'gtc';
    for (const order of this.#inOrderOfEntry(over)) this.#end(order);
  }

  #enter(order: ModelOrder): void {
    if (this.phaseOf(order.symbol) !== 'continuous') {
      this.orders.push(order);
      return;
    }
    if (order.timeInForce === 'fok' && this.#reachable(order) < order.open) {
      this.#end(order);
      return;
    }
    for (const other of this.#opposite(order)) {
      if (order.open === 0) break;
      if (other.firm === order.firm && this.selfTrade !== 'allow') {
        if (this.selfTrade === 'cancel-oldest' || this.selfTrade === 'cancel-both') this.#end(other);
        if (this.selfTrade === 'pass' || this.selfTrade === 'cancel-oldest') continue;
        this.#end(order);
        return;
      }
      this.#trade(other, order, other.price);
    }
    if (order.open === 0) return;
    if (order.market || order.timeInForce === 'ioc' || order.timeInForce === 'fok') this.#end(order);
    else this.orders.push(order);
  }

  #reachable(order: ModelOrder): number {
    let lots = 0;
    for (const other of this.#opposite(order)) {
      const own = other.firm === order.firm && this.selfTrade !== 'allow';
      if (own && (this.selfTrade === 'cancel-newest' || this.selfTrade === 'cancel-both')) return lots;
      if (!own) lots += other.open;
    }
    return lots;
  }

  /** Those an order would meet, best price first, then the earliest. */
  #opposite(order: ModelOrder): ModelOrder[] {
    const reach = (other: ModelOrder) =>
      order.market || (order.side === 'B' ? other.price <= order.price : other.price >= order.price);
    return this.orders
      .filter((other) => other.symbol === order.symbol && other.side !== order.side && reach(other))
      .sort((a, b) => (order.side === 'B' ? a.price - b.price : b.price - a.price) || a.turn - b.turn);
  }

  #uncross(symbol: string): void {
    const of = (side: 'B' | 'S') => this.orders.filter((each) => each.symbol === symbol && each.side === side);
    const reference = this.#last.get(symbol) ?? 0;
    const prices = [...of('B'), ...of('S')].filter((each) => !each.market).map((each) => each.price);
    const candidates = [...new Set([...prices, ...(reference > 0 ? [reference] : [])])].sort((a, b) => a - b);
    const sum = (orders: ModelOrder[]) => orders.reduce((total, each) => total + each.open, 0);
    const rated = candidates
      .map((price) => {
        const bought = sum(of('B').filter((each) => each.market || each.price >= price));
        const sold = sum(of('S').filter((each) => each.market || each.price <= price));
        return { price, lots: Math.min(bought, sold), surplus: bought - sold };
      })
      .filter(({ lots }) => lots > 0);
    const most = Math.max(...rated.map(({ lots }) => lots));
    const fullest = rated.filter(({ lots }) => lots === most);
    const least = Math.min(...fullest.map(({ surplus }) => Math.abs(surplus)));
    const best = fullest.filter(({ surplus }) => Math.abs(surplus) === least);
    const price = chosen(best, reference);
    if (price !== null) {
      const wish = (each: ModelOrder) => (each.market ? (each.side === 'B' ? 1e9 : 0) : each.price);
      const buyers = of('B').sort((a, b) => wish(b) - wish(a) || a.turn - b.turn);
      const sellers = of('S').sort((a, b) => wish(a) - wish(b) || a.turn - b.turn);
      for (let left = most; left > 0; ) {
        const buyer = buyers.find((each) => each.open > 0)!;
        const seller = sellers.find((each) => each.open > 0)!;
        left -= Math.min(buyer.open, seller.open);
        this.#trade(seller, buyer, price);
      }
    }
    for (const side of ['B', 'S'] as const)
      for (const order of of(side)
        .filter((each) => each.market)
        .sort((a, b) => a.turn - b.turn))
        this.#end(order);
  }

  #trade(maker: ModelOrder, taker: ModelOrder, price: number): void {
    const lots = Math.min(maker.open, taker.open);
    for (const order of [maker, taker]) {
      order.open -= lots;
      order.filled += lots;
      this.story.push(`fill ${order.id} ${lots}@${price}`);
    }
    this.orders = this.orders.filter((each) => each.open > 0);
    this.#last.set(maker.symbol, price);
  }

  #end(order: ModelOrder): void {
    this.story.push(`cancelled ${order.id}`);
    this.orders = this.orders.filter((each) => each !== order);
  }

  /** Ids are numbered in order of entry. */
  #inOrderOfEntry(fits: (order: ModelOrder) => boolean): ModelOrder[] {
    return this.orders.filter(fits).sort((a, b) => Number(a.id) - Number(b.id));
  }
}

const chosen = (
  best: readonly { readonly price: number; readonly surplus: number }[],
  reference: number,
): number | null => {
  if (best.length === 0) return null;
  if (best.every(({ surplus }) => surplus > 0)) return best.at(-1)!.price;
  if (best.every(({ surplus }) => surplus < 0)) return best[0]!.price;
  const nearest = Math.min(...best.map(({ price }) => Math.abs(price - reference)));
  return best.filter(({ price }) => Math.abs(price - reference) === nearest).at(-1)!.price;
};
