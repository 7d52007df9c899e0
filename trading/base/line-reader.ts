/** Cuts a text stream into lines. A line longer than the limit is reported once and nothing after it is read. */
export class LineReader {
  readonly #maxLineLength: number;
  readonly #onLine: (line: string) => void;
  readonly #onOverflow: () => void;
  #rest = '';
  #ended = false;

  constructor(options: { maxLineLength: number; onLine: (line: string) => void; onOverflow: () => void }) {
    this.#maxLineLength = options.maxLineLength;
    this.#onLine = options.onLine;
    this.#onOverflow = options.onOverflow;
  }

  push(chunk: string): void {
    if (this.#ended) return;
    const text = this.#rest === '' ? chunk : this.#rest + chunk;
    let start = 0;
    for (let end = text.indexOf('\n', start); end !== -1; end = text.indexOf('\n', start)) {
      if (end - start > this.#maxLineLength) {
        this.#overflow();
        return;
      }
      if (end > start) this.#onLine(text.slice(start, end));
      if (this.#ended) return;
      start = end + 1;
    }
    this.#rest = text.slice(start);
    if (this.#rest.length > this.#maxLineLength) this.#overflow();
  }

  /** Ignores everything from now on, also what is left of the chunk being read. */
  end(): void {
    this.#ended = true;
    this.#rest = '';
  }

  #overflow(): void {
    this.end();
    this.#onOverflow();
  }
}
