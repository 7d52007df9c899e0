import type { Json } from '../../core/base/canonical-json.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { stateGlyph } from './glyph.ts';
import { hostTroubles } from './host-checks-view.ts';
import { type Knowledge, knownDiagnoses, opinionsOn } from './knowledge.ts';
import { schedulingShortfalls, schedulingText } from './scheduling-view.ts';
import type { GroupView, HostView, InstanceView, State } from './status-view.ts';
import { type Column, labelled, spread, table } from './text.ts';
import { clockText, elapsedText } from './time-text.ts';

/** The four depths of looking, shallow to deep. */
export type Depth = 'process' | 'application' | 'business' | 'end-to-end';
export const depths: readonly Depth[] = ['process', 'application', 'business', 'end-to-end'];

/** `does not apply`: a copy that is not primary releases nothing. `not measured`: nobody looked; never shown as ok. */
export type DepthState = 'ok' | 'degraded' | 'bad' | 'unknown' | 'not measured' | 'does not apply';

/** What the last fresh observation says at each depth. A deeper look says nothing when a shallower one has failed. */
export function depthsOf(instance: InstanceView, holds: boolean): Readonly<Record<Depth, DepthState>> {
  const { fresh, observation } = instance;
  if (!fresh || observation === null)
    return {
      process: 'unknown',
      application: 'unknown',
      business: 'unknown',
      'end-to-end': holds ? 'unknown' : 'does not apply',
    };
  const process: DepthState = observation.process === 'running' ? 'ok' : 'bad';
  const application: DepthState = process === 'bad' ? 'bad' : observation.role === 'unknown' ? 'unknown' : 'ok';
  const business: DepthState =
    process === 'bad' ? 'bad' : observation.health === 'unknown' ? 'not measured' : observation.health;
  const end: DepthState = !holds
    ? 'does not apply'
    : observation.releasing
      ? 'ok'
      : observation.role === 'primary'
        ? 'bad'
        : 'not measured';
  return { process, application, business, 'end-to-end': end };
}

const depthText = (state: DepthState): string =>
  ({
    ok: '● ok',
    degraded: '◐ degraded',
    bad: '✕ bad',
    unknown: '? unknown',
    'not measured': 'not measured',
    'does not apply': '–',
  })[state];

const holdsIn = (group: GroupView, instance: InstanceView): boolean =>
  [...Object.values(group.record?.grants ?? {}), ...Object.values(group.record?.delegates ?? {})].some(
    ({ holder }) => holder === instance.instance,
  );

/** Every instance at every depth, and what each observer says of every host. As long as it has to be. */
export function healthScreen(knowledge: Knowledge, columns?: number): readonly string[] {
  const { status } = knowledge;
  const reader = `${clockText(status.at)} ${status.controller.id}${status.controller.leading ? ' leads' : ''}`;
  return status.groups.flatMap((group) => [
    spread(`HEALTH  ${group.group}`, reader, columns),
    ...instanceTable(group, columns),
    ...reasonLines(group),
    '',
    ...hostTable(group, columns),
    ...schedulingShortfalls(group).flatMap((line) => labelled('SCHED', line, { lines: 2 })),
    ...hostTroubles(group).flatMap((line) => labelled('HOSTS', line, { lines: 2 })),
    ...group.sites.flatMap((site) => disputeLines(group, site.site)),
    ...diagnosisLines(knowledge, group),
  ]);
}

function instanceTable(group: GroupView, columns?: number): readonly string[] {
  const rows = group.instances.map((each) => {
    const at = depthsOf(each, holdsIn(group, each));
    return [
      `${stateGlyph[each.state] ?? '?'} ${each.instance}`,
      each.state,
      roleText(each, holdsIn(group, each)),
      ...depths.map((depth) => depthText(at[depth])),
      each.ageMs === null ? '? never' : elapsedText(each.ageMs),
    ];
  });
  return table(
    [
      { title: '  INSTANCE', gives: 1 },
      { title: 'STATE' },
      { title: 'ROLE', gives: 1 },
      { title: 'PROCESS' },
      { title: 'APPLICATION' },
      { title: 'BUSINESS' },
      { title: 'END TO END' },
      { title: 'AGE', align: 'right' },
    ],
    rows,
    columns ?? 100,
  );
}

function roleText({ fresh, observation }: InstanceView, holds: boolean): string {
  const role = fresh && observation !== null ? observation.role : `? was ${observation?.role ?? 'never seen'}`;
  return holds ? `${role}, holds` : role;
}

const reasonLines = (group: GroupView): readonly string[] =>
  group.instances
    .filter((each) => each.state !== 'healthy')
    .flatMap((each) => labelled('', `${each.instance}: ${each.evidence.join('; ') || each.state}`, { lines: 2 }));

function hostTable(group: GroupView, columns?: number): readonly string[] {
  const observers = [...new Set(group.hosts.flatMap((host) => host.observers.map(({ site }) => site)))];
  const rows = group.hosts.map((host) => [
    `${stateGlyph[host.state] ?? '?'} ${host.host}`,
    host.site,
    host.state,
    host.connected ? 'yes' : 'no',
    schedulingText(host),
    ...observers.map((site) => opinionText(host, site)),
  ]);
  const heads: readonly Column[] = [
    { title: '  HOST', gives: 1 },
    { title: 'SITE' },
    { title: 'STATE' },
    { title: 'AGENT LINK' },
    { title: 'SCHEDULING', gives: 1 },
  ];
  return table(
    [...heads, ...observers.map((site): Column => ({ title: `SEEN FROM ${site}`, gives: 1 }))],
    rows,
    columns ?? 100,
  );
}

function opinionText(host: HostView, site: string): string {
  const word = host.observers.find((one) => one.site === site);
  if (word === undefined || word.opinion === 'unknown') return '? unknown';
  return `${word.opinion === 'alive' ? '●' : '✕'} ${word.opinion} ${elapsedText(word.silentMs)}`;
}

function disputeLines(group: GroupView, site: string): readonly string[] {
  const opinions = opinionsOn(group, site);
  const who = (opinion: string) => opinions.filter((each) => each.opinion === opinion).map(({ observer }) => observer);
  const silent = who('silent');
  if (silent.length === 0 || who('alive').length === 0) return [];
  return labelled(
    '≠',
    `${site}: ${silent.length} of ${opinions.length} say silent (${silent.join(', ')}); ${who('alive').join(', ')} hear it`,
  );
}

function diagnosisLines({ status }: Knowledge, group: GroupView): readonly string[] {
  if (!status.controller.leading)
    return ['', ...labelled('WHY', '? unknown: only a leader diagnoses, and none answered')];
  const found = knownDiagnoses(status, group);
  if (found.length === 0) return ['', ...labelled('WHY', 'no diagnosis: nothing that is looked for was found')];
  return [
    '',
    ...found.flatMap(({ kind, summary, basis }, index) =>
      labelled(index === 0 ? 'WHY' : '', `${kind} (${basis}): ${summary}`),
    ),
  ];
}

/** 0 all healthy · 1 something failed or degraded · 5 something suspect or unknown, and nothing worse. */
export function healthExitCode(knowledge: Knowledge): ExitCode {
  const states = new Set<State>(
    knowledge.status.groups.flatMap((group) =>
      [...group.instances, ...group.hosts, ...group.sites].map((each) => each.state),
    ),
  );
  if (states.has('failed') || states.has('degraded')) return exitCodes.failed;
  return states.has('suspect') || states.has('unknown') ? exitCodes.unknown : exitCodes.ok;
}

export const healthJson = ({ status }: Knowledge): Json => ({
  at: status.at,
  answeredBy: { ...status.controller },
  groups: status.groups.map((group) => ({
    group: group.group,
    instances: group.instances.map((each) => ({
      instance: each.instance,
      component: each.component,
      site: each.site,
      state: each.state,
      evidence: [...each.evidence],
      holds: holdsIn(group, each),
      ageMs: each.ageMs,
      fresh: each.fresh,
      depths: { ...depthsOf(each, holdsIn(group, each)) },
    })),
    hosts: group.hosts.map(({ checks, ...host }) => ({
      ...host,
      observers: host.observers.map((one) => ({ ...one })),
      ...(checks === undefined ? {} : { checks: checks.map((one) => ({ ...one })) }),
      scheduling: { ...host.scheduling, processes: host.scheduling.processes.map((one) => ({ ...one })) },
    })),
    sites: group.sites.map(({ site, state, evidence }) => ({
      site,
      state,
      evidence: [...evidence],
      opinions: opinionsOn(group, site).map((each) => ({ ...each })),
    })),
    diagnoses: status.controller.leading ? (group.diagnoses as unknown as Json) : null,
  })),
});
