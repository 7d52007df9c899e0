import { isGated } from '../core/authority/delegate-gate.ts';
import { peersOf, refusesNewRisk } from '../core/authority/durability-mode.ts';
import { revocationOf } from '../core/authority/fencing.ts';
import type { Grant, GroupRecord, LeftSeat } from '../core/authority/group-record.ts';
import { asksBeforePromotion } from '../core/authority/promotion-permit.ts';
import { assert } from '../core/base/assert.ts';
import type { ComponentId, Epoch, Revision, RunId } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { RecoveryPlan } from '../core/plan/recovery-plan.ts';
import { startingDurability } from '../core/plan/starting-durability.ts';
import { type RunResult, type RunState, wasDrained } from '../core/run/run.ts';
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
  // Nobody is led to what moves until it was seen to have arrived.
  const moved = (plan.delegates ?? []).filter(({ from, to }) => from !== to);
  const delegates = { ...before?.delegates };
  for (const { component, to } of moved) {
    const left = leftSeat(facts, component);
    const lock = before?.delegates?.[component]?.lock ?? 0;
    const asks = asksBeforePromotion(indexOf(facts.topology).component.get(component)!);
    delegates[component] = {
      component,
      holder: null,
      lock,
      epoch,
      ...(left === undefined ? {} : { left }),
      ...(asks ? { moving: { run, to } } : {}),
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
    // At another site new risk waits for the validation. Inside a site the engine itself waits until it has settled with the exchange.
    tradingEnabled: plan.scope === 'site' && movesEngine(facts, plan) ? false : (before?.tradingEnabled ?? false),
    ...(Object.keys(delegates).length === 0 ? {} : { delegates }),
    ...writersBeside(before, plan),
    ...(before?.adopted ? { adopted: before.adopted } : {}),
  };
}

/** Whose gate is to be closed before its delegate's lock may be taken from it. */
function leftSeat({ record, topology, leases }: Facts, component: ComponentId): LeftSeat | undefined {
  const seat = record?.delegates?.[component];
  if (seat === undefined || seat.holder === null) return seat?.left;
  if (!isGated(indexOf(topology).component.get(component)!)) return undefined;
  return { instance: seat.holder, lock: seat.lock, leaseRevision: leases.get(component)?.revision ?? (0 as Revision) };
}

/** Where a lost Redis was replaced it stays for as long as its group stays at the site. */
function writersBeside(before: GroupRecord | null, { toSite }: RecoveryPlan): Pick<GroupRecord, 'writers'> {
  const kept = Object.entries(before?.writers ?? {}).filter(([, { besideSite }]) => besideSite === toSite);
  return kept.length === 0 ? {} : { writers: Object.fromEntries(kept) };
}

/**
 * New holders named. Who they must wait for from their first write on: those that hold everything acknowledged (the set
 * recorded at revocation) and are alive; the others come back through the holder's own upkeep. One that starts halted and cannot
 * refuse new risk by itself waits for all its peers, dead or alive, so it acknowledges nothing until one confirms.
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
    const { confirming, mode } = startingDurability(facts, component, to, record.epoch);
    const waits = mode.kind === 'halted' && !refusesNewRisk(component.kind);
    const missing = waits ? peersOf(component, to).filter((peer) => !confirming.includes(peer)) : [];
    grants[id] = {
      component: id,
      holder: to,
      epoch: record.epoch,
      ackSet: [...confirming, ...missing],
      promotable: confirming,
      mode,
      revoked: null,
    };
  }
  return { ...record, grants, activeSite: plan.toSite };
}

/** No run has the group any more. One that moved an engine and never saw it work leaves new risk refused. */
export function ended(facts: Facts, record: GroupRecord, run: RunState, result: RunResult): GroupRecord {
  const validated = run.steps.some(({ step, outcome }) => step.kind === 'validate' && outcome === 'ok');
  // Given up before anything was revoked: whoever was drained serves on.
  if (run.abandoned !== null && wasDrained(run)) return { ...record, run: null, tradingEnabled: true };
  const doubtful = result === 'failed' && !validated && movesEngine(facts, run.plan);
  return { ...record, run: null, tradingEnabled: record.tradingEnabled && !doubtful };
}

function movesEngine(facts: Facts, plan: RecoveryPlan): boolean {
  const { component } = indexOf(facts.topology);
  return plan.moves.some((move) => component.get(move.component)?.kind === 'trading-engine');
}
