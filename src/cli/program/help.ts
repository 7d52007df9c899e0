import type { Command } from 'commander';

/** What the help of a command teaches beyond its options. */
export interface Lesson {
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** What it reads, asks or changes; `nothing` where that is so. */
  readonly touches: string;
  /** Exit codes beyond "0 ok, 1 failed, 2 usage", with what they mean here. */
  readonly exits?: string;
}

export function teach(command: Command, { examples, touches, exits }: Lesson): Command {
  const width = Math.max(...examples.map(([text]) => text.length));
  const lines = examples.map(([text, what]) => `  ${text.padEnd(width)}   ${what}`);
  const ends = `Exit codes: 0 ok · 1 failed · 2 usage${exits === undefined ? '' : ` · ${exits}`}`;
  return command.addHelpText(
    'after',
    `\nExamples:\n${lines.join('\n')}\n\nTouches: ${touches}\n${ends}\nGlobal options: --json --ascii --connect FILE --as NAME --group GROUP`,
  );
}
