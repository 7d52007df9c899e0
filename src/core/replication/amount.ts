/**
 * A figure and how it is known. `counted`: from one look at both ends. `estimated`: from looks at different moments, or between two of
 * them; `atMost` is what can be vouched for. `at-least`: it may be more. `unknown`: `value` is the last that was known, or null; never a
 * stand-in for zero.
 */
export interface Amount {
  readonly certainty: 'counted' | 'estimated' | 'at-least' | 'unknown';
  readonly value: number | null;
  readonly atMost: number | null;
  /** Why it is not counted; null where it is. */
  readonly why: string | null;
}

export const counted = (value: number): Amount => ({ certainty: 'counted', value, atMost: value, why: null });

export const estimated = (value: number, why: string, atMost: number | null = null): Amount => ({
  certainty: 'estimated',
  value,
  atMost,
  why,
});

export const atLeast = (value: number, why: string): Amount => ({ certainty: 'at-least', value, atMost: null, why });

export const unknownAmount = (why: string, last: number | null = null): Amount => ({
  certainty: 'unknown',
  value: last,
  atMost: null,
  why,
});
