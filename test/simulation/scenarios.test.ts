import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { loadScenario } from '../../src/sim/load-scenario.ts';
import { playScenario } from '../../src/sim/scenario-player.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';

const root = join(import.meta.dirname, '../..');
const files = globSync('scenarios/*.scenario', { cwd: root }).toSorted();
const runbooks = loadRunbooks();

test('the shipped scenarios are found', () => assert.ok(files.length >= 12, `${files.length} found`));

for (const file of files) {
  test(`${basename(file, '.scenario')} tells the story that stands in its file`, () => {
    const scenario = loadScenario(join(root, file), file);
    const { story, failures } = playScenario(scenario, { runbooks });
    assert.deepEqual(failures, []);
    assert.deepEqual(story, scenario.story, 'find out why; if it is right so: npm run sim:scenario -- --rewrite');
  });
}

test('a scenario tells the same story every time', () => {
  const scenario = loadScenario(join(root, 'scenarios/leader-freeze.scenario'), 'leader-freeze.scenario');
  assert.deepEqual(playScenario(scenario, { runbooks }), playScenario(scenario, { runbooks }));
});
