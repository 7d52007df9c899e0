/**
 * Cuts a text stream into lines. A line longer than the limit is reported once and nothing after it is read. Work grows with what
 * arrives, however small the pieces are.
 */
export class LineReader {
  readonly #maxLineLength: number;
  readonly #onLine: (line: string) => void;
  readonly #onOverflow: () => void;
  /** The beginning of a line whose end has not come, in pieces. */
  #pieces: string[] = [];
  #piecesLength = 0;
  /** What came and was not looked at, because reading is held. */
  #later = '';
  #held = false;
  #reading = false;
  #ended = false;

  constructor(options: { maxLineLength: number; onLine: (line: string) => void; onOverflow: () => void }) {
    this.#maxLineLength = options.maxLineLength;
    this.#onLine = options.onLine;
    this.#onOverflow = options.onOverflow;
  }

  push(chunk: string): void {
    if (this.#ended) return;
    if (this.#held || this.#reading) {
      this.#later += chunk;
      return;
    }
    this.#read(chunk);
  }

  /** Hands over no line until `go`, also none of the chunk being read. What is pushed meanwhile is kept: stop the stream, too. */
  hold(): void {
    this.#held = true;
  }

  go(): void {
    this.#held = false;
    if (this.#reading || this.#ended || this.#later === '') return;
    const text = this.#later;
    this.#later = '';
    this.#read(text);
  }

  /** Ignores everything from now on, also what is left of the chunk being read. */
  end(): void {
    this.#ended = true;
    this.#pieces = [];
    this.#piecesLength = 0;
    this.#later = '';
  }

  #read(text: string): void {
    this.#reading = true;
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1 && !this.#held; end = text.indexOf('\n', start)) {
      if (this.#piecesLength + end - start > this.#maxLineLength) return this.#overflow();
      const line = this.#whole(text.slice(start, end));
      start = end + 1;
      if (line !== '') this.#onLine(line);
      if (this.#ended) return;
    }
    this.#reading = false;
    if (this.#held) {
      this.#later = text.slice(start) + this.#later;
      return;
    }
    if (start < text.length) this.#begin(start === 0 ? text : text.slice(start));
    if (this.#later !== '' && !this.#ended) this.go();
  }

  #whole(end: string): string {
    if (this.#piecesLength === 0) return end;
    const line = this.#pieces.join('') + end;
    this.#pieces = [];
    this.#piecesLength = 0;
    return line;
  }

  #begin(piece: string): void {
    this.#pieces.push(piece);
    this.#piecesLength += piece.length;
    if (this.#piecesLength > this.#maxLineLength) this.#overflow();
    else if (this.#pieces.length > MOST_PIECES) this.#pieces = [this.#pieces.join('')];
  }

  #overflow(): void {
    this.end();
    this.#onOverflow();
  }
}

/** So that a line that comes byte by byte does not cost a text each. */
const MOST_PIECES = 1024;
