import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

export interface ProcessFigures {
  readonly residentMb: number;
  /** The most it was since `forgetPeak`. */
  readonly peakMb: number;
  readonly descriptors: number;
}

/** Memory and file descriptors of a running process; throws when it runs no longer. */
export const figuresOf = (pid: number): ProcessFigures => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return { residentMb: mb('VmRSS'), peakMb: mb('VmHWM'), descriptors: readdirSync(`/proc/${pid}/fd`).length };
};

export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');
