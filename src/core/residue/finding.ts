import type { Facts } from '../decision/facts.ts';

/** Something of an earlier reign that is still there, or a place that could not be looked at. */
export interface ResidueFinding {
  readonly certainty: 'residue' | 'inconclusive';
  /** An instance, a key of the authority, or a component. */
  readonly place: string;
  readonly found: string;
  /** A command, or what to do. */
  readonly remedy: string;
}

export type ResidueLook = (facts: Facts) => readonly ResidueFinding[];

export const leftBehind = (place: string, found: string, remedy: string): ResidueFinding => ({
  certainty: 'residue',
  place,
  found,
  remedy,
});

export const notSeen = (place: string, found: string, remedy: string): ResidueFinding => ({
  certainty: 'inconclusive',
  place,
  found,
  remedy,
});
