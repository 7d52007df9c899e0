import { checkTiming } from '../../core/authority/lease-arithmetic.ts';
import { err, ok, type Result } from '../../core/base/result.ts';
import { checkTopology } from '../../core/topology/check/check-topology.ts';
import type { Planning } from '../../core/topology/planning.ts';
import type { Timing, Topology } from '../../core/topology/topology.ts';
import type { TopologyFinding } from '../../core/topology/topology-finding.ts';
import { buildPlanning } from './build-planning.ts';
import { buildTopology } from './build-topology.ts';
import { checkReferences } from './check-references.ts';
import { describeIssue } from './describe-issue.ts';
import { timingFields } from './entry-defaults.ts';
import { topologyFileSchema } from './file-schema.ts';
import { pathFromText, placeAt, plainValue, type SourceNode } from './source-tree.ts';
import { type ParseOptions, stackFiles } from './stack-files.ts';
import type { TopologyProblem } from './topology-problem.ts';

export interface ParsedTopology {
  readonly topology: Topology;
  /** What the file promises beside the platform: site objectives, drills, scenarios, data classes. */
  readonly planning: Planning;
  /** What a person should know; a finding never keeps the topology from being used. */
  readonly findings: readonly TopologyFinding[];
}

/**
 * Reads a topology file, laid over what it extends and under its overlays. Either a topology with every default filled
 * in, every name resolved and sound timing, or all problems found, each with its place and what to do about it.
 * Opens no files itself: `options.load` does, for `extends`.
 */
export function parseTopology(
  text: string,
  fileName: string,
  options: ParseOptions = {},
): Result<ParsedTopology, readonly TopologyProblem[]> {
  const stacked = stackFiles({ text, fileName }, options);
  if (!stacked.ok) return stacked;
  const tree = stacked.value;
  const parsed = topologyFileSchema.safeParse(plainValue(tree));
  if (!parsed.success) return err(inOrder(parsed.error.issues.flatMap((issue) => describeIssue(issue, tree))));
  const problems = checkReferences(parsed.data, tree);
  if (problems.length > 0) return err(inOrder(problems));
  const topology = buildTopology(parsed.data);
  const unsound = timingProblems(topology.timing, tree);
  if (unsound.length > 0) return err(unsound);
  const planning = buildPlanning(parsed.data);
  const findings = checkTopology({ topology, planning }).map((finding) => located(finding, tree));
  return ok({ topology, planning, findings });
}

function timingProblems(timing: Timing, tree: SourceNode): readonly TopologyProblem[] {
  return checkTiming(timing).map(({ field, message }) => {
    const path = ['timing', timingFields[field]];
    return {
      ...placeAt(tree, path),
      code: 'HF-2009',
      path: path.join('.'),
      message,
      remedy: `change "${timingFields[field]}" or the duration it is compared with under "timing"; what is not stated there has its default (docs/reference/topology.md)`,
    };
  });
}

function located(finding: TopologyFinding, tree: SourceNode): TopologyFinding {
  return { ...finding, where: { path: finding.where.path, ...placeAt(tree, pathFromText(finding.where.path)) } };
}

/** As they stand in the file; files in the order in which they were met. */
function inOrder(problems: readonly TopologyProblem[]): readonly TopologyProblem[] {
  const files = [...new Set(problems.map((problem) => problem.file))];
  return problems.toSorted(
    (left, right) =>
      files.indexOf(left.file) - files.indexOf(right.file) || left.line - right.line || left.column - right.column,
  );
}
