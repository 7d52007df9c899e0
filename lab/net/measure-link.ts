import { connect } from 'node:net';
import type { LinkId } from '../../src/core/base/ids.ts';
import type { LabLayout, LinkProbe } from '../layout.ts';

/** Round trips really taken over one link, in milliseconds; null when nothing came back in time. */
export interface LinkMeasurement {
  readonly link: LinkId;
  readonly samples: number;
  readonly rttMs: { readonly min: number; readonly median: number; readonly max: number } | null;
}

/** Sends small messages one after another through each link's own relay. Ends by `deadlineMs` whatever happens. */
export function measureLinks(
  layout: LabLayout,
  options: { readonly samples: number; readonly deadlineMs: number },
): Promise<readonly LinkMeasurement[]> {
  return Promise.all(layout.linkProbes.map((probe) => measureLink(probe, options)));
}

function measureLink(
  probe: LinkProbe,
  options: { readonly samples: number; readonly deadlineMs: number },
): Promise<LinkMeasurement> {
  return new Promise((resolve) => {
    const rtts: number[] = [];
    let sentAt = 0;
    let warm = false;
    const socket = connect({ host: probe.listen.host, port: probe.listen.port, noDelay: true });
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ link: probe.link, samples: rtts.length, rttMs: rtts.length === 0 ? null : summary(rtts) });
    };
    const timer = setTimeout(finish, options.deadlineMs);
    const ping = () => {
      sentAt = performance.now();
      socket.write('.');
    };
    socket.on('error', finish);
    socket.on('connect', ping);
    socket.on('data', () => {
      // The first one also pays for the opening of the connection behind the relay.
      if (warm) rtts.push(performance.now() - sentAt);
      warm = true;
      if (rtts.length >= options.samples) finish();
      else ping();
    });
  });
}

function summary(values: readonly number[]): { readonly min: number; readonly median: number; readonly max: number } {
  const sorted = [...values].sort((left, right) => left - right);
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, max: sorted[sorted.length - 1]! };
}
