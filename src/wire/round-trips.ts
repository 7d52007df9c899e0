import type { RoundTrips } from '../core/network/round-trips.ts';
import type { Fields } from './fields.ts';

/** @throws ShapeError */
export const parseTrips = (fields: Fields): RoundTrips => ({
  sent: fields.count('sent'),
  answered: fields.count('answered'),
  lossPercent: fields.numberOrNull('lossPercent'),
  p50Ms: fields.numberOrNull('p50Ms'),
  p95Ms: fields.numberOrNull('p95Ms'),
  p99Ms: fields.numberOrNull('p99Ms'),
  maxMs: fields.numberOrNull('maxMs'),
  jitterMs: fields.numberOrNull('jitterMs'),
  lostInARow: fields.count('lostInARow'),
});
