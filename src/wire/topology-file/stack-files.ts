import { err, ok, type Result } from '../../core/base/result.ts';
import { mergeOverlay } from './merge-overlay.ts';
import { readYaml } from './read-yaml.ts';
import type { SourceEntry, SourceMap, SourceNode } from './source-tree.ts';
import type { TopologyProblem } from './topology-problem.ts';

export interface SourceFile {
  readonly text: string;
  /** Shown in problems and findings as it is given here. */
  readonly fileName: string;
}

export interface ParseOptions {
  /** Laid over the file in this order. */
  readonly overlays?: readonly SourceFile[];
  /** Opens what `extends` names, relative to the file that names it; null = there is no such file. */
  readonly load?: (name: string, from: string) => SourceFile | null;
}

const mostLevels = 8;

/** The file over what it extends, under its overlays, as one tree. */
export function stackFiles(file: SourceFile, options: ParseOptions): Result<SourceNode, readonly TopologyProblem[]> {
  const base = withExtended(file, options, []);
  if (!base.ok) return base;
  let tree: SourceNode = base.value;
  for (const overlay of options.overlays ?? []) {
    const upper = readFields(overlay);
    if (!upper.ok) return upper;
    const extended = upper.value.entries.get('extends');
    if (extended)
      return err([
        refusal(
          extended,
          'an overlay cannot extend another file',
          'remove "extends" and give both overlays, the lower one first',
        ),
      ]);
    tree = mergeOverlay(tree, upper.value);
  }
  return ok(tree);
}

function withExtended(
  file: SourceFile,
  options: ParseOptions,
  above: readonly string[],
): Result<SourceNode, readonly TopologyProblem[]> {
  const read = readFields(file);
  if (!read.ok) return read;
  const entries = new Map(read.value.entries);
  const extended = entries.get('extends');
  if (!extended) return read;
  entries.delete('extends');
  const name = extended.node.kind === 'scalar' && typeof extended.node.value === 'string' ? extended.node.value : null;
  if (name === null)
    return err([refusal(extended, '"extends" must be the name of one file', 'write it as "extends: other.yaml"')]);
  const lower = options.load?.(name, file.fileName) ?? null;
  if (lower === null)
    return err([
      refusal(
        extended,
        `the file "${name}" that this one extends cannot be opened`,
        'the name is relative to this file; check that it exists and can be read',
      ),
    ]);
  const chain = [...above, file.fileName];
  if (chain.includes(lower.fileName) || chain.length >= mostLevels)
    return err([
      refusal(
        extended,
        `files extend one another without end: ${[...chain, lower.fileName].join(' → ')}`,
        'let one of them stand alone: remove its "extends"',
      ),
    ]);
  const base = withExtended(lower, options, chain);
  return base.ok ? ok(mergeOverlay(base.value, { ...read.value, entries })) : base;
}

function readFields({ text, fileName }: SourceFile): Result<SourceMap, readonly TopologyProblem[]> {
  const tree = readYaml(text, fileName);
  if (!tree.ok) return tree;
  if (tree.value.kind === 'map') return ok(tree.value);
  const message = `the file holds ${tree.value.kind === 'list' ? 'a list' : 'one value'}, not the fields of a topology`;
  return err([
    { ...tree.value.place, code: 'HF-2001', path: '', message, remedy: 'start from one of the files in examples/' },
  ]);
}

const refusal = (entry: SourceEntry, message: string, remedy: string): TopologyProblem => ({
  ...(entry.node.kind === 'scalar' ? entry.node.place : entry.key),
  code: 'HF-2010',
  path: 'extends',
  message,
  remedy,
});
