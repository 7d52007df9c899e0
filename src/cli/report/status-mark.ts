import type { ObjectiveVerdict } from '../../core/objective/measure.ts';
import { type Html, html } from './html.ts';

type Tone = 'ok' | 'warn' | 'bad' | 'unknown' | 'plain';

interface Mark {
  readonly glyph: string;
  readonly tone: Tone;
  readonly word: string;
}

/** Glyph and word always stand together; colour only fills the glyph. */
export const statusMarks = {
  met: { glyph: '✓', tone: 'ok', word: 'met' },
  missed: { glyph: '✕', tone: 'bad', word: 'missed' },
  inconclusive: { glyph: '?', tone: 'unknown', word: 'inconclusive' },
  pass: { glyph: '✓', tone: 'ok', word: 'pass' },
  block: { glyph: '✕', tone: 'bad', word: 'block' },
  'cannot-evaluate': { glyph: '?', tone: 'unknown', word: 'cannot evaluate' },
  healthy: { glyph: '●', tone: 'ok', word: 'healthy' },
  degraded: { glyph: '◐', tone: 'warn', word: 'degraded' },
  suspect: { glyph: '▲', tone: 'warn', word: 'suspect' },
  failed: { glyph: '✕', tone: 'bad', word: 'failed' },
  unknown: { glyph: '?', tone: 'unknown', word: 'unknown' },
  hold: { glyph: '▲', tone: 'warn', word: 'hold' },
  'ask-approval': { glyph: '▲', tone: 'warn', word: 'approval asked for' },
  'stand-down': { glyph: '○', tone: 'plain', word: 'stand down' },
  refused: { glyph: '✕', tone: 'bad', word: 'refused' },
  intact: { glyph: '✓', tone: 'ok', word: 'intact' },
  broken: { glyph: '✕', tone: 'bad', word: 'broken' },
  complete: { glyph: '✓', tone: 'ok', word: 'complete' },
  incomplete: { glyph: '✕', tone: 'bad', word: 'incomplete' },
  unproven: { glyph: '?', tone: 'unknown', word: 'not proved' },
  strict: { glyph: '●', tone: 'ok', word: 'STRICT' },
  halted: { glyph: '✕', tone: 'bad', word: 'HALTED' },
} as const satisfies Readonly<Record<string, Mark>>;

export type Status = keyof typeof statusMarks;

export function statusMark(status: Status, word?: string): Html {
  const { glyph, tone, word: usual } = statusMarks[status];
  return html`<span class="status"><span class="g ${tone}" aria-hidden="true">${glyph}</span> ${word ?? usual}</span>`;
}

/** `withinObjective` in words that stand alone. */
export const verdictWords: Readonly<Record<ObjectiveVerdict, string>> = {
  met: 'within objectives',
  missed: 'objectives missed',
  inconclusive: 'inconclusive',
};
