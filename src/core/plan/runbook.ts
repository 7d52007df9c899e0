/**
 * A versioned template of a recovery, as data (`runbooks/*.yaml`). No variables, no conditions, no shell: an ordered list
 * of typed steps; what they apply to is bound when a plan is built.
 */
export interface Runbook {
  readonly id: RunbookId;
  readonly version: number;
  readonly title: string;
  readonly steps: readonly RunbookStep[];
}

export const RUNBOOK_IDS = [
  'failover-instance',
  'failover-site',
  'switchover-site',
  'activate-site',
  'recover-engine',
  'recover-order-management',
  'recover-risk',
  'recover-market-data',
  'recover-positions',
] as const;
export type RunbookId = (typeof RUNBOOK_IDS)[number];

/** Which runbook recovers a component of a kind where it stands; other kinds have none. */
export const RECOVERY_OF: Readonly<Record<string, RunbookId>> = {
  'trading-engine': 'recover-engine',
  'order-management': 'recover-order-management',
  'risk-engine': 'recover-risk',
  'market-data': 'recover-market-data',
  'position-keeper': 'recover-positions',
};

export interface RunbookStep {
  readonly kind: StepKind;
  readonly deadlineMs: number;
  /** For people: what this does and how one sees that it is done. */
  readonly does: string;
  /** What a drain that has not ended by its deadline does: the move goes on all the same, or is given up and trading resumes. */
  readonly onExpiry?: DrainExpiry;
  /** Of `act`: the recovery action of the component, by the name under which it offers it. It is the step's id. */
  readonly action?: string;
}

export const DRAIN_EXPIRIES = ['go-on', 'give-up'] as const;
export type DrainExpiry = (typeof DRAIN_EXPIRIES)[number];

/** Closed list; what each asks, of whom, is in `src/engine/step-orders.ts`. */
export const STEP_KINDS = {
  drain:
    'New risk is refused, what is in flight is settled, the target has caught up. Undone when the move is given up here.',
  revoke: 'Raise the epoch: nobody holds the components that move (authority).',
  barrier: 'Every reachable receiver stores the new epoch and refuses older ones.',
  fence: 'Each old holder is proved silent.',
  'freeze-positions': 'The log ends of the candidates are read, and each still fits.',
  grant: 'Name the new holders (authority). From here only forward: the point of no return.',
  'promote-components': 'Each component is promoted, dependencies first.',
  'move-traffic':
    'The fronts of the active site lead to the new holders, all others are closed; proxies, poolers, names, routes, services and Redis follow, where the topology has them.',
  validate: 'A dry-run order passes the real path.',
  'enable-trading': 'New risk is accepted (authority, then the engine).',
  'residue-check': 'Nobody else is primary, no other front is open.',
  act: 'The component that is recovered carries out one of the recovery actions that it offers.',
  restart: 'The process of a holder that stays is ended, its tree empty; its promotion starts it anew.',
  check: 'The ten checks of the validation are made, and their verdict is kept with the run.',
} as const;

export type StepKind = keyof typeof STEP_KINDS;

/** Steps that are one compare-and-set at the authority, made together with their journal entry. */
export const AUTHORITY_STEPS: readonly StepKind[] = ['revoke', 'grant'];

/** What every runbook that moves a holder must contain, in this order (I3, I8); checked when it is loaded. */
const SAFE_ORDER: readonly StepKind[] = [
  'revoke',
  'barrier',
  'fence',
  'freeze-positions',
  'grant',
  'promote-components',
  'enable-trading',
];

/** A runbook with any of these moves a holder, and has to do so in the safe order. */
const MOVING: readonly StepKind[] = ['revoke', 'grant', 'promote-components', 'restart'];

/** Recovers one component where it stands. */
export const isRecovery = (id: RunbookId): boolean => Object.values(RECOVERY_OF).includes(id);

/** An action's name is the id of its step, the kind is that of all others. */
export const stepName = ({ kind, action }: Pick<RunbookStep, 'kind' | 'action'>): string => action ?? kind;

/** Problems that make a runbook unusable; empty = sound. */
export function checkRunbook(runbook: Runbook): readonly string[] {
  const problems: string[] = [];
  let from = 0;
  const moves = runbook.steps.some(({ kind }) => MOVING.includes(kind));
  const demanded = moves || !isRecovery(runbook.id) ? SAFE_ORDER : [];
  for (const kind of demanded) {
    const at = runbook.steps.findIndex((step, index) => index >= from && step.kind === kind);
    if (at < 0) problems.push(`${runbook.id}: step "${kind}" is missing, or comes before a step that it must follow`);
    else from = at + 1;
  }
  for (const step of runbook.steps) {
    if (!(step.kind in STEP_KINDS)) problems.push(`${runbook.id}: unknown step "${step.kind}"`);
    if (!(step.deadlineMs > 0)) problems.push(`${runbook.id}: step "${step.kind}" needs a deadline`);
  }
  const kinds = runbook.steps.map((step) => step.kind);
  if (kinds.includes('drain') && kinds.indexOf('drain') > kinds.indexOf('revoke'))
    problems.push(`${runbook.id}: step "drain" comes after "revoke": nobody is left then who could settle anything`);
  for (const { kind, onExpiry } of runbook.steps) {
    if ((kind === 'drain') !== (onExpiry !== undefined))
      problems.push(`${runbook.id}: step "${kind}" ${kind === 'drain' ? 'needs' : 'cannot have'} onExpiry`);
    if (onExpiry !== undefined && !DRAIN_EXPIRIES.includes(onExpiry))
      problems.push(`${runbook.id}: step "${kind}": onExpiry is none of ${DRAIN_EXPIRIES.join(', ')}`);
  }
  for (const { kind, action } of runbook.steps)
    if ((kind === 'act') !== (action !== undefined) || (action !== undefined && !/^[a-z][a-z-]*$/.test(action)))
      problems.push(
        `${runbook.id}: step "${kind}" ${kind === 'act' ? 'needs the name of an action' : 'cannot have an action'}`,
      );
  if (kinds.includes('restart') && kinds.indexOf('restart') < kinds.indexOf('fence'))
    problems.push(`${runbook.id}: step "restart" comes before "fence": who still holds is not to be ended by it`);
  const names = runbook.steps.map(stepName);
  if (new Set(names).size !== names.length) problems.push(`${runbook.id}: a step is listed twice`);
  return problems;
}
