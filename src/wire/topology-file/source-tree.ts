/** A value of a YAML file that remembers where it was written, also after files were laid over one another. */
export type SourceNode = SourceScalar | SourceList | SourceMap;

export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface SourceScalar {
  readonly kind: 'scalar';
  readonly place: SourcePlace;
  readonly value: string | number | boolean | null;
}

export interface SourceList {
  readonly kind: 'list';
  readonly place: SourcePlace;
  readonly items: readonly SourceNode[];
}

export interface SourceMap {
  readonly kind: 'map';
  readonly place: SourcePlace;
  readonly entries: ReadonlyMap<string, SourceEntry>;
}

export interface SourceEntry {
  readonly key: SourcePlace;
  readonly node: SourceNode;
}

export type SourcePath = readonly (string | number)[];

/** Plain data for a schema. */
export function plainValue(node: SourceNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainValue);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plainValue(entry.node)]));
}

export function nodeAt(tree: SourceNode, path: SourcePath): SourceNode | null {
  let node: SourceNode | null = tree;
  for (const segment of path) node = node === null ? null : childOf(node, segment);
  return node;
}

/** Where a person should look for this field: the value if it fits on its line, else its key; the nearest field above if absent. */
export function placeAt(tree: SourceNode, path: SourcePath): SourcePlace {
  let place = tree.place;
  let node: SourceNode = tree;
  for (const segment of path) {
    const child = childOf(node, segment);
    if (child === null) break;
    const key = node.kind === 'map' ? node.entries.get(String(segment))?.key : undefined;
    place = child.kind === 'scalar' ? child.place : (key ?? child.place);
    node = child;
  }
  return place;
}

/** Where the name of this field is written. */
export function keyPlaceAt(tree: SourceNode, path: SourcePath): SourcePlace {
  const parent = nodeAt(tree, path.slice(0, -1));
  const key = parent?.kind === 'map' ? parent.entries.get(String(path.at(-1)))?.key : undefined;
  return key ?? placeAt(tree, path);
}

function childOf(node: SourceNode, segment: string | number): SourceNode | null {
  if (node.kind === 'map') return node.entries.get(String(segment))?.node ?? null;
  if (node.kind === 'list') return node.items[Number(segment)] ?? null;
  return null;
}

/** Reads `components.engine.probes.0.every`; names of things never contain a dot. */
export const pathFromText = (text: string): SourcePath => (text === '' ? [] : text.split('.'));
export const pathText = (path: SourcePath): string => path.join('.');
