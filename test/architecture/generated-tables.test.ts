import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedTables, markersIn, withCurrentTables } from './generated-tables.ts';

const reference = join(import.meta.dirname, '../../docs/reference');
const PAGES = ['diagnoses-and-rules.md', 'runbooks.md', 'metrics.md'];
const writing = process.env['HOLDFAST_WRITE_DOCS'] === '1';

for (const name of PAGES)
  test(`the tables of ${name} are what the code says`, () => {
    const file = join(reference, name);
    const page = readFileSync(file, 'utf8');
    const current = withCurrentTables(page);
    if (writing) writeFileSync(file, current);
    else
      assert.equal(
        page,
        current,
        `docs/reference/${name} is out of date. Write it anew: HOLDFAST_WRITE_DOCS=1 bin/holdfast-node --test test/architecture/generated-tables.test.ts`,
      );
  });

test('every generated table has its place in the reference', () => {
  const placed = PAGES.flatMap((name) => markersIn(readFileSync(join(reference, name), 'utf8')));
  assert.deepEqual(placed.toSorted(), Object.keys(generatedTables).toSorted());
});
