import { isOpen } from '../../core/run/run.ts';
import { type Knowledge, knownDecision, knownDiagnoses, opinionsOn, siteSilentMs, standstill } from './knowledge.ts';
import type { GroupView, State } from './status-view.ts';
import { plural } from './text.ts';
import { elapsedText } from './time-text.ts';

/** The one sentence that answers "how are we?", for one group. */
export interface Standing {
  readonly group: string;
  readonly state: State | 'in-progress';
  /** In capitals; the first thing that is read. */
  readonly word: string;
  readonly sentence: string;
}

/** The first that applies, worst first. What is not known is never called healthy. */
export function standingOf(knowledge: Knowledge, group: GroupView): Standing {
  const say = (state: Standing['state'], word: string, sentence: string): Standing => ({
    group: group.group,
    state,
    word,
    sentence,
  });
  const { record } = group;
  const silent = standstill(knowledge);
  const active = record?.activeSite ?? null;
  const site = group.sites.find((each) => each.site === active);
  const run = isOpen(group.run) ? group.run : null;
  if (active !== null && site?.state === 'failed') {
    const silentMs = siteSilentMs(group, active);
    const word = `${active.toUpperCase()} LOST${silentMs === null ? '' : ` ${elapsedText(silentMs)}`}`;
    return say('failed', word, `site down: ${observersText(group, active)}${run ? `, ${run.run} under way` : ''}`);
  }
  if (silent !== null) return say('unknown', silent.word, silent.sentence);
  if (record === null || active === null) return say('unknown', 'NOT ACTIVE', `${group.group} was never activated`);
  if (run) return say('in-progress', 'MOVING', `${run.run}: ${run.plan.runbook} to ${run.plan.toSite}`);
  const grants = Object.values(record.grants);
  const orphans = grants.filter((grant) => grant.holder === null).map((grant) => grant.component);
  if (orphans.length > 0) return say('failed', 'NOT SERVED', `nobody holds ${orphans.join(', ')}`);
  const holders = grants.flatMap((grant) => group.instances.filter((each) => each.instance === grant.holder));
  const worst = (state: State) => holders.filter((each) => each.state === state).map((each) => each.instance);
  if (worst('failed').length > 0) return say('failed', 'DOWN', `${worst('failed').join(', ')} failed`);
  if (record.traffic !== active || !record.tradingEnabled)
    return say(
      'degraded',
      'STOPPED',
      record.traffic === active ? 'no new risk is accepted' : `clients are led to ${record.traffic ?? 'no site'}`,
    );
  const unsure = [...worst('unknown'), ...worst('suspect')];
  if (unsure.length > 0) return say('suspect', 'UNSURE', `${unsure.join(', ')}: not known whether it serves`);
  if (site === undefined || site.state === 'suspect' || site.state === 'unknown')
    return say('suspect', 'SUSPECT', doubtText(group, active));
  const weak = weaknesses(knowledge, group);
  if (weak.length > 0) return say('degraded', 'DEGRADED', `${active} serves; ${weak.join('; ')}`);
  const decided = knownDecision(knowledge.status, group);
  if (decided !== null && decided.verdict !== 'proceed') return say('degraded', 'WAITING', decided.reason);
  const tails = knownDiagnoses(knowledge.status, group).filter(({ kind }) => kind === 'DataDiverged').length;
  const all = `${active} serves; ${plural(grants.length, 'component')} held, ${plural(group.sites.length, 'site')} heard${tails === 0 ? '' : `, ${plural(tails, 'diverged tail')} kept`}`;
  const { frozen, maintenance } = group.brakes;
  if (frozen) return say('healthy', 'HEALTHY, FROZEN', `${active} serves; automation frozen by ${frozen.by}`);
  if (maintenance) return say('healthy', 'HEALTHY, MAINTENANCE', `${active} serves; work by ${maintenance.by}`);
  return say('healthy', 'HEALTHY', all);
}

/** Everything that still serves and could stand less than it should. */
function weaknesses(knowledge: Knowledge, group: GroupView): readonly string[] {
  const grants = Object.values(group.record?.grants ?? {});
  const bySite = (state: State) => group.sites.filter((each) => each.state === state).map((each) => each.site);
  const named = diagnosed(knowledge, group);
  // What is acknowledged from a wrong state is graver than anything that is missing.
  const weak = named.filter((each) => each.startsWith('DataCorrupt'));
  for (const mode of ['halted', 'degraded'] as const) {
    const components = grants.filter((grant) => grant.mode.kind === mode).map((grant) => grant.component);
    if (components.length > 0)
      weak.push(`${components.join(', ')} ${mode === 'halted' ? 'halted: no peer' : 'acknowledged without a peer'}`);
  }
  if (bySite('failed').length > 0) weak.push(`${bySite('failed').join(', ')} lost`);
  const doubtful = [...bySite('suspect'), ...bySite('unknown'), ...bySite('degraded')];
  if (doubtful.length > 0) weak.push(`${doubtful.join(', ')} not heard by all`);
  const lostSites = new Set(bySite('failed'));
  const down = group.instances.filter((each) => each.state !== 'healthy' && !lostSites.has(each.site));
  if (down.length > 0 && doubtful.length === 0)
    weak.push(down.map((each) => `${each.instance} ${each.state}`).join(', '));
  if (weak.length === 0) weak.push(...named);
  return weak;
}

/** Kinds with whom they are about. A tail that was kept aside is for people to look at; it keeps nothing from working. */
function diagnosed({ status }: Knowledge, group: GroupView): readonly string[] {
  const found = knownDiagnoses(status, group).filter(({ kind }) => kind !== 'DataDiverged');
  return [...Map.groupBy(found, ({ kind }) => kind)].map(([kind, each]) => {
    const about = each.map(({ instance, component, host, site }) => instance ?? component ?? host ?? site ?? '');
    return `${kind} ${[...new Set(about)].filter((name) => name !== '').join(', ')}`.trim();
  });
}

function observersText(group: GroupView, site: string): string {
  const opinions = opinionsOn(group, site);
  const silent = opinions.filter(({ opinion }) => opinion === 'silent').length;
  return `${silent}/${opinions.length} observers`;
}

/** Which hosts of a site are in doubt, and who does not hear them. */
function doubtText(group: GroupView, site: string): string {
  const hosts = group.hosts.filter((host) => host.site === site);
  const doubtful = hosts.filter(({ state }) => state !== 'healthy');
  const deaf = new Set(
    doubtful.flatMap(({ observers }) => observers.filter(({ opinion }) => opinion === 'silent').map((one) => one.site)),
  );
  const by = deaf.size === 0 ? '' : `, not heard by ${[...deaf].join(', ')}`;
  return `${doubtful.length} of ${plural(hosts.length, 'host')} of ${site} in doubt${by}`;
}
