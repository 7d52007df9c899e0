import { connect } from 'node:net';
import type { LinkId } from '../../src/core/base/ids.ts';
import type { LabLayout, LinkProbe } from '../layout.ts';

/** Round trips really taken over one link, in milliseconds; null when nothing came back in time. */
export interface LinkMeasurement {
  readonly link: LinkId;
  readonly samples: number;
  readonly rttMs: RoundTrips | null;
}

export interface RoundTrips {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
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

/** Of at least one. */
export function summary(values: readonly number[]): RoundTrips {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { min: at(0), median: at(0.5), p95: at(0.95), max: at(1) };
}
