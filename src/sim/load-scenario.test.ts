import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { HoldfastError } from '../wire/holdfast-error.ts';
import { loadScenario } from './load-scenario.ts';

const directory = mkdtempSync(join(tmpdir(), 'scenario-'));
after(() => rmSync(directory, { recursive: true }));

function errorsOf(text: string | null): readonly HoldfastError[] {
  const path = join(directory, 'one.scenario');
  if (text !== null) writeFileSync(path, text);
  try {
    loadScenario(text === null ? join(directory, 'none') : path, 'one.scenario');
  } catch (error) {
    assert.ok(error instanceof AggregateError);
    for (const each of error.errors) assert.ok(each instanceof HoldfastError);
    return error.errors as HoldfastError[];
  }
  assert.fail('it was taken');
}

const HEAD = 'title: x\nfirm: two sites, one engine each\n';

test('every problem of a scenario is an error with its code and place', () => {
  const errors = errorsOf(`${HEAD}fault: powr off\nexpect: peace\n`);
  assert.deepEqual(
    errors.map(({ code, attempted }) => [code, attempted]),
    [
      ['HF-1205', 'read one.scenario:3'],
      ['HF-1205', 'read one.scenario:4'],
    ],
  );
});

test('names that the simulated firm does not have are refused with those that it has', () => {
  const errors = errorsOf(
    `${HEAD}fault: kill primary of enginee\nfault: power off host alfa-q for 1 s\nfault: isolate site paris for 1 s\nexpect: riskk moved\nperson: asks for a failover to site rome\nfault: kill instance alfa-eng1\n`,
  );
  assert.deepEqual(
    errors.map(({ attempted, found }) => [attempted.slice(-1), found]),
    [
      ['3', 'the firm has no component "enginee"'],
      ['4', 'the firm has no host "alfa-q"'],
      ['5', 'the firm has no site "paris"'],
      ['6', 'the firm has no component "riskk"'],
      ['7', 'the firm has no site "rome"'],
    ],
  );
  assert.equal(errors[0]?.next, 'one of: db, engine, oms, front');
});

test('a file that cannot be opened is said so without its place on this machine', () => {
  const [error] = errorsOf(null);
  assert.equal(error?.code, 'HF-1206');
  assert.doesNotMatch(error?.message ?? '', new RegExp(directory));
});
