import { delegateView } from '../authority/delegated-primary.ts';
import { assert } from '../base/assert.ts';
import type { Digest } from '../base/canonical-json.ts';
import { type ComponentId, type Epoch, type InstanceId, stepId } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import type { Intent } from '../decision/intent.ts';
import { indexOf } from '../topology/topology-index.ts';
import {
  digestOf,
  type LossBound,
  type LossSeen,
  type Move,
  type RecoveryPlan,
  type StartsIn,
} from './recovery-plan.ts';
import { type Runbook, stepName } from './runbook.ts';
import { startingDurability } from './starting-durability.ts';

/** Binds a runbook to the facts. `holdfast plan` prints exactly this, and the leader runs exactly this. */
export function buildPlan(intent: Intent, facts: Facts, runbook: Runbook, digest: Digest): RecoveryPlan {
  assert(runbook.id === intent.runbook, `runbook ${runbook.id} given for ${intent.runbook}`);
  let past = false;
  const steps = runbook.steps.map((step) => {
    past ||= step.kind === 'grant';
    return {
      id: stepId(stepName(step)),
      kind: step.kind,
      deadlineMs: step.deadlineMs + (step.kind === 'promote-components' ? lockWaitMs(intent, facts) : 0),
      does: step.does,
      ...(step.onExpiry === undefined ? {} : { onExpiry: step.onExpiry }),
      ...(step.action === undefined ? {} : { action: step.action }),
      pointOfNoReturn: past,
    };
  });
  const lossBound: LossBound =
    intent.lossy.length === 0 ? { kind: 'none' } : { kind: 'unbounded', components: intent.lossy };
  const durability = intent.moves.flatMap((move) => startsIn(facts, move));
  const body = {
    runbook: runbook.id,
    runbookVersion: runbook.version,
    group: facts.group.id,
    scope: intent.scope,
    fromSite: intent.fromSite,
    toSite: intent.toSite,
    moves: intent.moves,
    steps,
    ...(intent.component === undefined ? {} : { component: intent.component }),
    ...(intent.delegates === undefined ? {} : { delegates: intent.delegates }),
  };
  return {
    ...body,
    trigger: intent.trigger,
    predicted: {
      lossBound,
      durability,
      lossSeen: intent.lossy.map((component) => lossSeen(facts, intent, component)),
      durationMs: measuredDurationMs(facts, runbook),
      fenceWaitMs: facts.successorWaitMs,
    },
    digest: digestOf({ ...body, lossBound, durability }, digest),
  };
}

/** A lock whose holder is gone is free only after its time. */
function lockWaitMs({ delegates = [] }: Intent, facts: Facts): number {
  const { component: components } = indexOf(facts.topology);
  const waits = delegates
    .filter(({ from, to }) => from !== to)
    .map(({ component }) => delegateView(facts, components.get(component)!)?.lockTtlMs ?? 0);
  return Math.max(0, ...waits);
}

/** Nothing is said of what nobody else has to have. */
function startsIn(facts: Facts, { component: id, to }: Move): StartsIn[] {
  const component = indexOf(facts.topology).component.get(id);
  if (component?.durability == null) return [];
  const { mode } = startingDurability(facts, component, to, ((facts.record?.epoch ?? 0) + 1) as Epoch);
  return [{ component: id, mode: mode.kind, lost: mode.kind === 'strict' ? [] : mode.lost }];
}

function measuredDurationMs({ brakes }: Facts, runbook: Runbook): number | null {
  const measured = brakes.history
    .filter((run) => run.runbook === runbook.id && run.result === 'completed')
    .flatMap(({ durationMs }) => (durationMs === undefined ? [] : [durationMs]))
    .toSorted((a, b) => a - b);
  return measured[Math.floor(measured.length / 2)] ?? null;
}

function lossSeen(facts: Facts, intent: Intent, component: ComponentId): LossSeen {
  const candidate = intent.moves.find((move) => move.component === component)?.to ?? ('' as InstanceId);
  const grant = facts.record?.grants[component];
  const holder = grant?.holder ?? grant?.revoked?.instance ?? null;
  const there = holder === null ? undefined : facts.instances.get(holder);
  const end = there?.observation?.position ?? null;
  const mine = facts.instances.get(candidate)?.observation?.position ?? null;
  const comparable = end !== null && mine !== null && end.generation === mine.generation;
  return {
    component,
    candidate,
    holder,
    behind: comparable ? Math.max(0, end.sequence - mine.sequence) : null,
    holderSeenMsAgo: there?.ageMs ?? null,
  };
}
