import { err, type Result } from '../base/result.ts';

/** Words that a scenario cannot be read from: what stands there, and what may stand there. */
export interface Misread {
  readonly found: string;
  readonly next: string;
}

export const misread = (found: string, next: string): Result<never, Misread> => err({ found, next });
