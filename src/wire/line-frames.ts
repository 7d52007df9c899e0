/** A line is longer than the limit; the connection it came from cannot be read on. */
export class FrameTooLong extends Error {
  override readonly name = 'FrameTooLong';
}

/** Cuts decoded text (`socket.setEncoding('utf8')`) into lines. Empty lines are left out. */
export class LineFrames {
  readonly #maxLength: number;
  #rest = '';

  constructor(options: { readonly maxLength: number }) {
    this.#maxLength = options.maxLength;
  }

  /** @throws FrameTooLong when an unfinished or finished line exceeds the limit. */
  push(text: string): readonly string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = this.#rest + text.slice(start, end);
      this.#rest = '';
      start = end + 1;
      this.#check(line);
      if (line !== '') lines.push(line);
    }
    this.#rest += text.slice(start);
    this.#check(this.#rest);
    return lines;
  }

  #check(line: string): void {
    if (line.length > this.#maxLength) throw new FrameTooLong(`a line has more than ${this.#maxLength} characters`);
  }
}
