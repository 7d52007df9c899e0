import { shutOutHolder } from '../authority/delegate-gate.ts';
import { delegatedComponents, endedHolder } from '../authority/delegated-primary.ts';
import type { GroupRecord } from '../authority/group-record.ts';
import type { ComponentId, SiteId } from '../base/ids.ts';
import type { DiagnosisKind } from '../diagnosis/diagnosis.ts';
import type { Move } from '../plan/recovery-plan.ts';
import { RECOVERY_OF } from '../plan/runbook.ts';
import type { Component } from '../topology/topology.ts';
import { canServe, indexOf, ownedComponents } from '../topology/topology-index.ts';
import { chooseCandidate } from './candidates.ts';
import { bindDelegates } from './delegates.ts';
import type { Facts } from './facts.ts';
import type { Intent, Rejection } from './intent.ts';

/** What should be done about the present state, if anything; null when every component is held by a living instance. */
export function proposeRecovery(facts: Facts, acceptLoss = false): Intent | null {
  const { record } = facts;
  if (record === null || record.activeSite === null) return null;
  const owned = ownedComponents(facts.topology, facts.group);
  const failed = owned.filter((component) => isFailing(facts, record, component));
  const failing =
    failed.length === 0 ? [] : owned.filter((each) => failed.includes(each) || isIdle(facts, record, each));
  const split = splitOff(facts, record, owned);
  const active = record.activeSite;
  if (failing.length === 0 && split.length === 0) {
    const served = owned.every((each) => !isIdle(facts, record, each));
    return served && isUnfinished(record) ? finishing(facts, active) : proposeDelegateRecovery(facts, active);
  }
  const trigger = triggerOf(facts, record, failing);
  if (facts.sites.get(active)?.verdict.state !== 'failed' && split.length === 0) {
    const local = bind(facts, failing, active, acceptLoss);
    if (local.missing.length === 0)
      return {
        ...local,
        runbook: 'failover-instance',
        scope: 'instance',
        trigger,
        requestedBy: null,
        reason: reasonOf(failing),
        fromSite: active,
        toSite: active,
      };
  }
  return siteIntent(facts, {
    owned,
    active,
    trigger,
    acceptLoss,
    reason: reasonOf(failing.length > 0 ? failing : split),
  });
}

/** Without loss where that is possible; with it only where a person has accepted one, and then R-DATA asks which. */
export function proposeByItself(facts: Facts): Intent | null {
  const lossless = proposeRecovery(facts);
  if (lossless === null || lossless.missing.length === 0) return lossless;
  const accepted = facts.brakes.approvals.some(
    (approval) => approval.acceptsLoss !== null && facts.wallMs < approval.until,
  );
  return (accepted ? proposeRecovery(facts, true) : null) ?? lossless;
}

/** Everything is held and alive, but clients are not led there, or new risk is not accepted: a run ended before its last steps. */
export const isUnfinished = (record: GroupRecord): boolean =>
  record.activeSite !== null && (record.traffic !== record.activeSite || !record.tradingEnabled);

/** Nothing changes hands; the epoch is raised and the last steps are taken. */
function finishing(facts: Facts, active: SiteId): Intent {
  return withDelegates(
    facts,
    active,
    { planned: false, only: unmovedDelegates(facts) },
    {
      runbook: 'failover-instance',
      scope: 'instance',
      trigger: 'TakeoverUnfinished',
      requestedBy: null,
      reason: 'a take-over ended before its last steps',
      fromSite: active,
      toSite: active,
      moves: [],
      missing: [],
      lossy: [],
      rejected: [],
    },
  );
}

/**
 * A delegate's primary has ended where its own agent sees it, or its clients are shut out: another member takes over without waiting for its
 * lock, at the active site or the next one that is preferred. The group stays where it is.
 */
function proposeDelegateRecovery(facts: Facts, active: SiteId): Intent | null {
  const isLost = (each: Component) => endedHolder(facts, each) !== null || shutOutHolder(facts, each) !== null;
  const [lost] = delegatedComponents(facts.topology, facts.group).filter(isLost);
  if (lost === undefined) return null;
  const intents = [active, ...targetSites(facts, active)].map((site) =>
    withDelegates(
      facts,
      site,
      { planned: false, only: [lost.id] },
      {
        runbook: 'failover-instance',
        scope: 'instance',
        trigger: 'PrimaryDown',
        requestedBy: null,
        reason: reasonOf([lost]),
        fromSite: active,
        toSite: active,
        moves: [],
        missing: [],
        lossy: [],
        rejected: [],
      },
    ),
  );
  const complete = intents.find(({ missing }) => missing.length === 0);
  return { ...(complete ?? intents[0]!), rejected: intents.flatMap(({ rejected }) => rejected) };
}

/** What the last run was to have moved, and had not when it failed. */
function unmovedDelegates({ run, record }: Facts): readonly ComponentId[] {
  const asked = run?.result === 'failed' ? (run.plan.delegates ?? []) : [];
  return asked
    .filter(({ component, to }) => record?.delegates?.[component]?.holder !== to)
    .map(({ component }) => component);
}

/** A delegate's primary goes where the group goes. */
function withDelegates(facts: Facts, site: SiteId, how: Parameters<typeof bindDelegates>[2], intent: Intent): Intent {
  const { delegates, missing, rejected } = bindDelegates(facts, site, how);
  if (delegates.length + missing.length === 0) return intent;
  return {
    ...intent,
    ...(delegates.length === 0 ? {} : { delegates }),
    missing: [...intent.missing, ...missing],
    rejected: [...intent.rejected, ...rejected],
  };
}

interface SiteQuestion {
  readonly owned: readonly Component[];
  readonly active: SiteId;
  readonly trigger: DiagnosisKind;
  readonly acceptLoss: boolean;
  readonly reason: string;
}

/** The other serving sites by preference, then the active one itself: a raise never ends with nobody. */
function siteIntent(facts: Facts, { owned, active, trigger, acceptLoss, reason }: SiteQuestion): Intent {
  const others = targetSites(facts, active);
  const options = [...others, active].map((site): Intent => {
    const intent = {
      ...bind(facts, owned, site, acceptLoss),
      runbook: 'failover-site',
      scope: 'site',
      trigger,
      requestedBy: null,
      reason,
      fromSite: active,
      toSite: site,
    } as const;
    return withDelegates(facts, site, { planned: false }, intent);
  });
  const complete = options.find(({ missing }) => missing.length === 0);
  return { ...(complete ?? options[0]!), rejected: options.flatMap(({ rejected }) => rejected) };
}

export function proposeSwitchover(
  facts: Facts,
  toSite: SiteId,
  by: string,
  planned: NonNullable<Intent['planned']> = { role: 'observer', ticket: null },
): Intent | null {
  const { record } = facts;
  if (record === null || record.activeSite === null || record.activeSite === toSite) return null;
  const bound = bind(facts, ownedComponents(facts.topology, facts.group), toSite, false);
  return withDelegates(
    facts,
    toSite,
    { planned: true },
    {
      ...bound,
      runbook: 'switchover-site',
      scope: 'site',
      trigger: 'Planned',
      requestedBy: by,
      planned,
      reason: `asked for by ${by}`,
      fromSite: record.activeSite,
      toSite,
    },
  );
}

/** A person asks for an unplanned move, to a site of their choice or the preferred one. */
export function proposeFailover(facts: Facts, toSite: SiteId | null, by: string, acceptLoss: boolean): Intent | null {
  const { record } = facts;
  if (record === null || record.activeSite === null) return null;
  const site = toSite ?? targetSites(facts, record.activeSite)[0] ?? null;
  if (site === null) return null;
  const bound = bind(facts, ownedComponents(facts.topology, facts.group), site, acceptLoss);
  return withDelegates(
    facts,
    site,
    { planned: false },
    {
      ...bound,
      runbook: 'failover-site',
      scope: 'site',
      trigger: 'Planned',
      requestedBy: by,
      reason: `asked for by ${by}`,
      fromSite: record.activeSite,
      toSite: site,
    },
  );
}

/**
 * A person has a component recovered by its own plan. One that is held by a living instance is recovered there; one whose holder
 * failed is taken over inside the active site instead. Null: nobody is active, or its kind has no plan.
 */
export function proposeComponentRecovery(facts: Facts, component: Component, by: string): Intent | null {
  const { record } = facts;
  const runbook = RECOVERY_OF[component.kind];
  if (record === null || record.activeSite === null || runbook === undefined) return null;
  const base = {
    scope: 'instance',
    trigger: 'Planned',
    requestedBy: by,
    reason: `recovery of ${component.id}, asked for by ${by}`,
    fromSite: record.activeSite,
    toSite: record.activeSite,
    missing: [],
    lossy: [],
    rejected: [],
    moves: [],
  } as const;
  const restarts = component.kind === 'trading-engine' || component.kind === 'order-management';
  if (!restarts) return { ...base, runbook, component: component.id };
  const holder = record.grants[component.id]?.holder ?? null;
  if (holder === null || isFailing(facts, record, component))
    return { ...base, ...bind(facts, [component], record.activeSite, false), runbook: 'failover-instance' };
  return { ...base, runbook, component: component.id, moves: [{ component: component.id, from: holder, to: holder }] };
}

/** The first grant of a group that nobody has ever held. */
export function proposeActivation(facts: Facts, site: SiteId, by: string): Intent | null {
  if (facts.record !== null) return null;
  const bound = bind(facts, ownedComponents(facts.topology, facts.group), site, false);
  return withDelegates(
    facts,
    site,
    { planned: true },
    {
      ...bound,
      runbook: 'activate-site',
      scope: 'site',
      trigger: 'Activation',
      requestedBy: by,
      reason: `first activation, asked for by ${by}`,
      fromSite: null,
      toSite: site,
    },
  );
}

function bind(facts: Facts, components: readonly Component[], site: SiteId, acceptLoss: boolean) {
  const moves: Move[] = [];
  const missing: { component: Component['id']; rejected: readonly Rejection[] }[] = [];
  const lossy: Component['id'][] = [];
  const rejected: Rejection[] = [];
  for (const component of components) {
    const choice = chooseCandidate(facts, component, site, acceptLoss);
    rejected.push(...choice.rejected);
    if (choice.chosen === null) missing.push({ component: component.id, rejected: choice.rejected });
    else
      moves.push({
        component: component.id,
        from: facts.record?.grants[component.id]?.holder ?? null,
        to: choice.chosen,
      });
    if (choice.lossy) lossy.push(component.id);
  }
  return { moves, missing, lossy, rejected };
}

const targetSites = (facts: Facts, active: SiteId): SiteId[] =>
  facts.topology.sites
    .filter((site) => canServe(site) && site.id !== active)
    .toSorted((a, b) => a.preference - b.preference)
    .map((site) => site.id);

/** Nobody holds it, or who holds it has failed. */
export function isFailing(facts: Facts, record: GroupRecord, component: Component): boolean {
  const holder = record.grants[component.id]?.holder ?? null;
  return holder === null || facts.instances.get(holder)?.verdict.state === 'failed';
}

/**
 * Its holder serves nobody now: its right has run out, was never taken up, or its own agent sees it closed or vouches that nothing of
 * it writes (it may have been started anew, and not have been heard from yet). Alone that is no reason to move it yet; but when a
 * site comes back its hosts are heard of one after the other, and a run for the first would fail for the rest.
 */
function isIdle(facts: Facts, record: GroupRecord, component: Component): boolean {
  const grant = record.grants[component.id];
  if (grant === undefined || grant.holder === null) return false;
  const known = facts.instances.get(grant.holder);
  if (known?.provedDead) return true;
  const role = known?.fresh ? known.observation?.role : undefined;
  if (role === 'closed' || role === 'fenced' || role === 'standby') return true;
  const lease = facts.leases.get(component.id);
  if (lease === undefined || lease.holder !== grant.holder || lease.epoch !== grant.epoch) return true;
  return lease.seenMsAgo > facts.successorWaitMs;
}

/** Components held outside the active site. */
export function splitOff(facts: Facts, record: GroupRecord, owned: readonly Component[]): readonly Component[] {
  const { siteOfInstance } = indexOf(facts.topology);
  return owned.filter((component) => {
    const holder = record.grants[component.id]?.holder ?? null;
    return holder !== null && siteOfInstance.get(holder) !== record.activeSite;
  });
}

function triggerOf(facts: Facts, record: GroupRecord, failing: readonly Component[]): DiagnosisKind {
  if (record.activeSite !== null && facts.sites.get(record.activeSite)?.verdict.state === 'failed') return 'SiteDown';
  if (failing.length === 0) return 'GroupSplit';
  return failing.some((component) => record.grants[component.id]?.holder != null) ? 'PrimaryDown' : 'NoPrimary';
}

const reasonOf = (components: readonly Component[]) =>
  `${components.map((component) => component.id).join(', ')} not served`;
