import type { CommandOutcome } from '../command-outcome.ts';
import { exitCodes } from '../exit-code.ts';
import { labelled, spread } from './text.ts';

/** Commands that have commands of their own. */
const families: readonly string[] = ['plan', 'evidence', 'topology', 'lab', 'authority'];

/** What the parser complained about, in the words of every other error. Help that was printed instead of a complaint is kept. */
export function usageOutcome(complaint: string, args: readonly string[], commands: readonly string[]): CommandOutcome {
  const lines = complaint.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => line.startsWith('error:') || /^\(Did you mean/.test(line));
  const typed = args.find((arg) => commands.includes(arg));
  if (errors.length === 0)
    return {
      exitCode: exitCodes.usage,
      text: complaint,
      json: { error: { code: 'HF-8003', found: 'no command', next: 'holdfast --help' }, exitCode: exitCodes.usage },
      toStderr: true,
    };
  const found = errors.join(' ').replace(/^error: /, '');
  const known = !found.startsWith('unknown command');
  const below = typed === undefined || !known || !families.includes(typed) ? undefined : args[args.indexOf(typed) + 1];
  const named = [typed, below].filter((word) => word !== undefined && /^[a-z]+$/.test(word));
  const next = ['holdfast', ...named, '--help'].join(' ');
  const text = [
    spread('USAGE HF-8003 the command line cannot be understood', `exit ${exitCodes.usage}`),
    ...labelled('tried', `holdfast ${args.join(' ')}`),
    ...labelled('found', found),
    ...labelled('next', next),
  ].join('\n');
  return {
    exitCode: exitCodes.usage,
    text: `${text}\n`,
    json: { error: { code: 'HF-8003', tried: `holdfast ${args.join(' ')}`, found, next }, exitCode: exitCodes.usage },
    toStderr: true,
  };
}
