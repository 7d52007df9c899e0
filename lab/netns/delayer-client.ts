import { connect } from 'node:net';
import { eachLine } from '../lines.ts';

export interface DelayChange {
  readonly id: string;
  readonly delayMs: number;
  readonly lossPercent: number;
}

/** The delayer's control address: a name that the kernel takes back with its holder. */
export const delayerName = (labId: string): string => `holdfast-delayer-${labId}`;

/** Resolves when the delayer treats packets so. */
export function changeDelays(labId: string, changes: readonly DelayChange[], deadlineMs: number): Promise<void> {
  if (changes.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const socket = connect(`\0${delayerName(labId)}`);
    const end = (error: Error | null) => {
      clearTimeout(timer);
      socket.destroy();
      if (error === null) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => end(new Error(`the delayer has not answered within ${deadlineMs} ms`)), deadlineMs);
    socket.on('error', end);
    socket.on('close', () => end(new Error('the delayer closed the connection')));
    eachLine(socket, () => end(null));
    socket.write(`${JSON.stringify({ set: changes })}\n`);
  });
}
