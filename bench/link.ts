import type { BenchOptions } from './bench-options.ts';
import { withEngines } from './engines.ts';
import { type Measurement, quantile, type Round, summarize } from './measurement.ts';
import { OrderLoad } from './order-load.ts';
import { PeerProcess } from './peer-process.ts';
import { Placement } from './placement.ts';
import { QuietVenue } from './quiet-venue.ts';

const ONE_WAY_MS = 4;
/** Small enough that the link is what limits, not the processors. */
const WINDOW = 1024;
const SECONDS = 3;

/** Orders that a replica behind a link of 8 ms there and back must confirm: what comes through, against window ÷ round trip. */
export const linkBench = async ({ rounds, scale, say }: BenchOptions): Promise<Measurement[]> => {
  const seconds = Math.max(1, SECONDS * scale);
  const venue = await QuietVenue.open();
  const placement = Placement.take();
  const measured: Round[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      say(`link: round ${round + 1} of ${rounds}`);
      const roundTripMs = await measureRoundTrip(placement);
      let link: PeerProcess | null = null;
      const linkTo = async (port: number) => {
        link = await PeerProcess.start('delayed-link', String(port), String(ONE_WAY_MS));
        return link.port;
      };
      try {
        const perSecond = await withEngines(
          { venue, placement, sync: 'none', replica: true, linkTo },
          async (engines) => {
            const port = engines.primary.process.port('orders');
            const load = await OrderLoad.open({ port, prefix: `r${round}`, client: 'c1' });
            const seen = await load.throughput({ window: WINDOW, seconds });
            load.close();
            return seen;
          },
        );
        measured.push({ value: perSecond, floor: (WINDOW * 1000) / roundTripMs });
      } finally {
        (link as PeerProcess | null)?.stop();
      }
    }
  } finally {
    placement.release();
    venue.close();
  }
  return [
    summarize({
      name: 'throughput-8ms-link',
      unit: '/s',
      goal: { of: 'ratio', is: 'at least', bound: 0.75 },
      rounds: measured,
      note: `window of ${WINDOW}; floor = window ÷ the round trip of an echo over the same link`,
    }),
  ];
};

/** Median round trip of one message at a time through a link to an echo. */
const measureRoundTrip = async (placement: Placement): Promise<number> => {
  const echo = await PeerProcess.start('echo');
  placement.server(echo.pid);
  const link = await PeerProcess.start('delayed-link', String(echo.port), String(ONE_WAY_MS));
  try {
    const load = await OrderLoad.open({ port: link.port, prefix: 'rtt' });
    const { sortedUs } = await load.openLoop({ perSecond: 40, seconds: 1.5 });
    load.close();
    return quantile(sortedUs, 0.5) / 1000;
  } finally {
    link.stop();
    echo.stop();
  }
};
