import { connect } from 'node:net';
import { emptyIdView, IdScratch } from '../../base/id-view.ts';
import { FrameReader } from '../../venue-protocol/frame-reader.ts';
import { FENCE_DONE, offsetsOf, REJECT, REJECT_CODES } from '../../venue-protocol/layout.ts';
import { encodeFence, FenceMessage } from '../../venue-protocol/requests.ts';
import { WireBuffer } from '../../venue-protocol/wire-buffer.ts';
import { readU64 } from '../../venue-protocol/wire-fields.ts';
import type { VenueAddress } from './venue-session.ts';

export type VenueFenceOutcome =
  | { readonly kind: 'acknowledged' }
  /** The venue already knows a newer epoch. */
  | { readonly kind: 'stale'; readonly epoch: number }
  /** It has no epochs: only the takeover of the session stops an older one. */
  | { readonly kind: 'no-epochs' }
  /** No answer in time: it may have been raised or not. */
  | { readonly kind: 'unreachable' };

const REJECT_AT = offsetsOf(REJECT);

/** Raises the firm's epoch at the venue over a connection of its own. Always settles by the deadline. */
export const fenceVenue = (options: {
  readonly address: VenueAddress;
  readonly epoch: number;
  readonly deadlineMs: number;
}): Promise<VenueFenceOutcome> =>
  new Promise((resolve) => {
    const { host, port, firm, password } = options.address;
    const socket = connect({ host, port, noDelay: true });
    const deadline = setTimeout(() => settle({ kind: 'unreachable' }), options.deadlineMs);
    const settle = (outcome: VenueFenceOutcome) => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(outcome);
    };
    const frames = new FrameReader({
      onFrame: (type, bytes, view, at) => {
        if (type === FENCE_DONE.type) settle({ kind: 'acknowledged' });
        else if (type === REJECT.type) {
          const code = REJECT_CODES[bytes[at + REJECT_AT.code]!];
          if (code === 'stale-epoch') settle({ kind: 'stale', epoch: readU64(view, at + REJECT_AT.epoch) });
          else settle({ kind: code === 'no-epochs' ? 'no-epochs' : 'unreachable' });
        }
      },
      onBroken: () => settle({ kind: 'unreachable' }),
      onUnknown: () => {},
    });
    socket.on('connect', () => {
      const out = new WireBuffer();
      const names = { firm: new IdScratch().hold(firm)!, password: new IdScratch().hold(password) ?? emptyIdView() };
      encodeFence(out, Object.assign(new FenceMessage(), { ...names, epoch: options.epoch }));
      socket.write(out.bytes.subarray(0, out.end));
    });
    socket.on('data', (chunk: Buffer) => frames.push(chunk));
    socket.on('error', () => settle({ kind: 'unreachable' }));
    socket.on('close', () => settle({ kind: 'unreachable' }));
  });
