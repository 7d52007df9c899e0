/** How the driver runs its process; wired by the entry point to `src/adapters/process/supervised-process.ts`. */
export interface Supervisor {
  /** Starts it in a session of its own; rejects when the command cannot be executed. */
  spawn(): Promise<SupervisedChild>;
  /** The process of an earlier agent, if it is still the same one and alive. */
  adopt(): SupervisedChild | null;
  /** An earlier agent on this host started one, since the host booted or before. */
  hadChild(): boolean;
  /** Kills whatever of the instance has outlived its main process. `treeEmpty`: nothing is left. */
  sweep(options: { readonly deadlineMs: number }): Promise<{ readonly treeEmpty: boolean }>;
}

export interface SupervisedChild {
  readonly name: { readonly pid: number; readonly startTicks: number };
  /** Settles once, when the main process has ended; others of its tree may still live. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null; readonly reaped: boolean }>;
  /** `stopped`: by a signal; it exists and is silent. */
  state(): 'running' | 'stopped' | 'gone';
  /** SIGKILL to the whole tree. */
  killTree(options: {
    readonly deadlineMs: number;
  }): Promise<{ readonly treeEmpty: boolean; readonly reaped: boolean }>;
  /** Stops watching; the process goes on. */
  release(): void;
}
