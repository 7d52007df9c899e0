import type { StreamEnd } from '../health/instance-observation.ts';

/** One server of a set that promotes by itself, as it was asked. */
export interface SetMember extends StreamEnd {
  readonly primary: boolean;
  /** It copies the server that leads, over a link that is up, and nothing has to be copied first. */
  readonly follows: boolean;
}

/**
 * Whether sentinels may promote a server that lets nobody in: only what was seen to have everything that the leading one had. Null: it
 * stays as it is. A link that ends proves nothing while nobody is seen to go on without it: then this may be the copy that is needed.
 *
 * @param own asked after `leading`
 * @param leading whom the record names; null = it did not answer
 * @param wasCandidate then it need not be level with it again, as long as it follows
 */
export function isCandidate(
  own: SetMember,
  leading: Omit<SetMember, 'follows'> | null,
  wasCandidate: boolean,
): boolean | null {
  if (leading === null || !leading.primary) return null;
  if (own.primary || !own.follows || own.history !== leading.history) return false;
  return wasCandidate || own.offset >= leading.offset;
}
