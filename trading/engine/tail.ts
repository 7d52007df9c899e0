import { parseArgs } from 'node:util';
import { describeError } from '../base/coded-error.ts';
import { journalTail } from './journal-tail.ts';

const help = `Lists what stands in a tail that was cut off an engine's journal, and what of it the journal of the new reign has too.

  bin/holdfast-node trading/engine/tail.ts --tail FILE --journal DIR [--json]   FILE: diverged-….log, as the instance reports it; DIR: the journal of an engine of the new reign

Exit 0 that is all · 1 a file cannot be read · 2 usage · 3 inconclusive: there may be more, or what is absent may be there
`;

function main(): number {
  const { values } = parseArgs({
    options: {
      tail: { type: 'string' },
      journal: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (values.tail === undefined || values.journal === undefined) {
    process.stderr.write(`HF-7101 name both --tail and --journal\n\n${help}`);
    return 2;
  }
  const tail = journalTail(values.tail, values.journal);
  const lines = [
    `tail   ${tail.file}, from ${tail.fromSequence}, ${tail.lines.length} entries`,
    ...tail.inconclusive.map((why) => `?      inconclusive: ${why}`),
    ...tail.lines.map(({ sequence, kind, entry, id, atNewPrimary }) =>
      [String(sequence).padEnd(12), kind.padEnd(9), entry.padEnd(15), id, atNewPrimary].join('  '),
    ),
  ];
  process.stdout.write(values.json ? `${JSON.stringify(tail)}\n` : `${lines.join('\n')}\n`);
  return tail.inconclusive.length === 0 ? 0 : 3;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
