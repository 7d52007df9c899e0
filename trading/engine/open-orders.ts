/** How many orders of each client, by its number among the texts, are neither filled, cancelled nor rejected. */
export class OpenOrders {
  #counts = new Int32Array(64);

  of(client: number): number {
    return this.#counts[client] ?? 0;
  }

  began(client: number): void {
    if (client >= this.#counts.length) {
      const wider = new Int32Array(Math.max(client + 1, this.#counts.length * 2));
      wider.set(this.#counts);
      this.#counts = wider;
    }
    this.#counts[client]! += 1;
  }

  ended(client: number): void {
    this.#counts[client]! -= 1;
  }
}
