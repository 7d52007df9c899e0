/** A 53-bit hash over numbers in order: two 32-bit lanes that do not share their multipliers. Not against an adversary. */
export class RollingHash {
  #high = 0x9e37_79b9;
  #low = 0x85eb_ca6b;

  add(value: number): void {
    const low = value | 0;
    const high = Math.floor(value / 0x1_0000_0000) | 0;
    this.#low = Math.imul(this.#low ^ low, 0x0100_0193) ^ (this.#low >>> 15);
    this.#low = Math.imul(this.#low ^ high, 0xc2b2_ae35);
    this.#high = (Math.imul(this.#high ^ low, 0x27d4_eb2f) + (this.#low >>> 3)) | 0;
    this.#high ^= this.#high >>> 13;
  }

  /** A safe integer. */
  get value(): number {
    return (this.#high & 0x1f_ffff) * 0x1_0000_0000 + (this.#low >>> 0);
  }
}
