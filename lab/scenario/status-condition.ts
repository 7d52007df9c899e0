import type { ComponentId, InstanceId } from '../../src/core/base/ids.ts';
import type { Condition } from '../../src/core/drill/condition.ts';
import { holderMeant } from '../../src/core/drill/meant.ts';
import { currentStep, isOpen } from '../../src/core/run/run.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { type GroupView, incomplete } from '../demo/status-view.ts';

/** The firm before the first line: what "moved" and "take-over" are counted from. */
export interface Steady {
  readonly epoch: number;
  readonly holders: ReadonlyMap<ComponentId, InstanceId>;
}

export const steadyOf = ({ record }: GroupView, topology: Topology): Steady => ({
  epoch: record?.epoch ?? 0,
  holders: new Map(
    topology.components.flatMap(({ id }) => {
      const holder = holderMeant(id, { topology, record });
      return holder === null ? [] : [[id, holder]];
    }),
  ),
});

/** What is so, and what was found. */
export interface Finding {
  readonly holds: boolean;
  readonly found: string;
}

/** Conditions that the leading controller's status answers. */
export type StatusCondition = Extract<
  Condition,
  {
    readonly kind:
      | 'served'
      | 'whole'
      | 'nothing-wrong'
      | 'mode'
      | 'active'
      | 'moved'
      | 'takeovers'
      | 'decision'
      | 'diagnosis'
      | 'step';
  }
>;

export function lookFor(
  condition: StatusCondition,
  group: GroupView,
  firm: { readonly topology: Topology; readonly steady: Steady },
): Finding {
  const { record, diagnoses, decision, run } = group;
  switch (condition.kind) {
    case 'served':
      return lacking(unserved(group));
    case 'whole':
      return lacking(unserved(group) ?? incomplete(group) ?? unpromotable(group, firm.topology));
    case 'nothing-wrong':
      return lacking(diagnoses.map(({ kind, summary }) => `${kind}: ${summary}`).join('; ') || null);
    case 'mode': {
      const modes = Object.values(record?.grants ?? {}).map(({ component, mode }) => [component, mode.kind] as const);
      return {
        holds: modes.some(([, mode]) => mode === condition.mode),
        found: modes.map(([component, mode]) => `${component} ${mode}`).join(', '),
      };
    }
    case 'active':
      return {
        holds: record?.activeSite === condition.site,
        found: `the active site is ${record?.activeSite ?? 'none'}`,
      };
    case 'moved': {
      const then = firm.steady.holders.get(condition.component) ?? 'nobody';
      const now = holderMeant(condition.component, { topology: firm.topology, record }) ?? 'nobody';
      return {
        holds: (then !== now) === condition.moved,
        found: then === now ? `still ${now}` : `${then}, now ${now}`,
      };
    }
    case 'takeovers': {
      const raised = (record?.epoch ?? 0) - firm.steady.epoch;
      return {
        holds: record !== null && raised === condition.count,
        found: `the epoch was raised ${raised} times, to ${record?.epoch ?? '?'}`,
      };
    }
    case 'decision': {
      const against = decision?.rules.filter(({ outcome }) => outcome !== 'pass').map(({ rule }) => rule) ?? [];
      return {
        holds: decision?.verdict === condition.verdict && (condition.rule === null || against.includes(condition.rule)),
        found:
          decision === null
            ? 'nothing was decided'
            : `${decision.verdict}${against.length === 0 ? '' : ` because of ${against.join(', ')}`}`,
      };
    }
    case 'diagnosis':
      return {
        holds: diagnoses.some(({ kind }) => kind === condition.diagnosis),
        found: diagnoses.map(({ kind }) => kind).join(', ') || 'nothing is diagnosed',
      };
    case 'step': {
      const step = isOpen(run) ? (currentStep(run)?.step.kind ?? null) : null;
      return { holds: step === condition.step, found: step === null ? 'no run is at a step' : `a run is at ${step}` };
    }
  }
}

const lacking = (missing: string | null): Finding => ({ holds: missing === null, found: missing ?? 'it is so' });

/** Null: no run is open, every component has one serving holder, clients are led there, new risk is accepted. */
function unserved({ record, instances }: GroupView): string | null {
  if (record === null || record.activeSite === null) return 'no site is active';
  if (record.run !== null) return `run ${record.run} is open`;
  for (const { component, holder, mode } of Object.values(record.grants)) {
    if (holder === null) return `nobody holds ${component}`;
    const known = instances.find(({ instance }) => instance === holder);
    if (known?.fresh !== true || known.observation === null) return `${holder} is not heard`;
    const { process, role, releasing } = known.observation;
    if (process !== 'running' || role !== 'primary') return `${holder} is ${process} ${role}`;
    // Who halts because others are missing is in office, and takes nothing new.
    if (!releasing && mode.kind !== 'halted') return `${holder} does not release`;
  }
  for (const { component, holder } of Object.values(record.delegates ?? {})) {
    const known = instances.find(({ instance }) => instance === holder);
    if (holder === null || known?.fresh !== true || known.observation?.role !== 'primary')
      return `${component}: ${holder ?? 'nobody'} is led to, and is no primary that is heard`;
  }
  if (!record.tradingEnabled) return 'new risk is not accepted';
  return record.traffic === record.activeSite ? null : `clients are led to ${record.traffic ?? 'nobody'}`;
}

/** Null: whoever should be able to take over without loss is on the authority's list. */
function unpromotable({ record }: GroupView, { components }: Topology): string | null {
  for (const { id, durability, instances } of components) {
    const grant = record?.grants[id];
    if (!grant || durability === null) continue;
    const absent = instances.find(
      (each) =>
        each.replication === 'sync' && each.eligible && each.id !== grant.holder && !grant.promotable.includes(each.id),
    );
    if (absent) return `${absent.id} is not back in the promotable set`;
  }
  return null;
}
