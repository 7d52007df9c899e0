/** Thrown when the program itself is wrong. Never caught inside the core: a controller that is wrong must stop. */
export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed';
}

/** Stays on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message);
}

/** Ends an exhaustive switch; the compiler refuses a call that can be reached. */
export function unreachable(value: never): never {
  throw new AssertionFailed(`unreachable: ${JSON.stringify(value)}`);
}
