import { durabilityModeOf } from '../core/authority/durability-mode.ts';
import { revocationOf } from '../core/authority/fencing.ts';
import { type Grant, type GroupRecord, holdersOfEverything } from '../core/authority/group-record.ts';
import { assert } from '../core/base/assert.ts';
import type { ComponentId, Epoch, RunId } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { RecoveryPlan } from '../core/plan/recovery-plan.ts';
import { indexOf } from '../core/topology/topology-index.ts';

/** Epoch raised, holders of what moves removed, the run named. The first thing that a recovery does (I1, I7). */
export function revoked(facts: Facts, plan: RecoveryPlan, run: RunId, incarnation: string): GroupRecord {
  const before = facts.record;
  const epoch = ((before?.epoch ?? 0) + 1) as Epoch;
  const grants: Record<ComponentId, Grant> = { ...(before?.grants ?? {}) };
  for (const { component } of plan.moves) {
    const grant = grants[component];
    const holder = grant?.holder ?? null;
    grants[component] = {
      component,
      holder: null,
      epoch,
      ackSet: [],
      promotable: [],
      mode: grant?.mode ?? { kind: 'strict' },
      revoked:
        grant && holder !== null
          ? revocationOf(grant, holder, facts.leases.get(component) ?? null)
          : (grant?.revoked ?? null),
    };
  }
  return {
    group: facts.group.id,
    incarnation,
    epoch,
    activeSite: before?.activeSite ?? null,
    traffic: before?.traffic ?? null,
    grants,
    run,
    tradingEnabled: movesEngine(facts, plan) ? false : (before?.tradingEnabled ?? false),
    ...(before?.adopted ? { adopted: before.adopted } : {}),
  };
}

/**
 * New holders named. Who they must wait for from their first write on: those that hold everything acknowledged (the set
 * recorded at revocation) and are alive; the others come back through the holder's own upkeep.
 */
export function granted(facts: Facts, plan: RecoveryPlan): GroupRecord {
  const { record } = facts;
  assert(record !== null, 'grant without a record');
  const index = indexOf(facts.topology);
  const grants: Record<ComponentId, Grant> = { ...record.grants };
  for (const { component: id, to } of plan.moves) {
    const component = index.component.get(id);
    const before = record.grants[id];
    assert(component && before && before.holder === null, `grant of ${id}, which is held or unknown`);
    const safe = before.revoked ? holdersOfEverything(before) : [];
    const members =
      component.durability === null ? [] : safe.filter((member) => member !== to && isAlive(facts, member));
    const lost = safe.filter((member) => member !== to && !members.includes(member));
    grants[id] = {
      component: id,
      holder: to,
      epoch: record.epoch,
      ackSet: members,
      promotable: members,
      mode: durabilityModeOf({
        durability: component.durability,
        holder: to,
        ackSet: members,
        lost,
        epoch: record.epoch,
        index,
        previous: before.mode,
      }),
      revoked: null,
    };
  }
  return { ...record, grants, activeSite: plan.toSite };
}

function isAlive(facts: Facts, member: Parameters<Facts['instances']['get']>[0]): boolean {
  const known = facts.instances.get(member);
  return (
    known !== undefined && known.fresh && known.verdict.state === 'healthy' && known.observation?.process === 'running'
  );
}

function movesEngine(facts: Facts, plan: RecoveryPlan): boolean {
  const { component } = indexOf(facts.topology);
  return plan.moves.some((move) => component.get(move.component)?.kind === 'trading-engine');
}
