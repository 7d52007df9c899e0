import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLOSES, MESSAGES, type MessageLayout, REJECT_CODES, WIRE_REASONS, WIRE_REPORT_KINDS } from './layout.ts';

const file = join(import.meta.dirname, '../../docs/reference/venue-binary.md');
const BEGIN = '<!-- made from trading/venue-protocol/layout.ts -->';
const END = '<!-- end -->';

const BYTES = { u8: 1, u32: 4, u64: 8, 'text 16': 16, 'text 32': 32 } as const;

const messageTable = (name: string, layout: MessageLayout): string => {
  const rows = Object.entries(layout.fields)
    .sort((left, right) => left[1][0] - right[1][0])
    .map(([field, [offset, kind, meaning]]) => `| ${offset} | ${BYTES[kind]} | \`${field}\` | ${kind} | ${meaning} |`);
  const table = rows.length === 0 ? [] : ['', '| offset | bytes | field | kind | |', '|---|---|---|---|---|', ...rows];
  return [`### ${name}`, '', `Type ${layout.type}, ${layout.length} bytes. ${layout.meaning}`, ...table].join('\n');
};

const numbered = (words: readonly string[]): string =>
  words
    .map((word, at) => `${at} \`${word}\``)
    .slice(words[0] === '' ? 1 : 0)
    .join(' · ');

const tables = (): string => {
  const from = (side: MessageLayout['from']) =>
    Object.entries<MessageLayout>(MESSAGES)
      .filter(([, layout]) => layout.from === side)
      .map(([name, layout]) => messageTable(name, layout));
  return [
    '## From the member',
    ...from('member'),
    '## From both',
    ...from('both'),
    '## From the exchange',
    ...from('exchange'),
    '## Codes',
    `Kinds of reports: ${numbered(WIRE_REPORT_KINDS)}.`,
    `Reasons in reports: ${numbered(WIRE_REASONS)}.`,
    `Codes of \`reject\` and \`cut\`: ${numbered(REJECT_CODES)}.`,
    `After ${[...CLOSES].map((code) => `\`${code}\``).join(', ')}, and after \`stale-epoch\` to a logon, the exchange closes; after every other reject the connection goes on.`,
  ].join('\n\n');
};

test('the page of the binary protocol says what the layout says', () => {
  const page = readFileSync(file, 'utf8');
  const current = `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n${tables()}\n${page.slice(page.indexOf(END))}`;
  if (process.env['HOLDFAST_WRITE_DOCS'] === '1') writeFileSync(file, current);
  else
    assert.equal(
      page,
      current,
      'out of date. Write it anew: HOLDFAST_WRITE_DOCS=1 bin/holdfast-node --test trading/venue-protocol/binary-page.test.ts',
    );
});
