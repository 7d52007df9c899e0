import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const OUTSIDE = ['node_modules', 'build', '.holdfast', '.git'];
const pages = globSync('**/*.md', { cwd: root, exclude: (name) => OUTSIDE.includes(name) }).toSorted();

/** The text without code, in which brackets are no links and `#` is no heading. Line numbers stay. */
const prose = (file: string): string =>
  readFileSync(join(root, file), 'utf8')
    .replace(/^(```|~~~)[\s\S]*?^\1[^\n]*$/gm, (block) => block.replace(/[^\n]/g, ''))
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[^\n]/g, 'x'));

interface Link {
  readonly line: number;
  readonly path: string;
  readonly anchor: string | null;
}

/** Links that lead to a place in this repository: `[text](path#anchor)` and `[name]: path`. */
function linksIn(text: string): readonly Link[] {
  const found = [...text.matchAll(/!?\[[^\]]*\]\(\s*<?([^)\s>]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm)];
  return found.flatMap((match) => {
    const target = match[1] ?? match[2] ?? '';
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [path = '', anchor = null] = target.split('#');
    return [{ line: text.slice(0, match.index).split('\n').length, path: decodeURI(path), anchor }];
  });
}

/** As GitHub makes it from a heading: small letters, no punctuation, hyphens for spaces. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

function anchorsOf(file: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const line of readFileSync(join(root, file), 'utf8').split('\n')) {
    const heading = /^#{1,6} (.+?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const base = anchorOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
    let name = base;
    for (let copy = 1; anchors.has(name); copy += 1) name = `${base}-${copy}`;
    anchors.add(name);
  }
  return anchors;
}

test('there are pages to look at', () => {
  assert.ok(pages.length > 20, `${pages.length} pages found`);
});

test('every relative link leads to a file that is there', () => {
  const wrong = pages.flatMap((page) =>
    linksIn(prose(page))
      .filter(({ path }) => path !== '' && !existsSync(join(root, dirname(page), path)))
      .map(({ line, path }) => `${page}:${line} → ${path}`),
  );
  assert.deepEqual(wrong, []);
});

test('no link leaves the repository or starts at the root of a machine', () => {
  const wrong = pages.flatMap((page) =>
    linksIn(prose(page))
      .filter(({ path }) => path.startsWith('/') || normalize(join(dirname(page), path)).startsWith('..'))
      .map(({ line, path }) => `${page}:${line} → ${path}`),
  );
  assert.deepEqual(wrong, []);
});

test('every link into a page names a heading that the page has', () => {
  const wrong = pages.flatMap((page) =>
    linksIn(prose(page)).flatMap(({ line, path, anchor }) => {
      const target = path === '' ? page : normalize(join(dirname(page), path));
      if (anchor === null || !target.endsWith('.md') || !existsSync(join(root, target))) return [];
      return anchorsOf(target).has(anchor) ? [] : [`${page}:${line} → ${path}#${anchor}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

test('every page has one title, and it is its first heading', () => {
  const wrong = pages.flatMap((page) => {
    const headings = [...prose(page).matchAll(/^(#{1,6}) \S/gm)].map((match) => match[1] ?? '');
    const titles = headings.filter((level) => level === '#').length;
    return titles === 1 && headings[0] === '#' ? [] : [`${page}: ${titles} titles`];
  });
  assert.deepEqual(wrong, []);
});

/** Names in code style that look like a file of this repository: from its root, or from beside the page. `NAME.ts` is a place for one. */
test('files that pages name in passing are there', () => {
  const rooms = /^(src|trading|lab|bin|test|docs|examples|runbooks|bench|packaging)\/[\w./-]+\.(ts|md|yaml|json|cjs)$/;
  const wrong = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8').replace(/^(```|~~~)[\s\S]*?^\1[^\n]*$/gm, '');
    return [...text.matchAll(/`([^`\s]+)`/g)]
      .map((match) => match[1] ?? '')
      .filter(
        (name) => rooms.test(name) && !name.includes('NAME') && !isFile(name) && !isFile(join(dirname(page), name)),
      )
      .map((name) => `${page} names ${name}`);
  });
  assert.deepEqual(wrong, []);
});

const isFile = (path: string): boolean => statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
