/** Why a topology file cannot be used; nothing is run on a file that has one. Listed in docs/reference/topology.md. */
export interface TopologyProblem {
  readonly code: TopologyProblemCode;
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  /** Field of the file, e.g. `components.engine.objective.rto`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
}

export const topologyProblemCodes = {
  'HF-2001': 'the file is not YAML that can be read',
  'HF-2002': 'unknown field',
  'HF-2003': 'missing field',
  'HF-2004': 'a value that the field does not take',
  'HF-2005': 'a quantity without its unit, or with a wrong one',
  'HF-2006': 'a name that nothing in the file has',
  'HF-2007': 'one name for two things',
  'HF-2008': 'a circle of dependencies',
  'HF-2009': 'durations that together are not safe',
  'HF-2010': 'a file that cannot be laid over another',
  'HF-2011': 'the file cannot be opened',
  'HF-2012': 'statements that contradict each other',
} as const;

export type TopologyProblemCode = keyof typeof topologyProblemCodes;

/** As people read it: where, what, what to do. */
export const problemText = (problem: TopologyProblem): string =>
  `${problem.file}:${problem.line}:${problem.column}: ${problem.code} ${problem.message}\n  → ${problem.remedy}`;
