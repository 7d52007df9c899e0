import { Journal } from '../journal/journal.ts';
import { OtherHistory } from '../journal/recovery-start.ts';
import { baseOf, newestCheckpoint } from './checkpoint.ts';
import { ReplayedState } from './replayed-state.ts';

/** The journal and its state, from the newest checkpoint that is whole and of this journal, without reading what is in front of it. */
export const recoverJournal = async (options: {
  readonly journal: string;
  readonly checkpoints: string;
  readonly sync: 'group' | 'none';
  readonly segmentBytes?: number;
  /** Names of the FIX sessions that the journal holds. */
  readonly fixSessions: readonly string[];
  readonly onDurable: () => void;
  readonly onFailure: (error: Error) => void;
  readonly onWarning: (text: string) => void;
}): Promise<{ readonly journal: Journal; readonly replayed: ReplayedState }> => {
  const { sync, segmentBytes, fixSessions, onDurable, onFailure, onWarning } = options;
  for (let upTo = Number.MAX_SAFE_INTEGER; ; ) {
    const onDamaged = ({ message }: Error): void => onWarning(message);
    const checkpoint = newestCheckpoint(options.checkpoints, { upTo, onDamaged });
    const replayed = new ReplayedState(checkpoint, fixSessions);
    const base = checkpoint === null ? null : baseOf(checkpoint);
    const place = { directory: options.journal, sync, base };
    const size = segmentBytes === undefined ? {} : { segmentBytes };
    try {
      const journal = await Journal.open({ ...place, ...size, onFailure, onDurable }, (block) => replayed.apply(block));
      return { journal, replayed };
    } catch (error) {
      if (!(error instanceof OtherHistory) || checkpoint === null) throw error;
      onWarning(`${checkpoint.file} is of another journal and was not used`);
      upTo = checkpoint.provenance.sequence - 1;
    }
  }
};
