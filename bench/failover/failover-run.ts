import { messageOf } from '../../lab/lab-error.ts';
import type { ServersUnderTest } from '../../test/integration/netns-servers/servers-under-test.ts';

/** One fault, once. */
export interface Round {
  /** Null: nothing was seen that could be measured. */
  readonly seconds: number | null;
  /** Why not; null when it was measured. */
  readonly why: string | null;
  /** Null where nothing is counted. */
  readonly counts: Counts | null;
}

export interface Counts {
  readonly acknowledged: number;
  /** Acknowledged and not there afterwards. */
  readonly missing: number;
  /** Acknowledged by the former writer after its successor's first one; null where clients cannot tell. */
  readonly stale: number | null;
}

/** What is measured with one set of timers. */
export interface Series {
  /** The row of the table that it belongs to. */
  readonly fault: FaultName;
  /** Who recovers, e.g. `patroni`. */
  readonly by: string;
  readonly side: 'theirs' | 'ours';
  /** As the running servers said; null when they did not. */
  readonly timers: string | null;
  readonly rounds: readonly Round[];
}

export const faultNames = [
  'database-killed',
  'database-isolated',
  'database-moved',
  'site-lost',
  'engine-killed',
  'host-frozen',
  'redis-killed',
  'planned-move',
  'gateway-silent',
  'link-silent',
] as const;
export type FaultName = (typeof faultNames)[number];

/** What every series is given. */
export interface BaselineOptions {
  readonly servers: ServersUnderTest;
  readonly rounds: number;
  /** With timers that take minutes, too. */
  readonly long: boolean;
  readonly say: (line: string) => void;
}

/** The numbers of whoever writes from inside a site. */
export const insideFrom = 1_000_000_000;

export const notSeen = (why: string): Round => ({ seconds: null, why, counts: null });

/** In one line, whatever was thrown. */
export const notSeenBecause = (error: unknown): Round => notSeen(messageOf(error).split('\n')[0]!);

/** Plays every round; one that fails says why, and the others are played all the same. */
export async function playRounds(
  { rounds, say }: Pick<BaselineOptions, 'rounds' | 'say'>,
  title: string,
  play: (index: number) => Promise<Round>,
): Promise<readonly Round[]> {
  const played: Round[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const round = await play(index).catch(notSeenBecause);
    played.push(round);
    say(`${title}, ${index + 1} of ${rounds}: ${describeRound(round)}`);
  }
  return played;
}

export function describeRound({ seconds, why, counts }: Round): string {
  const figure = seconds === null ? why : `${seconds.toFixed(2)} s`;
  return counts === null ? `${figure}` : `${figure}; ${describeCounts(counts)}`;
}

export const describeCounts = ({ acknowledged, missing, stale }: Counts): string =>
  `${acknowledged} acknowledged, ${missing} missing${stale === null ? '' : `, ${stale} stale`}`;
