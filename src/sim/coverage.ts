import { RULE_IDS } from '../core/decision/safety-rule.ts';
import { DIAGNOSES } from '../core/diagnosis/diagnosis.ts';
import { STEP_KINDS } from '../core/plan/runbook.ts';

/** How often what must be tried was tried. A zero in a long enough run is a failure: the simulator did not look there. */
export class Coverage {
  readonly counts: Record<string, number> = {};

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  add(other: Readonly<Record<string, number>>): void {
    for (const [what, count] of Object.entries(other)) this.counts[what] = (this.counts[what] ?? 0) + count;
  }
}

const NEVER: Readonly<Record<string, string>> = {
  'R-LEADER cannot-evaluate': 'a controller always knows whether it leads',
  'R-LEADER block': 'only the leading controller decides; a follower answers "not leading" before any rule is asked',
  'R-RUN cannot-evaluate': 'the journal is read or nothing is decided',
  'R-ACTIVATION cannot-evaluate': 'the brakes are one key of the authority, read or R-QUORUM blocks',
  'R-LEASE cannot-evaluate': 'an unknown lease blocks in R-FENCE',
  'R-FENCE cannot-evaluate': 'what is not known is unattainable, which blocks',
  'R-CANDIDATE cannot-evaluate': 'an unknown candidate is a rejected one, which blocks',
  'R-DUAL cannot-evaluate': 'silence of an instance is no second primary; R-FENCE covers it',
  'R-FREEZE cannot-evaluate': 'the brakes are one key of the authority, read or R-QUORUM blocks',
  'R-MAINTENANCE cannot-evaluate': 'as R-FREEZE',
  'R-QUORUM cannot-evaluate': 'a leader has heard the authority, or it would not lead',
  'R-INCARNATION cannot-evaluate': 'as R-QUORUM',
  'R-SYNC cannot-evaluate': 'a candidate is chosen only from what is freshly known; without one R-CANDIDATE blocks',
  'diagnosis: GroupSplit':
    'all components of a group move to another site in one compare-and-set; only a record written by hand is split',
  'R-DATA cannot-evaluate': 'an unknown component is refused when the topology is read',
};

/** Drawn worlds are hurt once clients are served; `test/simulation/activation.test.ts` has those that are hurt before. */
const BEFORE_THEY_SERVE: readonly string[] = ['R-ACTIVATION block'];

/** Everything that a full run must have met at least once, and what cannot occur, with the reason. */
export function expectedCoverage(): {
  readonly required: readonly string[];
  readonly impossible: Readonly<Record<string, string>>;
} {
  const rules = RULE_IDS.flatMap((rule) => ['pass', 'block', 'cannot-evaluate'].map((outcome) => `${rule} ${outcome}`));
  const diagnoses = Object.keys(DIAGNOSES).map((kind) => `diagnosis: ${kind}`);
  const commanded = Object.keys(STEP_KINDS).filter((kind) => !['revoke', 'grant'].includes(kind));
  const crashes = commanded.map((kind) => `leader crashed in step ${kind}`);
  const preconditions = [
    'I1: a newer epoch released',
    'I2: a stale command was refused',
    'I3: a promotion',
    'I3: a promotion outlasted its lease',
    'I4: a promotion after acknowledgements',
    'I4: a loss was accepted by name',
    'I5: run by policy',
    'I5: run by approval',
    'I5: run by a person',
    'I6: a rule could not be evaluated',
    'I7: a run was opened',
    'I8: a command',
    'I9: a promotable set',
    'I10: a healed world',
    'I11: a single lost site under automatic policy',
    'H5: a holder was deposed as failed',
    'H5: a leader returned to words of long ago',
    'the authority was restored',
    'mode: degraded',
    'mode: halted',
    'halt: an order was refused',
    'halt: a cancel passed',
    'halt: a write with a copy elsewhere',
    'halt: ended by a person',
    'drain: an order was refused',
    'drain: given up',
    'F5: a drained engine was revoked',
    'F5: a planned move was prepared',
    ...['P-APPROVAL', 'P-NOTICE', 'P-STANDBY', 'P-ORDERS'].map((each) => `${each} pass`),
    ...['P-APPROVAL', 'P-NOTICE', 'P-STANDBY'].map((each) => `${each} fail`),
  ];
  const required = [
    ...rules.filter((rule) => !(rule in NEVER) && !BEFORE_THEY_SERVE.includes(rule)),
    ...diagnoses.filter((diagnosis) => !(diagnosis in NEVER)),
    ...crashes,
    ...preconditions,
    'proof: process-dead',
    'proof: demoted',
    'proof: lease-expired',
    'proof: never-held',
    'proof: attested',
    'adopted: a holder was believed',
    'adopted: a holder was doubted',
    'run: completed',
    'run: failed',
    'run: superseded',
  ];
  return { required, impossible: NEVER };
}

export const missingCoverage = (counts: Readonly<Record<string, number>>): readonly string[] =>
  expectedCoverage().required.filter((what) => !counts[what]);
