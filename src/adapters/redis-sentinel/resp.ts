/** What Redis answers, protocol version 2. */
export type RespValue = string | number | null | RespError | readonly RespValue[];

/** A refusal in Redis's own words; the first is its code, e.g. `READONLY`. */
export class RespError {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export class RespProblem extends Error {
  override readonly name = 'RespProblem';
}

/** One command as Redis reads it; no argument can become anything else than an argument. */
export function encodeCommand(command: readonly string[]): Buffer {
  const parts = command.map((argument) => `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`);
  return Buffer.from(`*${command.length}\r\n${parts.join('')}`, 'utf8');
}

const maxAnswerBytes = 8 << 20;
const maxDepth = 8;

/** Takes bytes as they come and gives whole answers. */
export class RespReader {
  #buffer: Buffer = Buffer.alloc(0);

  /** Answers that are complete now. @throws RespProblem when that is not Redis, or far too much */
  push(bytes: Buffer): readonly RespValue[] {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    if (this.#buffer.length > maxAnswerBytes) throw new RespProblem(`more than ${maxAnswerBytes} bytes of answer`);
    const values: RespValue[] = [];
    for (;;) {
      const found = this.#read(0, 0);
      if (found === null) return values;
      values.push(found.value);
      this.#buffer = this.#buffer.subarray(found.end);
    }
  }

  /** Null when not all of it is there. */
  #read(at: number, depth: number): { readonly value: RespValue; readonly end: number } | null {
    if (depth > maxDepth) throw new RespProblem('an answer is nested too deeply');
    const lineEnd = this.#buffer.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const kind = String.fromCharCode(this.#buffer[at]!);
    const line = this.#buffer.toString('utf8', at + 1, lineEnd);
    const end = lineEnd + 2;
    switch (kind) {
      case '+':
        return { value: line, end };
      case '-':
        return { value: new RespError(line), end };
      case ':':
        return { value: whole(line), end };
      case '$': {
        const length = whole(line);
        if (length < 0) return { value: null, end };
        if (this.#buffer.length < end + length + 2) return null;
        return { value: this.#buffer.toString('utf8', end, end + length), end: end + length + 2 };
      }
      case '*':
        return this.#list(whole(line), end, depth);
      default:
        throw new RespProblem('that is not an answer of Redis');
    }
  }

  #list(length: number, from: number, depth: number): { readonly value: RespValue; readonly end: number } | null {
    if (length < 0) return { value: null, end: from };
    const values: RespValue[] = [];
    let end = from;
    for (let index = 0; index < length; index += 1) {
      const found = this.#read(end, depth + 1);
      if (found === null) return null;
      values.push(found.value);
      end = found.end;
    }
    return { value: values, end };
  }
}

function whole(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value))
    throw new RespProblem(`"${text.slice(0, 40)}" is not a whole number`);
  return value;
}
