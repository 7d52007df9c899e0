import { haltedIn } from '../../core/authority/durability-mode.ts';
import type { Grant, GroupRecord } from '../../core/authority/group-record.ts';
import { exposureIn } from '../../core/authority/resume.ts';
import type { StreamLoss } from '../../core/replication/stream-loss.ts';
import { currentStep, isOpen, type RunState } from '../../core/run/run.ts';
import { stateGlyph } from './glyph.ts';
import { hostTroubles } from './host-checks-view.ts';
import {
  type Knowledge,
  knownDecision,
  knownDiagnoses,
  lastSeenText,
  observersOf,
  opinionsOn,
  siteSilentMs,
  standstill,
} from './knowledge.ts';
import { lossText, startsInText, stopping } from './receipt-view.ts';
import { schedulingShortfalls } from './scheduling-view.ts';
import { standingOf } from './standing.ts';
import type { GroupView, InstanceView, SiteView, StatusView } from './status-view.ts';
import { cut, labelled, screenColumns, screenLines, spread, table } from './text.ts';
import { ageText, clockText, elapsedText, liveUpToMs, staleFromMs } from './time-text.ts';

export interface ScreenOptions {
  readonly columns?: number;
  readonly lines?: number;
  /** Cells that changed a moment ago, by `row column`; they get a star. */
  readonly changed?: ReadonlySet<string>;
}

/**
 * What a person needs first, on one screen: how we are, what to do, who is active, who could take over and what would stop
 * us, what every site is doing. What does not fit is counted, never silently left out.
 */
export function statusScreen(knowledge: Knowledge, options: ScreenOptions = {}): readonly string[] {
  const columns = options.columns ?? screenColumns;
  const most = options.lines ?? screenLines;
  const { status } = knowledge;
  const lines = status.groups.flatMap((group, index) => [
    ...headLines(knowledge, group, { columns, first: index === 0 }),
    ...siteTable(knowledge, group, options),
  ]);
  const [only, second] = status.groups;
  if (only === undefined || second !== undefined) return fit(lines, most);
  const whole = [...lines, ...componentTable(knowledge, only, options)];
  return fit([...whole, ...diagnosisLines(status, only, Math.max(1, most - whole.length))], most);
}

function fit(lines: readonly string[], most: number): readonly string[] {
  if (lines.length <= most) return lines;
  return [
    ...lines.slice(0, most - 1),
    `… ${lines.length - most + 1} more lines: holdfast health, holdfast status --json`,
  ];
}

function headLines(
  knowledge: Knowledge,
  group: GroupView,
  { columns, first }: { readonly columns: number; readonly first: boolean },
): readonly string[] {
  const { status } = knowledge;
  const standing = standingOf(knowledge, group);
  const glyph = standing.state === 'in-progress' ? '▶' : (stateGlyph[standing.state] ?? '?');
  const named = knowledge.status.groups.length > 1 ? `${group.group}: ${standing.sentence}` : standing.sentence;
  const reader = `${clockText(status.at)} ${status.controller.id}${status.controller.leading ? ' leads' : ''}`;
  return [
    ...verdictLines(`${glyph} ${standing.word}  ${named}`, first ? reader : '', columns),
    ...todo(knowledge, group),
    ...labelled('STATE', stateText(knowledge, group), { lines: 2 }),
    ...labelled('QUORUM', quorumText(knowledge, group), { lines: 2 }),
    ...labelled('AUTO', automationText(knowledge, group), { lines: 2 }),
    ...outlookLines(knowledge, group),
    ...shortLines('SCHED', schedulingShortfalls(group)),
    ...shortLines('HOSTS', hostTroubles(group)),
  ];
}

/** What does not fit beside the reader goes on below. */
function verdictLines(sentence: string, reader: string, columns: number): readonly string[] {
  const room = columns - reader.length - 2;
  if (sentence.length <= room) return [spread(sentence, reader, columns)];
  const at = Math.max(sentence.lastIndexOf(' ', room), sentence.indexOf('  ') + 2);
  const rest = labelled('', sentence.slice(at), { columns, lines: 1 });
  return [spread(sentence.slice(0, at).trimEnd(), reader, columns), ...rest];
}

/** The one thing to do or to wait for. */
function todo(knowledge: Knowledge, group: GroupView): readonly string[] {
  const { status } = knowledge;
  if (isOpen(group.run)) return runLines(group.run, status.at);
  if (group.record === null) return labelled('DO', 'holdfast activate SITE: the first grant, once in its life');
  const decision = knownDecision(status, group);
  if (standstill(knowledge) !== null) return [];
  if (decision === null) return haltLines(group.record);
  const what = `${decision.trigger}: ${decision.scope === 'site' ? 'failover' : 'restart or replace'} ${group.group} → ${decision.toSite}`;
  const cost = `loss ${lossText(decision.lossBound)} · fence wait at most ${elapsedText(group.leaseBoundMs)} · ${startsInText(decision.durability)}`;
  if (decision.verdict === 'ask-approval')
    return [
      ...labelled('DO', `holdfast approve ${decision.digest}   ${what}`, { lines: 2 }),
      ...labelled('', cost, { lines: 2 }),
    ];
  if (decision.verdict === 'stand-down')
    return labelled('DO', `policy is ${decision.policy}: a person acts. holdfast plan failover (${what})`, {
      lines: 2,
    });
  const [rule] = stopping(decision);
  if (decision.verdict !== 'hold' || rule === undefined) return [];
  const wait = rule.passesInMs === undefined ? (rule.next ?? '') : `passes in ${elapsedText(rule.passesInMs)}`;
  return labelled('HOLD', `${rule.rule}: ${rule.reason}${wait === '' ? '' : ` → ${wait}`}`, { lines: 2 });
}

/** What stands still, until whom, and how a person would end it. */
function haltLines(record: GroupRecord): readonly string[] {
  const exposure = exposureIn(record);
  if (exposure.length === 0) return [];
  const lost = [...new Set(exposure.flatMap((each) => each.lost))].join(', ') || 'a copy elsewhere';
  const halted = exposure.map(({ component }) => component).join(', ');
  return labelled('HOLD', `${halted} halted until one of ${lost} has caught up → or holdfast resume --dry-run`, {
    lines: 2,
  });
}

function runLines(run: RunState, now: number): readonly string[] {
  const step = currentStep(run);
  const at = step === null ? run.steps.length : run.steps.indexOf(step) + 1;
  const elapsed = elapsedText(now - run.openedAt);
  const what = step === null ? 'every step is done' : `step ${at} of ${run.steps.length} ${step.step.kind}`;
  const last = run.steps.findIndex((each) => each.step.pointOfNoReturn);
  const back = step?.step.pointOfNoReturn
    ? 'only forward from here'
    : `undo until step ${last < 0 ? run.steps.length : last}`;
  return labelled('RUN', `${run.run} ▶ ${what} · ${elapsed} · ${back} · holdfast runs ${run.run}`, { lines: 2 });
}

function stateText(knowledge: Knowledge, group: GroupView): string {
  const { record } = group;
  if (record === null) return 'never activated · epoch –';
  const accepted = record.tradingEnabled && haltedIn(record).length === 0;
  const trading = accepted ? 'new risk accepted' : 'NO NEW RISK ACCEPTED';
  const traffic = record.traffic === record.activeSite ? [] : [`clients led to ${record.traffic ?? 'no site'}`];
  const parts = [
    `active ${record.activeSite ?? 'no site'}`,
    `epoch ${record.epoch}`,
    trading,
    ...traffic,
    durabilityText(knowledge, group),
    ...delegateTexts(group),
    ...writerTexts(group),
  ];
  return parts.join(' · ');
}

/** Who is primary of what others decide, as it was adopted last. */
const delegateTexts = (group: GroupView): readonly string[] =>
  Object.values(group.record?.delegates ?? {}).map(
    ({ component, holder }) => `${component} by its delegate ${holder === null ? 'moving' : `on ${holder}`}`,
  );

/** A Redis that lets writers in elsewhere than beside them, or nowhere yet. */
const writerTexts = (group: GroupView): readonly string[] =>
  Object.values(group.record?.writers ?? {}).map(({ component, instance, former, epoch, loss }) =>
    instance === null
      ? `${component} CLOSED: waits for proof that ${former} lets nobody in`
      : `${component} on ${instance} ${instance === former ? 'with another history' : `for ${former}`}, epoch ${epoch}, lost: ${loss === undefined ? 'not counted yet' : streamLossText(loss)}`,
  );

function streamLossText(loss: StreamLoss): string {
  switch (loss.kind) {
    case 'none':
      return 'nothing';
    case 'lost':
      return `${loss.exact ? '' : 'at least '}${loss.bytes} bytes of its stream`;
    case 'bounded':
      return `at most its last ${loss.lastMs} ms`;
    case 'unknown':
      return 'not known';
  }
}

function durabilityText(knowledge: Knowledge, group: GroupView): string {
  const grants = Object.values(group.record?.grants ?? {});
  const loose = grants.filter((grant) => grant.mode.kind !== 'strict');
  if (loose.length === 0) return 'STRICT';
  return loose
    .map((grant) => {
      const since = knowledge.exposedSince[group.group]?.[grant.component] ?? null;
      const elapsed = since === null ? 'since unknown' : elapsedText(knowledge.status.at - since);
      if (grant.mode.kind === 'halted') return `${grant.component} HALTED ${elapsed}`;
      return `${grant.component} DEGRADED ${elapsed}, ${exposureText(group, grant)}`;
    })
    .join(', ');
}

/** How much of the log nobody but the holder has; what was not counted is said, not shown as zero. */
function exposureText(group: GroupView, grant: Grant): string {
  const holder = group.instances.find((each) => each.instance === grant.holder);
  const end = holder?.fresh ? holder.observation?.position : null;
  const known = (holder?.observation?.replicas ?? []).filter((replica) => replica.acknowledgedSequence > 0);
  if (end == null || known.length === 0) return 'exposure not counted';
  const best = known.reduce((kept, each) => (each.acknowledgedSequence > kept.acknowledgedSequence ? each : kept));
  return `at risk: log ${(end.sequence - best.acknowledgedSequence).toLocaleString('en')} ahead of ${best.instance}`;
}

/** Only where something is missed: the first, and how many more there are. */
function shortLines(label: string, [first, ...more]: readonly string[]): readonly string[] {
  if (first === undefined) return [];
  const rest =
    more.length === 0
      ? ''
      : ` · and ${label === 'SCHED' ? `on ${more.length} more hosts` : `${more.length} more`}: holdfast health`;
  return labelled(label, `${first}${rest}`, { lines: 2 });
}

function quorumText(knowledge: Knowledge, group: GroupView): string {
  const { authority, controller, leader } = knowledge.status;
  const { all, speaking } = observersOf(group);
  const silent = all.filter((site) => !speaking.includes(site));
  const heard =
    authority.heardMsAgo === null
      ? 'authority never heard'
      : `authority heard ${elapsedText(authority.heardMsAgo)} ago${authority.heardMsAgo > staleFromMs ? ', stale' : ''}`;
  const views = `controllers ${speaking.length}/${authority.voters}${silent.length > 0 ? ` (silent: ${silent.join(', ')})` : ''}`;
  const who = controller.leading
    ? `${controller.id} answers and leads, term ${controller.term}`
    : `${controller.id} answers, does not lead; last leader ${leader?.controller ?? 'unknown'}`;
  const age = knowledge.receivedMsAgo > liveUpToMs ? ` · answer ${ageText(knowledge.receivedMsAgo)} old` : '';
  const no = standstill(knowledge);
  return `${no === null ? '' : 'NO: '}${heard} · ${views} · ${who}${age}`;
}

function automationText({ status }: Knowledge, group: GroupView): string {
  const { frozen, maintenance, fenced, attestations } = group.brakes;
  const until = (at: number | null) =>
    at === null ? 'until lifted' : `until ${clockText(at)} (${elapsedText(at - status.at)} left)`;
  const parts = [`instance ${group.policy.instance}`, `site ${group.policy.site}`];
  if (frozen) parts.unshift(`FROZEN by ${frozen.by} ${until(frozen.until)}: ${frozen.reason || 'no reason given'}`);
  if (maintenance)
    parts.unshift(
      `MAINTENANCE by ${maintenance.by} ${until(maintenance.until)}: ${maintenance.reason || 'no reason given'}`,
    );
  if (fenced.length > 0) parts.push(`fenced by a person: ${fenced.join(', ')}`);
  for (const { instance, by, confirmed } of attestations)
    parts.unshift(
      confirmed === null
        ? `ATTESTED OFF by ${by}, WAITS for a second person: ${instance}`
        : `attested off by ${by} and ${confirmed.by}: ${instance}`,
    );
  return parts.join(' · ');
}

/** Who could take over if the active site were lost now, and which rules would hold that up. */
function outlookLines({ outlooks }: Knowledge, group: GroupView): readonly string[] {
  const outlook = outlooks[group.group];
  if (isOpen(group.run))
    return labelled('NEXT', 'a run is under way: who could take over is known when it has ended', { lines: 1 });
  if (outlook === undefined || outlook.kind === 'not-asked')
    return labelled('NEXT', `? unknown: ${outlook?.why ?? 'no dry run was asked for'}`, { lines: 1 });
  if (outlook.kind === 'no-leader')
    return labelled('NEXT', '? unknown: no controller leads, so no dry run', { lines: 1 });
  if (outlook.kind === 'refused') return labelled('NEXT', `no plan: ${outlook.found}`, { lines: 2 });
  const { receipt } = outlook;
  const takers = receipt.moves.map(({ to }) => takerText(group, to));
  const missing = receipt.missing.map(
    ({ component, rejected }) =>
      `${component}: nobody (${rejected.map((each) => `${each.instance} ${each.reason}`).join('; ') || `no instance at ${receipt.toSite}`})`,
  );
  const next =
    missing.length > 0
      ? `✕ ${receipt.toSite} cannot take over: ${missing.join(' · ')}`
      : `✓ ${receipt.toSite} can take over: ${takers.join(', ')}`;
  const stops = stopping(receipt).filter((rule) => rule.rule !== 'R-VERDICT' || rule.outcome !== 'block');
  const quiet =
    stopping(receipt).length > stops.length ? 'only that nothing has failed (R-VERDICT)' : 'nothing: every rule passes';
  const more =
    stops.length > 1
      ? ` · and ${stops
          .slice(1)
          .map((rule) => rule.rule)
          .join(', ')}`
      : '';
  const first = stops[0];
  return [
    ...labelled('NEXT', next, { lines: 2 }),
    ...labelled(
      'STOPS',
      first === undefined ? quiet : `${first.rule} ${first.outcome === 'block' ? '✕' : '?'} ${first.reason}${more}`,
      { lines: 2 },
    ),
  ];
}

function takerText(group: GroupView, id: string): string {
  const known = group.instances.find((each) => each.instance === id);
  const grant = Object.values(group.record?.grants ?? {}).find((each) => each.component === known?.component);
  const promotable =
    grant?.promotable.some((each) => each === id) ||
    grant?.holder === id ||
    grant?.revoked?.promotable.some((each) => each === id);
  const weak = [
    ...(known?.fresh ? [] : ['not fresh']),
    ...(promotable || grant === undefined || !isStateful(grant) ? [] : ['not promotable']),
  ];
  return weak.length === 0 ? id : `${id} (${weak.join(', ')})`;
}

/** Only what keeps something is ever waited for, promised to be promotable, or degraded. */
const isStateful = ({ ackSet, promotable, mode }: Grant): boolean =>
  ackSet.length > 0 || promotable.length > 0 || mode.kind !== 'strict';

const star = (options: ScreenOptions, row: string, column: string) =>
  options.changed?.has(`${row} ${column}`) ? '*' : '';

function siteTable(knowledge: Knowledge, group: GroupView, options: ScreenOptions): readonly string[] {
  const rows = group.sites.map((site) => siteRow(knowledge, group, site, options));
  return table(
    [
      { title: '  SITE', gives: 1 },
      { title: 'STATE' },
      { title: 'ROLE' },
      { title: 'HOLDS', align: 'right' },
      { title: 'INSTANCES', align: 'right' },
      { title: 'HEARD BY', align: 'right' },
      { title: 'AGE', align: 'right' },
    ],
    rows,
    options.columns,
  );
}

function siteRow(knowledge: Knowledge, group: GroupView, site: SiteView, options: ScreenOptions): readonly string[] {
  const here = group.instances.filter((each) => each.site === site.site);
  const grants = Object.values(group.record?.grants ?? {});
  const held = grants.filter((grant) => here.some((each) => each.instance === grant.holder)).length;
  const opinions = opinionsOn(group, site.site);
  const alive = opinions.filter(({ opinion }) => opinion === 'alive').length;
  const split = alive > 0 && opinions.some(({ opinion }) => opinion === 'silent');
  const well = here.filter((each) => each.state === 'healthy').length;
  const role = group.record?.activeSite === site.site ? 'ACTIVE' : roleOf(site);
  const silentMs = siteSilentMs(group, site.site);
  const unseen = here.every((each) => !each.fresh);
  return [
    `${stateGlyph[site.state] ?? '?'} ${site.site}`,
    `${site.state}${star(options, site.site, 'state')}`,
    `${role}${star(options, site.site, 'role')}`,
    here.length === 0 || grants.length === 0 ? '–' : `${held}/${grants.length}`,
    here.length === 0 ? '–' : unseen ? `? of ${here.length}` : `${well}/${here.length}`,
    `${split ? '≠ ' : ''}${alive}/${opinions.length}`,
    silentMs === null ? '? never' : ageText(silentMs + knowledge.receivedMsAgo),
  ];
}

const roleOf = ({ capabilities }: SiteView): string =>
  (['standby', 'serve', 'witness', 'archive'] as const).find((each) => capabilities.includes(each)) ?? 'none';

function componentTable(knowledge: Knowledge, group: GroupView, options: ScreenOptions): readonly string[] {
  const grants = Object.values(group.record?.grants ?? {});
  if (grants.length === 0) return [];
  const rows = grants.map((grant) => {
    const holder = group.instances.find((each) => each.instance === grant.holder);
    const lease = group.leases.find((each) => each.component === grant.component);
    const fresh = grant.promotable.filter((id) =>
      group.instances.some((each) => each.instance === id && each.fresh && each.state !== 'failed'),
    );
    const stateful = isStateful(grant);
    return [
      `${stateGlyph[holder?.state ?? 'unknown'] ?? '?'} ${grant.component}`,
      `${grant.holder ?? 'nobody'}${star(options, grant.component, 'holder')}`,
      holder === undefined ? 'not served' : holderText(holder),
      stateful ? `${fresh.length}/${grant.promotable.length}` : '–',
      lease === undefined || lease.holder !== grant.holder
        ? 'none'
        : ageText(lease.seenMsAgo + knowledge.receivedMsAgo),
    ];
  });
  return table(
    [
      { title: '  COMPONENT', gives: 1 },
      { title: 'HOLDER', gives: 1 },
      { title: 'SEEN AS', gives: 2 },
      { title: 'COPIES', align: 'right' },
      { title: 'LEASE', align: 'right' },
    ],
    rows,
    options.columns,
  );
}

/** Never the last value as if it were the present one. */
export function holderText(instance: InstanceView): string {
  const { fresh, observation, ageMs } = instance;
  if (!fresh || observation === null)
    return `? unknown, ${lastSeenText(observation)}${ageMs === null ? '' : ` ${elapsedText(ageMs)} ago`}`;
  if (observation.process === 'running' && observation.role === 'unknown') return '? role unknown';
  const doing = observation.process === 'running' ? observation.role : observation.process;
  return `${doing}${observation.releasing ? ', releasing' : ''}${observation.health === 'ok' ? '' : `, health ${observation.health}`}`;
}

function diagnosisLines(status: StatusView, group: GroupView, most: number): readonly string[] {
  if (!status.controller.leading) return ['WHY     ? unknown: only a leader diagnoses, and none answered'];
  const found = knownDiagnoses(status, group);
  if (found.length === 0) return [];
  const shown = found.length > most ? found.slice(0, Math.max(0, most - 1)) : found;
  const lines = shown.map(({ kind, summary }, index) =>
    cut(`${index === 0 ? 'WHY' : '   '}     ${kind}: ${summary}`, screenColumns),
  );
  return shown.length < found.length
    ? [...lines, `${lines.length === 0 ? 'WHY' : '   '}     … ${found.length - shown.length} more: holdfast health`]
    : lines;
}
