/** Lots bought and sold of each symbol, by its number among the texts. */
export class TradedLots {
  #bought = new Float64Array(64);
  #sold = new Float64Array(64);

  add(symbol: number, isBuy: boolean, lots: number): void {
    if (symbol >= this.#bought.length) this.#widen(symbol);
    const column = isBuy ? this.#bought : this.#sold;
    column[symbol]! += lots;
  }

  bought(symbol: number): number {
    return this.#bought[symbol] ?? 0;
  }

  sold(symbol: number): number {
    return this.#sold[symbol] ?? 0;
  }

  /** Numbers of the symbols of which anything was traded. */
  symbols(): number[] {
    const found: number[] = [];
    for (let symbol = 0; symbol < this.#bought.length; symbol++)
      if (this.#bought[symbol] !== 0 || this.#sold[symbol] !== 0) found.push(symbol);
    return found;
  }

  #widen(symbol: number): void {
    const size = Math.max(symbol + 1, this.#bought.length * 2);
    const [bought, sold] = [new Float64Array(size), new Float64Array(size)];
    bought.set(this.#bought);
    sold.set(this.#sold);
    this.#bought = bought;
    this.#sold = sold;
  }
}
