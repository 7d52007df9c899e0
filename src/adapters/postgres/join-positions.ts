/**
 * From where on a primary waits for each member of its acknowledgement set: the end of its log when that began to hold. What was
 * acknowledged before may be missing at a member, so it is in sync only once it has that much (I9).
 */
export class JoinPositions {
  readonly #at = new Map<string, { readonly end: number; readonly confirmed: boolean }>();

  /** From now on, with the log at `end`, every commit waits for these names, and for no others. */
  waitsFor(names: readonly string[], end: number): void {
    for (const name of [...this.#at.keys()]) if (!names.includes(name)) this.#at.delete(name);
    for (const name of names) if (this.#at.get(name)?.confirmed !== true) this.#at.set(name, { end, confirmed: true });
  }

  /** Names that are found in force, e.g. after a restart of the driver: counted from the first look on, until they are set anew. */
  found(names: readonly string[], end: number): void {
    for (const name of names) if (!this.#at.has(name)) this.#at.set(name, { end, confirmed: false });
  }

  /** It is no primary: nobody is waited for. */
  forget(): void {
    this.#at.clear();
  }

  /** Whether this much of the log is all that was acknowledged without it. */
  covered(name: string, replayed: number): boolean {
    const known = this.#at.get(name);
    return known !== undefined && replayed >= known.end;
  }
}
