/** An error for people: a documented code, what was attempted, what was found, and what to do next. */
export class CodedError extends Error {
  readonly code: string;
  readonly next: string;

  constructor(options: { code: string; attempted: string; found: string; next: string; cause?: unknown }) {
    super(`${options.code} ${options.attempted}: ${options.found}`, { cause: options.cause });
    this.name = 'CodedError';
    this.code = options.code;
    this.next = options.next;
  }
}

/** One line for stderr, whatever was thrown. */
export const describeError = (error: unknown): string => {
  if (error instanceof CodedError) return `${error.message}\nnext    ${error.next}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
};
