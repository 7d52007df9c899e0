import { canonicalJson } from './canonical-json.ts';

/** Structural equality of JSON-like values. */
export const sameJson = (left: unknown, right: unknown): boolean =>
  left === right || canonicalJson(left) === canonicalJson(right);
