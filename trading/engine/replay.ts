import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeError } from '../base/coded-error.ts';
import { ITEM_KIND, STATE_NAMES } from './order-pool.ts';
import { type ReplayGoal, replayJournal } from './replay-journal.ts';

const help = `Replays an engine's journal and says what it amounts to. Reads only, also beside the engine that writes it.

  bin/holdfast-node trading/engine/replay.ts --journal DIR [--to SEQUENCE|TIME] [--checkpoints DIR] [--from-start] [--json]

--to: up to this sequence, or to this moment (2026-11-21T14:00:00Z, the sequencer's clock); without it to the end.
--checkpoints: where they are; the directory beside the journal when left out. --from-start uses none.
`;

/** What --to means; null when it is neither a sequence nor a time. */
const goalOf = (to: string | undefined): ReplayGoal | null => {
  if (to === undefined) return { kind: 'now' };
  if (/^\d+$/.test(to)) return { kind: 'sequence', sequence: Number(to) };
  const atMs = Date.parse(to);
  return Number.isNaN(atMs) ? null : { kind: 'moment', atMs };
};

const main = (): number => {
  const { values } = parseArgs({
    options: {
      journal: { type: 'string' },
      to: { type: 'string' },
      checkpoints: { type: 'string' },
      'from-start': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const goal = goalOf(values.to);
  if (values.journal === undefined || goal === null) {
    const complaint =
      values.journal === undefined ? 'no --journal was given' : `--to ${values.to} is no sequence and no time`;
    process.stderr.write(`HF-7101 ${complaint}\n\n${help}`);
    return 2;
  }
  const warnings: string[] = [];
  const startedAtMs = performance.now();
  const { state, checkpoint, applied, end } = replayJournal({
    journal: values.journal,
    checkpoints: values['from-start'] ? null : (values.checkpoints ?? join(values.journal, '..', 'checkpoints')),
    goal,
    onDamaged: (error) => void warnings.push(error.message),
    onStranger: ({ file }) => void warnings.push(`${file} is of another journal and was not used`),
  });
  const elapsedMs = Math.round(performance.now() - startedAtMs);
  const orders: Record<string, number> = {};
  const { items } = state;
  for (let item = 0; item < items.count; item++) {
    if (items.kind(item) !== ITEM_KIND.order) continue;
    const name = STATE_NAMES[items.state(item)]!;
    orders[name] = (orders[name] ?? 0) + 1;
  }
  const from = checkpoint === null ? null : checkpoint.provenance;
  const { applied: sequence, breaks, fillCount: fills, venueReports: venueReport, hash: stateHash } = state;
  const found = { sequence, epoch: end.epoch, stateHash, orders, fills, venueReport, breaks };
  for (const warning of warnings) process.stderr.write(`warning  ${warning}\n`);
  if (values.json)
    process.stdout.write(`${JSON.stringify({ ...found, applied, elapsedMs, checkpoint: from, warnings })}\n`);
  else {
    const states = Object.entries(orders).map(([name, count]) => `${count} ${name}`);
    const source = from === null ? 'from the first entry' : `from the checkpoint at ${from.sequence}`;
    process.stdout.write(
      `sequence  ${sequence}, epoch ${end.epoch}, state hash ${stateHash}\n` +
        `orders    ${states.join(', ') || 'none'}; ${fills} fills, ${breaks} breaks\n` +
        `replayed  ${applied} entries ${source} in ${elapsedMs} ms\n`,
    );
  }
  return 0;
};

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
