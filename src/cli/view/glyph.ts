import type { StepOutcome } from '../../core/run/run.ts';

/** Always beside the word, never instead of it. */
export const stateGlyph: Readonly<Record<string, string>> = {
  healthy: '●',
  degraded: '◐',
  suspect: '▲',
  failed: '✕',
  unknown: '?',
};

export const ruleGlyph = { pass: '✓', block: '✕', 'cannot-evaluate': '?' } as const;

export const outcomeGlyph: Readonly<Record<StepOutcome, string>> = {
  ok: '✓',
  failed: '✕',
  unknown: '?',
  skipped: '⤼',
  compensated: '↩',
  'not-applicable': '–',
};

/** One character each, so that columns stay where they are. */
const letters: Readonly<Record<string, string>> = {
  '●': 'H',
  '◐': 'D',
  '▲': 'S',
  '✕': 'X',
  '▶': 'R',
  '✓': 'v',
  '⤼': 'k',
  '↩': 'c',
  '≠': '!',
  '→': '>',
  '·': '|',
  '–': '-',
  '—': '-',
  '…': '~',
  '─': '-',
  '┄': '-',
  '×': 'x',
  '’': "'",
};

/** For terminals and logs that know nothing but ASCII; what has no letter of its own becomes `?`. */
export const asciiText = (text: string): string =>
  Array.from(text, (symbol) => letters[symbol] ?? (symbol.charCodeAt(0) < 128 ? symbol : '?')).join('');
