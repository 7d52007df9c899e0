import type { HostId, SiteId } from '../../core/base/ids.ts';
import type { MeasuredPath, NetworkReport } from '../../core/network/network-report.ts';
import { Fields } from '../../wire/fields.ts';

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

function parsePath(fields: Fields): MeasuredPath {
  const trips = fields.fields('trips');
  return {
    to: fields.text<SiteId>('to'),
    answeredMsAgo: fields.numberOrNull('answeredMsAgo'),
    trips: {
      sent: trips.count('sent'),
      answered: trips.count('answered'),
      lossPercent: trips.numberOrNull('lossPercent'),
      p50Ms: trips.numberOrNull('p50Ms'),
      p95Ms: trips.numberOrNull('p95Ms'),
      p99Ms: trips.numberOrNull('p99Ms'),
      maxMs: trips.numberOrNull('maxMs'),
      jitterMs: trips.numberOrNull('jitterMs'),
      lostInARow: trips.count('lostInARow'),
    },
  };
}
