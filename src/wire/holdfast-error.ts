/** An error for people: what was attempted, what was found, what to do next. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  /** `HF-nnnn`, documented in `docs/reference/errors.md`. */
  readonly code: string;
  readonly attempted: string;
  readonly found: string;
  readonly next: string;

  constructor(parts: {
    readonly code: string;
    readonly attempted: string;
    readonly found: string;
    readonly next: string;
    readonly cause?: unknown;
  }) {
    const { code, attempted, found, next, cause } = parts;
    super(`${code} ${attempted}: ${found}\nnext    ${next}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.attempted = attempted;
    this.found = found;
    this.next = next;
  }
}

/** The message of anything that was thrown. */
export const causeText = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
