/** Waits for conditions that are looked at whenever something changed. */
export class ConditionWaits {
  #waits: { readonly holds: () => boolean; readonly settle: () => void }[] = [];

  /** True once the condition holds at a look; false when the deadline passed first. */
  until(holds: () => boolean, deadlineMs: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        this.#waits = this.#waits.filter((other) => other !== wait);
        resolve(false);
      }, deadlineMs);
      const settle = () => {
        clearTimeout(deadline);
        resolve(true);
      };
      const wait = { holds, settle };
      this.#waits.push(wait);
    });
  }

  look(): void {
    if (this.#waits.length === 0) return;
    const met = this.#waits.filter(({ holds }) => holds());
    this.#waits = this.#waits.filter((wait) => !met.includes(wait));
    for (const wait of met) wait.settle();
  }
}
