import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

/** What each room may import besides itself (ARCHITECTURE.md); everything else is refused. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  'src/engine': ['src/core'],
  'src/wire': ['src/core', 'src/engine'],
  'src/adapters': ['src/engine', 'src/core', 'src/wire'],
  'src/controller': ['src/adapters', 'src/engine', 'src/core', 'src/wire'],
  'src/agent': ['src/adapters', 'src/engine', 'src/core', 'src/wire'],
  'src/cli': ['src/wire', 'src/core', 'src/engine'],
  'src/sim': ['src/engine', 'src/core', 'src/wire'],
  trading: [],
  lab: ['src/core', 'src/wire'],
  bin: ['src/cli', 'src/sim', 'src/core', 'src/wire', 'lab'],
};

/** Adapters never import one another, except through these two that all of them stand on. */
const SHARED_ADAPTERS = ['src/adapters/process', 'src/adapters/gate', 'src/adapters/system'];

const sources = globSync(['src/**/*.ts', 'trading/**/*.ts', 'lab/**/*.ts', 'bin/**/*.ts'], { cwd: root }).filter(
  (file) => !/\.test\.ts$|test-support|fixtures\//.test(file),
);

const roomOf = (file: string): string | null =>
  Object.keys(MAY_IMPORT).find((room) => file.startsWith(`${room}/`)) ?? null;

const importsOf = (file: string): readonly string[] => {
  const text = readFileSync(join(root, file), 'utf8');
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return found.map((path) => normalize(join(dirname(file), path)));
};

test('the rooms are there and are looked at', () => {
  assert.ok(sources.length > 150, `${sources.length} source files found`);
});

test('imports go only in the direction that the architecture allows', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const room = roomOf(file);
    if (room === null) continue;
    for (const target of importsOf(file)) {
      const to = roomOf(target);
      if (to !== null && to !== room && !MAY_IMPORT[room]!.includes(to)) wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('adapters do not import one another', () => {
  const adapter = (file: string) => file.split('/').slice(0, 3).join('/');
  const wrong = sources
    .filter((file) => file.startsWith('src/adapters/') && file.split('/').length > 3)
    .flatMap((file) =>
      importsOf(file)
        .filter(
          (target) =>
            target.startsWith('src/adapters/') &&
            target.split('/').length > 3 &&
            adapter(target) !== adapter(file) &&
            !SHARED_ADAPTERS.includes(adapter(target)),
        )
        .map((target) => `${file} imports ${target}`),
    );
  assert.deepEqual(wrong, []);
});

test('the pure layers read no clock, no randomness, no process, and arm no timer', () => {
  const banned =
    /\bDate\.now\b|new Date\(\)|\bperformance\.now\b|\bMath\.random\b|\brandomUUID\b|\bprocess\.(env|argv|exit|hrtime|pid|cwd|on)\b|\bset(Timeout|Interval|Immediate)\(|from 'node:/;
  const wrong = sources
    .filter((file) => file.startsWith('src/core/') || file.startsWith('src/engine/'))
    .flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, at) =>
          banned.test(line.replace(/\/\/.*$|^\s*\*.*$/, '')) ? [`${file}:${at + 1} ${line.trim()}`] : [],
        ),
    );
  assert.deepEqual(wrong, []);
});

test('no file carries the path of a developer machine', () => {
  const tracked = globSync(['**/*.{ts,md,yaml,json,sh,cjs}', '.ci/*'], {
    cwd: root,
    exclude: (name) => ['node_modules', 'build', '.holdfast', '.git'].includes(name),
  });
  const wrong = tracked.filter(
    (file) =>
      /(^|[^\w.])\/(work|home|root)\/[a-z]/m.test(readFileSync(join(root, file), 'utf8')) &&
      !file.endsWith('layers.test.ts'),
  );
  assert.deepEqual(
    wrong.map((file) => relative(root, join(root, file))),
    [],
  );
});

test('files hold one noun: none is longer than 600 lines', () => {
  const long = sources.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 600);
  assert.deepEqual(long, []);
});

test('test files are not skipped or focused for good', () => {
  const tests = globSync(['src/**/*.test.ts', 'trading/**/*.test.ts', 'lab/**/*.test.ts', 'test/**/*.test.ts'], {
    cwd: root,
  });
  const wrong = tests.filter(
    (file) =>
      /\b(?:it|test|describe)\.(?:only|todo)\b|\b(?:only|todo): *true/.test(readFileSync(join(root, file), 'utf8')) &&
      !file.endsWith('layers.test.ts'),
  );
  assert.deepEqual(wrong, []);
});
