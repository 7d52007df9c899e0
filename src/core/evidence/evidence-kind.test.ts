import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { evidenceKinds, isEvidenceKind } from './evidence-kind.ts';

test('every kind has one sentence, and the reference shows exactly these', () => {
  const reference = readFileSync(new URL('../../../docs/reference/evidence.md', import.meta.url), 'utf8');
  const section = reference.split('## Kinds')[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, kind, meaning]) => [kind, meaning]);
  assert.deepEqual(rows, Object.entries(evidenceKinds));
  for (const meaning of Object.values(evidenceKinds)) assert.match(meaning, /^[A-Z].*\.$/);
});

test('a name inherited from objects is not a kind', () => {
  assert.equal(isEvidenceKind('toString'), false);
  assert.equal(isEvidenceKind('verdict'), true);
});
