import { describeError } from '../base/coded-error.ts';
import { type Block, lastSequenceOf } from '../journal/block.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { baseOf, coveredUpTo, newestCheckpoint, writeCheckpoint } from './checkpoint.ts';
import type { CheckpointOrder, CheckpointTaken } from './checkpoint-taker.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';
import { OrderState } from './order-state.ts';
import { applyBlock } from './replayed-state.ts';
import { ENGINE_VERSION } from './version.ts';

/** Takes one checkpoint; its sequence is the end of the block that holds the sequence asked for. */
const take = ({ instance, journal, checkpoints, sequence, stateHash }: CheckpointOrder): CheckpointTaken => {
  // Beyond the block before the one asked for a base would not meet the hash that it must be compared at.
  const base = newestCheckpoint(checkpoints, { upTo: sequence - 1, onDamaged: () => {} });
  const state = base?.state ?? new OrderState();
  const sessions = base?.sessions ?? new KeptFixSessions('every');
  const from = state.applied;
  const known = base === null ? null : baseOf(base);
  const onBlock = (block: Block): 'go-on' | 'stop' => {
    const last = lastSequenceOf(block.header);
    if (last === from && block.header.crc !== base?.provenance.chainCrc)
      throw new Error(`${base?.file} is of another journal`);
    if (last > from) {
      sessions.apply(block);
      applyBlock(state, block);
    }
    return last >= sequence ? 'stop' : 'go-on';
  };
  const end = readJournal(journal, onBlock, known);
  const found = state.hashes.at(sequence);
  if (found !== stateHash)
    throw new Error(`the journal amounts to the state ${found} at ${sequence}; the running state is ${stateHash}`);
  writeCheckpoint(
    checkpoints,
    { state, sessions },
    {
      instance,
      sequence: end.sequence,
      epoch: end.epoch,
      chainCrc: end.crc,
      stateHash: state.hash,
      codeVersion: ENGINE_VERSION,
      takenAt: Date.now(),
    },
  );
  return { sequence: end.sequence, covered: coveredUpTo(checkpoints) };
};

try {
  process.stdout.write(`${JSON.stringify(take(JSON.parse(process.argv[2] ?? '{}') as CheckpointOrder))}\n`);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
