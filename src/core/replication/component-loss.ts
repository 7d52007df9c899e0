import type { DurabilityMode } from '../authority/group-record.ts';
import { holdersOfEverything } from '../authority/group-record.ts';
import type { ComponentId, InstanceId, SiteId } from '../base/ids.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import type { LogPosition } from '../health/instance-observation.ts';
import type { Component, Instance } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import { type Amount, counted, estimated, unknownAmount } from './amount.ts';
import { type LogUnit, logUnitOf, type Paces, timeAmount } from './replication-path.ts';

/** What of one component would be gone if the site that writes it vanished now: acknowledged there, and at no other site. */
export interface ComponentLoss {
  readonly component: ComponentId;
  readonly site: SiteId | null;
  readonly mode: DurabilityMode['kind'] | null;
  readonly unit: LogUnit;
  /** Of the log, in `unit`. */
  readonly amount: Amount;
  readonly ms: Amount;
  /** The copy elsewhere that has the most; null = none is known. */
  readonly best: InstanceId | null;
  /** Why it is certain that nothing would be lost; null = it is not. A look that shows no difference is no proof. */
  readonly proof: string | null;
}

/** `cascades`: only copies of copies count, as a class of data that is kept by these must be judged. */
export function componentLoss(
  facts: Facts,
  paces: Paces,
  id: ComponentId,
  which: 'all copies' | 'cascades' = 'all copies',
): ComponentLoss {
  const { component: components, siteOfInstance } = indexOf(facts.topology);
  const component = components.get(id)!;
  const grant = facts.record?.grants[id] ?? null;
  const writer = grant?.holder ?? grant?.revoked?.instance ?? null;
  const site = writer === null ? null : (siteOfInstance.get(writer) ?? null);
  const about = { component: id, site, mode: grant?.mode.kind ?? null, unit: logUnitOf(component.kind) };
  const unknown = (why: string, best: InstanceId | null = null): ComponentLoss => ({
    ...about,
    amount: unknownAmount(why),
    ms: unknownAmount(why),
    best,
    proof: null,
  });
  if (component.kind === 'inventory') return unknown(`${id} is not run by Holdfast`);
  if (component.kind === 'patroni') return unknown(`${id} is under Patroni, which decides who has everything`);
  if (grant === null || writer === null) return unknown(`nobody was ever given ${id}`);
  const { silentMs, staleAfterMs, incarnationMatches } = facts.authority;
  if (silentMs === null || silentMs > staleAfterMs || !incarnationMatches)
    return unknown('the authority is not heard, so who has everything is not known');
  const far = component.instances.filter(
    (each) =>
      each.replication !== 'none' &&
      siteOfInstance.get(each.id) !== site &&
      (which === 'all copies' || each.upstream !== null),
  );
  if (far.length === 0) return unknown('no copy of it is at another site');
  const everything = which === 'cascades' ? [] : holdersOfEverything(grant);
  const complete = far.filter((each) => everything.includes(each.id));
  const heard = complete.find((each) => isHeard(facts.instances.get(each.id)));
  if (heard !== undefined) {
    const proof = `${heard.id} has everything that was acknowledged: it is waited for, and the record says so`;
    return { ...about, amount: counted(0), ms: counted(0), best: heard.id, proof };
  }
  if (complete[0] !== undefined)
    return unknown(`${complete[0].id} has everything that was acknowledged, and is not heard`, complete[0].id);
  return { ...about, ...lagOf(facts, paces, { component, writer, far }), proof: null };
}

const isHeard = (known: InstanceFacts | undefined): boolean =>
  known?.fresh === true && known.verdict.state !== 'failed';

/** Nobody elsewhere is waited for: as far behind as the best of them was seen to be. */
function lagOf(
  facts: Facts,
  paces: Paces,
  about: { readonly component: Component; readonly writer: InstanceId; readonly far: readonly Instance[] },
): Pick<ComponentLoss, 'amount' | 'ms' | 'best'> {
  const { writer, far } = about;
  const source = facts.instances.get(writer);
  const end = source?.observation?.position ?? null;
  const nothing = (why: string) => ({ amount: unknownAmount(why), ms: unknownAmount(why), best: null });
  if (source === undefined || end === null) return nothing(`it is not known where the log of ${writer} ends`);
  if (!source.fresh) return nothing(`nothing fresh of ${writer}: what it acknowledged since is not known`);
  const known = far.flatMap(({ id }) => {
    const position = reachedBy(facts, source, id, end);
    return position === null ? [] : [{ id, position }];
  });
  if (known.length === 0) return nothing(`no copy at another site says what it has`);
  const best = known.reduce((kept, each) => (each.position.sequence > kept.position.sequence ? each : kept));
  const behind = Math.max(0, end.sequence - best.position.sequence);
  const why = `nobody elsewhere is waited for; ${best.id} as it was last seen`;
  const time = timeAmount(paces.get(writer) ?? [], best.position, behind);
  // It may have gone on ever since it was looked at.
  const sinceMs = source.ageMs ?? 0;
  const bound = time.atMost === null ? null : time.atMost + sinceMs;
  const ms = time.certainty === 'counted' ? estimated(0, why, bound) : { ...time, atMost: bound };
  return { amount: estimated(behind, why), ms, best: best.id };
}

/** The most that either end has said of it; nothing of a copy whose log is another one. */
function reachedBy(facts: Facts, source: InstanceFacts, id: InstanceId, end: LogPosition): LogPosition | null {
  const own = facts.instances.get(id)?.observation ?? null;
  if (own?.divergence != null) return null;
  const said = own?.position != null && own.position.generation <= end.generation ? own.position.sequence : 0;
  const acknowledged = source.observation?.replicas.find(({ instance }) => instance === id)?.acknowledgedSequence ?? 0;
  const sequence = Math.min(end.sequence, Math.max(said, acknowledged));
  return sequence === 0 && end.sequence > 0 ? null : { generation: end.generation, sequence };
}
