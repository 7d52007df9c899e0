/** What every benchmark is given. */
export interface BenchOptions {
  /** An empty directory of its own; removed at the end. */
  readonly directory: string;
  readonly rounds: number;
  /** Share of the full size: below 1 it is seen to run, not to be judged. */
  readonly scale: number;
  readonly say: (line: string) => void;
}

export const elapsedMs = <Result>(work: () => Result): { readonly ms: number; readonly result: Result } => {
  const startedAt = process.hrtime.bigint();
  const result = work();
  return { ms: Number(process.hrtime.bigint() - startedAt) / 1e6, result };
};
