import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';
import { err, ok, type Result } from '../../core/base/result.ts';
import type { SourceEntry, SourceNode, SourcePlace } from './source-tree.ts';
import type { TopologyProblem } from './topology-problem.ts';

/** Aliases can make a small file enormous; no platform needs this many values. */
const mostNodes = 200_000;

/** One YAML 1.2 document, with the place of every value. */
export function readYaml(text: string, file: string): Result<SourceNode, readonly TopologyProblem[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  const placeOf = (offset: number): SourcePlace => {
    const { line, col } = lines.linePos(Math.min(Math.max(offset, 0), text.length));
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const troubles = [...document.errors, ...document.warnings];
  if (troubles.length > 0)
    return err(troubles.map((trouble) => ({ ...describe(trouble, text), ...placeOf(trouble.pos[0]) })));
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return err([
      {
        ...placeOf(0),
        code: 'HF-2001',
        path: '',
        message: 'the file is empty',
        remedy: 'start from one of the files in examples/',
      },
    ]);
  const reader = new Reader(
    (offset) => placeOf(offset),
    (node) => (isAlias(node) ? node.resolve(document) : undefined),
  );
  const tree = reader.read(document.contents, '', []);
  return reader.problems.length > 0 ? err(reader.problems) : ok(tree);
}

class Reader {
  readonly problems: TopologyProblem[] = [];
  readonly #placeOf: (offset: number) => SourcePlace;
  readonly #resolve: (node: Node) => Node | undefined;
  #count = 0;

  constructor(placeOf: (offset: number) => SourcePlace, resolve: (node: Node) => Node | undefined) {
    this.#placeOf = placeOf;
    this.#resolve = resolve;
  }

  /** `inside` = the nodes being read around this one: an alias to one of them would never end. */
  read(node: Node | null, path: string, inside: readonly Node[]): SourceNode {
    const place = this.#placeOf(node?.range?.[0] ?? 0);
    const nothing: SourceNode = { kind: 'scalar', place, value: null };
    if (node === null) return nothing;
    this.#count += 1;
    if (this.#count === mostNodes) this.#complain(place, path, 'the file has far too many values', 'use fewer aliases');
    if (this.#count >= mostNodes) return nothing;
    if (isAlias(node)) {
      const target = this.#resolve(node);
      if (target && !inside.includes(target)) return this.read(target, path, inside);
      this.#complain(
        place,
        path,
        `the alias *${node.source} stands for something that contains it`,
        'write the value out',
      );
      return nothing;
    }
    if (isSeq(node)) {
      const items = node.items.map((item, index) =>
        this.read(item as Node | null, join(path, String(index)), [...inside, node]),
      );
      return { kind: 'list', place, items };
    }
    if (!isMap(node)) return { kind: 'scalar', place, value: this.#scalar(node, place, path) };
    const entries = new Map<string, SourceEntry>();
    for (const pair of node.items) {
      const keyNode = pair.key as Node | null;
      const key = this.#placeOf(keyNode?.range?.[0] ?? node.range?.[0] ?? 0);
      const name = isScalar(keyNode) && keyNode.value !== null ? String(keyNode.value) : null;
      if (name === null || name === '__proto__') {
        this.#complain(key, path, 'a field needs a plain name', 'write it as NAME: VALUE');
        continue;
      }
      const value = pair.value as Node | null;
      const child = this.read(value, join(path, name), [...inside, node]);
      entries.set(name, { key, node: value === null ? { ...child, place: key } : child });
    }
    return { kind: 'map', place, entries };
  }

  #scalar(node: Node, place: SourcePlace, path: string): string | number | boolean | null {
    const value: unknown = isScalar(node) ? node.value : undefined;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return value;
    this.#complain(
      place,
      path,
      'only texts, numbers, true, false, lists and fields are understood here',
      'quote the value',
    );
    return null;
  }

  #complain(place: SourcePlace, path: string, message: string, remedy: string): void {
    this.problems.push({ ...place, code: 'HF-2001', path, message, remedy });
  }
}

const join = (path: string, segment: string) => (path === '' ? segment : `${path}.${segment}`);

function describe(trouble: YAMLError, text: string): Pick<TopologyProblem, 'code' | 'path' | 'message' | 'remedy'> {
  if (trouble.code === 'DUPLICATE_KEY') {
    const name = /^["']?([^"':\n]*)/.exec(text.slice(trouble.pos[0]))?.[1]?.trim() ?? '';
    return {
      code: 'HF-2007',
      path: '',
      message: `"${name}" is written twice in the same place`,
      remedy: 'give one of them another name, or merge the two',
    };
  }
  const remedy = remedies[trouble.code] ?? 'correct the YAML at this place; compare it with a file in examples/';
  return { code: 'HF-2001', path: '', message: `this is not YAML: ${trouble.message}`, remedy };
}

const remedies: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'indent with spaces, not with a tab',
  BAD_INDENT: 'align this line with the fields that it belongs to',
  MULTIPLE_DOCS: 'keep one document in a file: remove the line "---"',
  BAD_ALIAS: 'an alias *NAME needs an anchor &NAME before it',
  BLOCK_AS_IMPLICIT_KEY: 'quote a text that contains ": "',
};
