/** Something PostgreSQL or its surroundings refused, with a code that callers may switch on. Kinds are listed in README.md. */
export class PostgresProblem extends Error {
  override readonly name = 'PostgresProblem';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
