import { connect } from 'node:net';
import { countField, parseRecord } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import type { VenueAddress } from './venue-link.ts';

export type VenueFenceOutcome =
  | { readonly kind: 'acknowledged' }
  /** The venue already knows a newer epoch. */
  | { readonly kind: 'stale'; readonly epoch: number }
  /** No answer in time: it may have been raised or not. */
  | { readonly kind: 'unreachable' };

/** Raises the firm's epoch at the venue over a connection of its own. Always settles by the deadline. */
export const fenceVenue = (options: {
  readonly address: VenueAddress;
  readonly epoch: number;
  readonly deadlineMs: number;
}): Promise<VenueFenceOutcome> =>
  new Promise((resolve) => {
    const { host, port, firm } = options.address;
    const socket = connect({ host, port, noDelay: true });
    const deadline = setTimeout(() => settle({ kind: 'unreachable' }), options.deadlineMs);
    const settle = (outcome: VenueFenceOutcome) => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(outcome);
    };
    const lines = new LineReader({
      maxLineLength: 64 * 1024,
      onLine: (line) => {
        const answer = parseRecord(line);
        if (answer?.t === 'fence-ok') settle({ kind: 'acknowledged' });
        else if (answer?.code === 'stale-epoch') settle({ kind: 'stale', epoch: countField(answer, 'epoch') ?? 0 });
      },
      onOverflow: () => settle({ kind: 'unreachable' }),
    });
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${JSON.stringify({ t: 'fence', firm, epoch: options.epoch })}\n`));
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('error', () => settle({ kind: 'unreachable' }));
    socket.on('close', () => settle({ kind: 'unreachable' }));
  });
