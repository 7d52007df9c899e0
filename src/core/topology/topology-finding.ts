import type { Planning } from './planning.ts';
import type { Topology } from './topology.ts';

/** Something about a readable topology that a person should know or decide. */
export interface TopologyFinding {
  /** Stable name of the rule; what `accepted` and the reference name. */
  readonly id: string;
  /** `error`: a promise that cannot be kept or a contradiction. `warning`: a risk. `note`: worth knowing. */
  readonly severity: 'error' | 'warning' | 'note';
  readonly where: FindingPlace;
  readonly message: string;
  readonly remedy: string;
}

export interface FindingPlace {
  /** Field of the file, e.g. `components.engine.objective.rto`; list entries by index. */
  readonly path: string;
  readonly file?: string;
  /** Counted from 1; absent when the finding was made without a file. */
  readonly line?: number;
  readonly column?: number;
}

/** What a rule reports; its id and default severity come from the rule. */
export interface RuleHit {
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
  readonly severity?: TopologyFinding['severity'];
}

export interface TopologyRule {
  readonly id: string;
  /** One line for the reference: what holds when the rule finds nothing. */
  readonly title: string;
  readonly severity: TopologyFinding['severity'];
  check(subject: { readonly topology: Topology; readonly planning: Planning }): readonly RuleHit[];
}
