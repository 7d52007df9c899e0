import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';

/** Where a checkpoint is taken, of what, and what it must amount to. */
export interface CheckpointOrder {
  readonly instance: string;
  readonly journal: string;
  readonly checkpoints: string;
  /** A sequence that is durable, of which the running state's hash is known. */
  readonly sequence: number;
  readonly stateHash: string;
}

export interface CheckpointTaken {
  readonly sequence: number;
  /** See `coveredUpTo`. */
  readonly covered: number;
}

export type CheckpointOutcome =
  | ({ readonly kind: 'taken' } & CheckpointTaken)
  | { readonly kind: 'failed'; readonly reason: string };

const PROGRAM = join(import.meta.dirname, 'take-checkpoint.ts');

/**
 * Takes a checkpoint in a process of its own, from the files: the engine that goes on meanwhile is not held up, also where both share a
 * processor, and what is written was computed a second time. Always settles.
 */
export const takeCheckpoint = (order: CheckpointOrder): Promise<CheckpointOutcome> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] });
    comeLast(child.pid);
    let [output, complaint] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.on('error', (error) => resolve({ kind: 'failed', reason: error.message }));
    child.on('close', (code) => {
      if (code === 0) resolve({ kind: 'taken', ...(JSON.parse(output) as CheckpointTaken) });
      else resolve({ kind: 'failed', reason: complaint.split('\n')[0] || `the process ended with ${code}` });
    });
  });

/** It has no thread yet that would keep the priority of who started it. */
const comeLast = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It was already through, or may not be told: it takes its checkpoint all the same.
  }
};
