/** Who wrote, in turn: `[a, b]` is a take-over, `[a, b, a]` are two, or two writers. */
export const turnsOf = <Name>(writers: readonly Name[]): readonly Name[] =>
  writers.filter((each, index) => index === 0 || each !== writers[index - 1]);

/** What a client of a Redis saw through one fault, and what the platform said of it. */
export interface RedisTurns {
  /** Who let it write, in turn. */
  readonly turns: readonly string[];
  /** By so much the epoch was raised. */
  readonly raised: number;
  /** Acknowledged, and not in the Redis of the record afterwards. */
  readonly missing: number;
  /** What was counted each time that a lost Redis was replaced. */
  readonly counted: readonly { readonly kind: string }[];
}

/** One sentence for each thing that may not be; a Redis may lose writes, but only where its writer changed, and not as if there were none. */
export function redisProblems({ turns, raised, missing, counted }: RedisTurns): readonly string[] {
  const problems: string[] = [];
  if (turns.length - 1 > raised) problems.push(`it changed ${turns.length - 1} times, and the epoch ${raised} times`);
  if (missing > 0 && turns.length < 2) problems.push(`nobody took over, and ${missing} writes are missing`);
  if (missing > 0 && counted.length > 0 && counted.every(({ kind }) => kind === 'none'))
    problems.push(`${missing} writes are missing, and none were counted`);
  return problems;
}
