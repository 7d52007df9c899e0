import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { err, type Result } from '../../core/base/result.ts';
import { type ParsedTopology, parseTopology } from './parse-topology.ts';
import type { SourceFile } from './stack-files.ts';
import type { TopologyProblem } from './topology-problem.ts';

/** As `parseTopology`, for files on disk; names in problems are as given here, or relative to what extends them. */
export function readTopologyFile(
  fileName: string,
  options: { readonly overlays?: readonly string[] } = {},
): Result<ParsedTopology, readonly TopologyProblem[]> {
  const wanted = [fileName, ...(options.overlays ?? [])];
  const opened = wanted.map((name) => open(name));
  const closed = opened.filter((each) => 'problem' in each).map((each) => each.problem);
  if (closed.length > 0) return err(closed);
  const [file, ...overlays] = opened.filter((each) => 'text' in each);
  return parseTopology(file!.text, file!.fileName, {
    overlays,
    load: (name, from) => {
      const lower = open(isAbsolute(name) ? name : join(dirname(from), name));
      return 'text' in lower ? lower : null;
    },
  });
}

function open(fileName: string): SourceFile | { readonly problem: TopologyProblem } {
  try {
    return { text: readFileSync(fileName, 'utf8'), fileName };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const message = `the topology file cannot be opened (${code})`;
    const remedy =
      code === 'ENOENT'
        ? 'check the name; examples/ holds files to start from'
        : 'check that it is a file which you may read';
    return { problem: { code: 'HF-2011', file: fileName, line: 1, column: 1, path: '', message, remedy } };
  }
}
