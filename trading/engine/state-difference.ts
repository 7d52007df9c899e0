import type { StateDifference } from '../replication/standby-core.ts';

/** Which of two states is not what their common journal amounts to. */
export type StateVerdict = 'primary-wrong' | 'replica-wrong' | 'inconclusive';

/** A third opinion decides: a replay of the journal by a process of its own; null = it could not be had. */
export const stateVerdict = (difference: StateDifference, replayed: string | null): StateVerdict => {
  const { primary, replica } = difference;
  if (replayed === null || primary === replica) return 'inconclusive';
  if (replayed === primary) return 'replica-wrong';
  return replayed === replica ? 'primary-wrong' : 'inconclusive';
};

/** What is written beside the state that differed. */
export interface DifferenceReport extends StateDifference {
  readonly instance: string;
  readonly upstream: string | null;
  readonly epoch: number;
  /** End of the journal, which the primary has too, when the state was put aside. */
  readonly journalEnd: { readonly sequence: number; readonly crc: number };
  readonly replayed: string | null;
  readonly verdict: StateVerdict;
  readonly codeVersion: string;
  /** Wall clock, milliseconds. */
  readonly foundAt: number;
}

const WORDS = {
  'primary-wrong': "a replay of the journal agrees with this instance: the primary's state is wrong",
  'replica-wrong': 'a replay of the journal agrees with the primary: the state here was wrong',
  inconclusive: 'a replay of the journal agrees with neither, or could not be had: which is wrong is inconclusive',
} as const satisfies Record<StateVerdict, string>;

export const differenceText = (difference: StateDifference, verdict: StateVerdict | null): string => {
  const { sequence, primary, replica } = difference;
  const word = verdict === null ? 'the journal is being replayed to decide which is wrong' : WORDS[verdict];
  return `its order state differed from its primary's at ${sequence} (here ${replica}, there ${primary}): ${word}`;
};
