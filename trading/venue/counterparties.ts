/**
 * Simulated counterparties: after the k-th order accepted in a symbol, one may come and take liquidity from the side that
 * was joined. What it does depends on seed, symbol and k only, so a venue that restarts goes on as it would have.
 */
export class Counterparties {
  readonly #seed: number;
  readonly #fillShare: number;

  constructor(options: { readonly seed: number; readonly fillShare: number }) {
    this.#seed = options.seed;
    this.#fillShare = options.fillShare;
  }

  /** Lots that a counterparty takes at the best price, or 0. On average `fillShare` of what is ordered. */
  take(options: { readonly symbol: string; readonly count: number; readonly qty: number }): number {
    const draw = mix(this.#seed ^ hashText(options.symbol), options.count);
    if ((draw & 0xffff) / 0x1_0000 >= this.#fillShare) return 0;
    const halves = 1 + ((draw >>> 16) % 3);
    return Math.max(1, Math.round((options.qty * halves) / 2));
  }
}

const hashText = (text: string): number => {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  return hash >>> 0;
};

/** A well-mixed 32-bit number from two. */
const mix = (left: number, right: number): number => {
  let value = (left ^ Math.imul(right + 1, 0x9e37_79b1)) >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35);
  return (value ^ (value >>> 16)) >>> 0;
};
