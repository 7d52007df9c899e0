import { timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { CodedError } from './coded-error.ts';

/** The secret that a control connection must present first; kept in a file that only its owner can read. */
export class TokenFile {
  readonly #token: Buffer;
  /** For whoever has to present it. */
  readonly text: string;

  constructor(path: string) {
    let text: string;
    let mode: number;
    try {
      text = readFileSync(path, 'utf8').trim();
      mode = statSync(path).mode;
    } catch (cause) {
      throw tokenError(path, 'it cannot be read', cause);
    }
    if (text === '') throw tokenError(path, 'it is empty');
    if ((mode & 0o077) !== 0) throw tokenError(path, `others may read it (mode ${(mode & 0o777).toString(8)})`);
    this.#token = Buffer.from(text);
    this.text = text;
  }

  accepts(candidate: unknown): boolean {
    if (typeof candidate !== 'string') return false;
    const bytes = Buffer.from(candidate);
    return bytes.length === this.#token.length && timingSafeEqual(bytes, this.#token);
  }
}

const tokenError = (path: string, found: string, cause?: unknown): CodedError =>
  new CodedError({
    code: 'HF-7102',
    attempted: `read the token file ${path}`,
    found,
    next: 'write a random token into it and make it readable by its owner only (mode 600)',
    cause,
  });
