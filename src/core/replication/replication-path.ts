import type { Grant } from '../authority/group-record.ts';
import type { ComponentId, InstanceId, SiteId } from '../base/ids.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import { hasUpstream, type LogPosition, type ReplicaObservation } from '../health/instance-observation.ts';
import type { Component, ComponentKind, Instance } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import { type Amount, atLeast, counted, estimated, unknownAmount } from './amount.ts';
import { type LogPace, timeBehind } from './log-pace.ts';

/**
 * One way by which a copy gets what the primary writes, as agents last told of it. Both ends of a `primary` leg are in one look of the
 * primary; those of a `cascade` are two looks.
 */
export interface ReplicationPath {
  readonly component: ComponentId;
  readonly leg: 'primary' | 'cascade';
  /** As seen, else as the topology says; null = nobody holds the component. */
  readonly from: InstanceId | null;
  readonly fromSite: SiteId | null;
  readonly to: InstanceId;
  readonly toSite: SiteId;
  readonly policy: 'sync' | 'async';
  /** `following`: connected, and something is still on its way; nobody counts on it. */
  readonly state: ReplicaObservation['state'] | 'following' | 'unknown';
  /** The primary waits for it before it acknowledges; null = not known. */
  readonly acknowledging: boolean | null;
  readonly unit: LogUnit;
  /** Of the log, in `unit`. */
  readonly behind: Amount;
  readonly behindMs: Amount;
  readonly transactions: Amount;
  readonly fromGeneration: number | null;
  readonly toGeneration: number | null;
  /** Age of the older of the looks that this is made of; null = there was none. */
  readonly lookedMsAgo: number | null;
}

export type LogUnit = 'bytes' | 'records';

/** PostgreSQL's positions are bytes of its log; those of everything that speaks the component contract count records. */
export const logUnitOf = (kind: ComponentKind): LogUnit =>
  kind === 'postgres' || kind === 'patroni' ? 'bytes' : 'records';

export type Paces = ReadonlyMap<InstanceId, LogPace>;

/** Every copy of every component of the group that keeps one, in the order of the topology. */
export function replicationPaths(facts: Facts, paces: Paces): readonly ReplicationPath[] {
  const { component: components } = indexOf(facts.topology);
  return facts.group.components.flatMap((id) => {
    const component = components.get(id);
    if (component === undefined || component.kind === 'inventory') return [];
    const grant = facts.record?.grants[id] ?? null;
    const holder = grant?.holder ?? facts.record?.delegates?.[id]?.holder ?? null;
    return component.instances
      .filter((each) => each.replication !== 'none' && each.id !== holder)
      .map((to) => pathTo(to, { facts, paces, component, grant, holder }));
  });
}

interface Around {
  readonly facts: Facts;
  readonly paces: Paces;
  readonly component: Component;
  readonly grant: Grant | null;
  /** Of the grant, or of its delegate's lock. */
  readonly holder: InstanceId | null;
}

function pathTo(to: Instance, around: Around): ReplicationPath {
  const { facts, component, holder } = around;
  const { siteOfInstance } = indexOf(facts.topology);
  const known = facts.instances.get(to.id);
  const seen = known?.fresh ? (known.observation?.upstream?.instance ?? null) : null;
  // One that the topology has follow the primary is measured against the primary, whomever it still follows.
  const from = to.upstream === null || holder === null ? holder : (seen ?? to.upstream);
  const cascade = from !== holder;
  const source = from === null ? null : (facts.instances.get(from) ?? null);
  const measured = cascade ? cascadeLeg(known, source, around) : primaryLeg(to.id, known, source, around);
  return {
    component: component.id,
    leg: cascade ? 'cascade' : 'primary',
    from,
    fromSite: from === null ? null : (siteOfInstance.get(from) ?? null),
    to: to.id,
    toSite: siteOfInstance.get(to.id)!,
    policy: to.replication === 'sync' ? 'sync' : 'async',
    unit: logUnitOf(component.kind),
    fromGeneration: source?.observation?.position?.generation ?? null,
    toGeneration: known?.observation?.position?.generation ?? null,
    ...measured,
  };
}

type Measured = Pick<
  ReplicationPath,
  'state' | 'acknowledging' | 'behind' | 'behindMs' | 'transactions' | 'lookedMsAgo'
>;

const nothingKnown = (
  why: string,
  last: { readonly behind?: number | null; readonly ageMs?: number | null } = {},
): Measured => ({
  state: 'unknown',
  acknowledging: null,
  behind: unknownAmount(why, last.behind ?? null),
  behindMs: unknownAmount(why),
  transactions: unknownAmount(why),
  lookedMsAgo: last.ageMs ?? null,
});

function primaryLeg(
  to: InstanceId,
  known: InstanceFacts | undefined,
  source: InstanceFacts | null,
  { component, paces, holder }: Around,
): Measured {
  if (holder === null || source === null) return nothingKnown(`nobody holds ${component.id}`);
  const { observation, ageMs } = source;
  const replica = observation?.replicas.find(({ instance }) => instance === to);
  const end = observation?.position ?? null;
  const last = {
    ageMs,
    behind:
      replica && end && replica.acknowledgedSequence > 0
        ? difference(end.sequence, replica.acknowledgedSequence)
        : null,
  };
  if (observation === null || ageMs === null) return nothingKnown(`nothing was ever heard of ${holder}`);
  if (!source.fresh) return nothingKnown(`nothing fresh of ${holder}`, last);
  if (observation.role !== 'primary')
    return nothingKnown(`${holder} holds ${component.id} and is ${observation.role}`, { ageMs });
  if (end === null) return nothingKnown(`${holder} does not say where its log ends`, { ageMs });
  const unit = logUnitOf(component.kind);
  const acknowledging = observation.ackSet.includes(to);
  const pace = paces.get(holder) ?? [];
  if (replica === undefined || replica.state === 'lost') {
    const why = replica === undefined ? `${holder} does not have it as a copy` : `${holder} has lost it`;
    return { state: 'lost', acknowledging, lookedMsAgo: ageMs, ...fromOwnWord(known, { end, unit, pace, why }) };
  }
  if (replica.acknowledgedSequence === 0 && end.sequence > 0) {
    const why = `it has not told ${holder} yet what it has`;
    return { ...nothingKnown(why, { ageMs }), state: replica.state, acknowledging };
  }
  const behind = difference(end.sequence, replica.acknowledgedSequence);
  const reached = { generation: end.generation, sequence: replica.acknowledgedSequence };
  return {
    state: replica.state,
    acknowledging,
    lookedMsAgo: ageMs,
    behind: counted(behind),
    behindMs: timeAmount(pace, reached, behind),
    transactions: transactionsOf(unit, counted(behind)),
  };
}

/** Of a copy that its primary does not hear: what it said itself, last, is the least that it has, unless it was rebuilt since. */
function fromOwnWord(
  known: InstanceFacts | undefined,
  about: { readonly end: LogPosition; readonly unit: LogUnit; readonly pace: LogPace; readonly why: string },
): Pick<ReplicationPath, 'behind' | 'behindMs' | 'transactions'> {
  const { end, unit, pace, why } = about;
  const position = known?.observation?.position ?? null;
  if (position === null || position.generation > end.generation || known?.observation?.divergence != null) {
    const amount = unknownAmount(position === null ? why : `${why}, and its own log is another`);
    return { behind: amount, behindMs: amount, transactions: amount };
  }
  const behind = estimated(difference(end.sequence, position.sequence), `${why}; from where it said it was`);
  const time = timeAmount(pace, position, behind.value!);
  return {
    behind,
    behindMs: time.certainty === 'counted' ? estimated(time.value!, behind.why!) : time,
    transactions: transactionsOf(unit, behind),
  };
}

function cascadeLeg(known: InstanceFacts | undefined, source: InstanceFacts | null, around: Around): Measured {
  const unit = logUnitOf(around.component.kind);
  const own = known?.observation ?? null;
  if (known === undefined || own === null) return nothingKnown('nothing was ever heard of it');
  if (!known.fresh) return nothingKnown('nothing fresh of it', { ageMs: known.ageMs });
  const connected = own.upstream?.connected === true;
  const end = source?.observation?.position ?? null;
  if (own.position === null || end === null || !source?.fresh) {
    const why =
      own.position === null
        ? 'it does not say where its log ends'
        : `nothing fresh of ${source?.instance.id ?? 'its source'}`;
    return {
      ...nothingKnown(why, { ageMs: known.ageMs }),
      state: connected ? 'following' : 'lost',
      acknowledging: false,
    };
  }
  const missing = Math.max(difference(end.sequence, own.position.sequence), own.figures['lagBytes'] ?? 0);
  const lookedMsAgo = Math.max(known.ageMs ?? 0, source.ageMs ?? 0);
  // Nothing that its source was seen to have is missing; that holds for the moment at which the source was looked at.
  const behind =
    missing === 0 ? counted(0) : estimated(missing, 'its source and it were looked at at different moments');
  return {
    state: !connected ? 'lost' : missing === 0 && hasUpstream(own.upstream) ? 'in-sync' : 'following',
    acknowledging: false,
    lookedMsAgo,
    behind,
    behindMs: timeAmount(around.paces.get(source.instance.id) ?? [], own.position, missing),
    transactions: transactionsOf(unit, behind),
  };
}

const difference = (end: number, reached: number): number => Math.max(0, end - reached);

/** 0 where nothing is missing, whatever was written last and when. */
export function timeAmount(pace: LogPace, reached: LogPosition, behind: number): Amount {
  if (behind === 0) return counted(0);
  const time = timeBehind(pace, reached);
  if (time === null) return unknownAmount('this controller has not seen the log grow');
  const ms = Math.round(time.ms);
  if (time.atMostMs === null) return atLeast(ms, 'this controller has not watched for longer');
  return estimated(ms, 'from the moments at which reports came', Math.round(time.atMostMs));
}

/** A record of a journal is one; a byte of PostgreSQL's log is part of one, and no byte is none. */
function transactionsOf(unit: LogUnit, behind: Amount): Amount {
  if (unit === 'records' || behind.value === 0) return behind;
  return unknownAmount('reports tell bytes of the log, not transactions');
}
