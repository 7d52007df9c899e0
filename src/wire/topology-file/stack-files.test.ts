import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseTopology } from './parse-topology.ts';
import type { ParseOptions } from './stack-files.ts';
import type { TopologyProblem } from './topology-problem.ts';

const firm = readFileSync(new URL('./fixtures/small-firm.yaml', import.meta.url), 'utf8');

function problemsOf(text: string, options: ParseOptions = {}): readonly TopologyProblem[] {
  const parsed = parseTopology(text, 'firm.yaml', options);
  assert.ok(!parsed.ok, 'the file was accepted');
  return parsed.error;
}

const overlay = (text: string): ParseOptions => ({ overlays: [{ text, fileName: 'over.yaml' }] });

test('an overlay changes what it names, adds what is new and removes what it leaves empty', () => {
  const parsed = parseTopology(
    firm,
    'firm.yaml',
    overlay(
      'name: Changed\nlinks: {two: ~, three: {between: [west, far], rtt: 5ms, bandwidth: 1Gb/s}}\ntiming: {stopWithin: 200ms}\n',
    ),
  );
  assert.ok(parsed.ok);
  assert.equal(parsed.value.topology.name, 'Changed');
  assert.deepEqual(
    parsed.value.topology.links.map((link) => link.id),
    ['one', 'three'],
  );
  assert.equal(parsed.value.topology.timing.stopWithinMs, 200);
});

test('an overlay addresses every entry with "*", and its own names after that', () => {
  const parsed = parseTopology(
    firm.replace(
      '  all: {components: [store, door]}',
      '  first: {components: [store]}\n  second: {components: [door]}',
    ),
    'firm.yaml',
    overlay('groups: {second: {coolDown: 2min}, "*": {coolDown: 1min, sitePolicy: automatic}}\n'),
  );
  assert.ok(parsed.ok);
  assert.deepEqual(
    parsed.value.topology.groups.map((group) => [group.coolDownMs, group.sitePolicy]),
    [
      [60_000, 'automatic'],
      [120_000, 'automatic'],
    ],
  );
});

test('later overlays win, and a mistake in one is reported in that file', () => {
  const overlays = [
    { text: 'name: One\n', fileName: 'one.yaml' },
    { text: 'name: Two\n', fileName: 'two.yaml' },
  ];
  const parsed = parseTopology(firm, 'firm.yaml', { overlays });
  assert.ok(parsed.ok && parsed.value.topology.name === 'Two');
  const [problem] = problemsOf(firm, overlay('# a comment\ngroups:\n  "*":\n    sitePolicy: automatical\n'));
  assert.deepEqual([problem?.file, problem?.line, problem?.column, problem?.code], ['over.yaml', 4, 17, 'HF-2004']);
});

test('an overlay that removes what is not there, or extends another file, is refused', () => {
  assert.equal(problemsOf(firm, overlay('links: {nine: ~}\n'))[0]?.path, 'links.nine');
  assert.equal(problemsOf(firm, overlay('extends: firm.yaml\n'))[0]?.code, 'HF-2010');
});

test('a file is laid over the one that it extends, in as many levels as there are', () => {
  const files: Record<string, string> = {
    'base.yaml': firm,
    'middle.yaml': 'extends: base.yaml\nname: Middle\ntiming: {stopWithin: 200ms}\n',
  };
  const load = (fileName: string) => (files[fileName] === undefined ? null : { text: files[fileName], fileName });
  const parsed = parseTopology('extends: middle.yaml\nname: Top\n', 'top.yaml', { load });
  assert.ok(parsed.ok);
  assert.equal(parsed.value.topology.name, 'Top');
  assert.equal(parsed.value.topology.timing.stopWithinMs, 200);
});

test('a file that extends itself, or one that cannot be opened, is refused', () => {
  const load = (fileName: string) => (fileName === 'loop.yaml' ? { text: 'extends: loop.yaml\n', fileName } : null);
  const [endless] = problemsOf('extends: loop.yaml\n', { load });
  assert.match(endless?.message ?? '', /without end: firm\.yaml → loop\.yaml → loop\.yaml/);
  const [absent] = problemsOf('name: x\nextends: gone.yaml\n', { load });
  assert.deepEqual([absent?.code, absent?.line, absent?.column], ['HF-2010', 2, 10]);
});
