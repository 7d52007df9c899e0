import type { HostId, SiteId } from '../../core/base/ids.ts';
import type { MeasuredPath, NetworkReport } from '../../core/network/network-report.ts';
import { type NetworkTest, type NetworkTestResult, testLimits } from '../../core/network/throughput.ts';
import { Fields } from '../../wire/fields.ts';
import { parseTrips } from '../../wire/round-trips.ts';

/** @throws ShapeError */
export function parseNetworkReport(fields: Fields): NetworkReport {
  return {
    host: fields.text<HostId>('host'),
    site: fields.text<SiteId>('site'),
    sequence: fields.count('sequence'),
    problem: fields.textOrNull('problem'),
    paths: fields.list('paths', (value, at) => parsePath(Fields.of(value, at))),
  };
}

/** @throws ShapeError */
export const parseNetworkTest = (fields: Fields): NetworkTest => ({
  id: fields.text('id'),
  to: fields.text<SiteId>('to'),
  bytes: bytesOf(fields),
});

/** @throws ShapeError */
export const parseNetworkTestResult = (fields: Fields): NetworkTestResult => ({
  id: fields.text('id'),
  host: fields.text<HostId>('host'),
  from: fields.text<SiteId>('from'),
  to: fields.text<SiteId>('to'),
  bytes: bytesOf(fields),
  trips: fields.has('trips') ? parseTrips(fields.fields('trips')) : null,
  tookMs: fields.numberOrNull('tookMs'),
  problem: fields.textOrNull('problem'),
});

function bytesOf(fields: Fields): number {
  const bytes = fields.count('bytes');
  if (bytes > testLimits.mostBytes) throw fields.error('bytes', `must be at most ${testLimits.mostBytes}`);
  return bytes;
}

function parsePath(fields: Fields): MeasuredPath {
  return {
    to: fields.text<SiteId>('to'),
    answeredMsAgo: fields.numberOrNull('answeredMsAgo'),
    trips: parseTrips(fields.fields('trips')),
  };
}
