import { type FaultReport, faultVerdict, type RecoveryReport } from '../../core/objective/recovery-report.ts';
import type { ReportWithExposures } from '../../wire/evidence-bundle/accepted-exposures.ts';
import { counted, duration, utc } from './format.ts';
import type { Status } from './status-mark.ts';

/** The whole report in one line: how many recoveries held, what is missing, and whether the proof stands. */
export function headline(report: RecoveryReport): string {
  const { faults } = report;
  const tally = (verdict: string) => faults.filter((fault) => faultVerdict(fault) === verdict).length;
  const others = [
    tally('missed') > 0 ? `${tally('missed')} missed` : '',
    tally('inconclusive') > 0 ? `${tally('inconclusive')} inconclusive` : '',
  ].filter(Boolean);
  const recovered =
    faults.length === 0
      ? 'No fault was recorded'
      : [`${tally('met')} of ${counted(faults.length, 'fault', 'faults')} recovered within objectives`, ...others].join(
          ', ',
        );
  return `${recovered}; ${lossSentence(faults)}; ${evidenceSentence(report)}.`;
}

function lossSentence(faults: readonly FaultReport[]): string {
  const orders = total(faults.map((fault) => fault.ordersLost));
  const commits = total(faults.map((fault) => fault.commitsLost));
  const listed = faults.reduce((sum, fault) => sum + fault.losses.length, 0);
  if (faults.length === 0) return 'no losses were counted';
  const uncounted = [orders === null ? 'orders' : '', commits === null ? 'commits' : ''].filter(Boolean);
  const known = [
    orders === null ? '' : counted(orders, 'acknowledged order', 'acknowledged orders'),
    commits === null ? '' : counted(commits, 'acknowledged commit', 'acknowledged commits'),
  ]
    .filter(Boolean)
    .join(' and ');
  const gap = uncounted.length > 0 ? `loss of ${uncounted.join(' and ')} not counted after every fault` : '';
  const other = listed > (orders ?? 0) + (commits ?? 0) ? `, ${counted(listed, 'item', 'items')} listed` : '';
  return [known ? `${known} missing${other}` : '', gap].filter(Boolean).join('; ');
}

const total = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0);

function evidenceSentence({ evidence }: RecoveryReport): string {
  const { integrity, completeness, upToAnchor } = evidence;
  if (integrity === null) return 'evidence not verified';
  if (integrity === 'broken') return 'evidence broken';
  if (completeness === 'complete') return `evidence intact, complete up to anchor ${upToAnchor ?? 'unknown'}`;
  if (completeness === 'incomplete') return 'evidence intact but incomplete';
  return 'evidence intact, completeness not proved';
}

export interface AttentionItem {
  readonly status: Status;
  readonly text: string;
  /** Where in the page it is shown. */
  readonly anchor: string;
}

/** What somebody has to look at, worst first. Nothing that the rest of the page shows as bad or unknown is left out. */
export function attentionItems(report: ReportWithExposures): readonly AttentionItem[] {
  const items: AttentionItem[] = [];
  const { evidence } = report;
  if (evidence.integrity !== 'intact')
    items.push({
      status: evidence.integrity === null ? 'unknown' : 'broken',
      text: `Evidence: ${evidence.sentence}`,
      anchor: 'evidence',
    });
  else if (evidence.completeness !== 'complete')
    items.push({
      status: evidence.completeness ?? 'unknown',
      text: `Evidence: ${evidence.sentence}`,
      anchor: 'evidence',
    });
  for (const fault of report.faults) items.push(...faultItems(fault));
  for (const interval of report.exposure?.intervals ?? [])
    if (interval.untilMs === null)
      items.push({
        status: 'degraded',
        text: `${interval.component} still acknowledges without ${interval.lost.join(', ')}, since ${duration(interval.elapsedMs)}`,
        anchor: 'exposure',
      });
  for (const { person, atMs, covered } of report.acceptedExposures ?? [])
    for (const { component, lost, endedAtMs } of covered)
      if (endedAtMs === null)
        items.push({
          status: 'degraded',
          text: `${component} went on without ${lost.join(', ')} at ${utc(atMs)}, accepted by ${person}; this evidence has no end of it`,
          anchor: 'exposure',
        });
  if (report.final.durability === 'halted')
    items.push({ status: 'halted', text: 'New risk is stopped: durability is HALTED', anchor: 'top' });
  const order: Readonly<Record<string, number>> = { missed: 0, broken: 0, halted: 0, incomplete: 1 };
  return items.toSorted((left, right) => (order[left.status] ?? 2) - (order[right.status] ?? 2));
}

function faultItems(fault: FaultReport): readonly AttentionItem[] {
  const items: AttentionItem[] = [];
  const anchor = faultAnchor(fault);
  const say = (status: Status, text: string) => items.push({ status, text: `${fault.title}: ${text}`, anchor });
  if (fault.losses.length > 0) {
    const named = fault.losses.slice(0, 5).map((loss) => loss.id);
    const more = fault.losses.length > named.length ? ` and ${fault.losses.length - named.length} more` : '';
    say(
      'missed',
      `${counted(fault.losses.length, 'write', 'writes')} missing, duplicated or altered: ${named.join(', ')}${more}`,
    );
  }
  if (fault.staleWritesAccepted !== null && fault.staleWritesAccepted > 0)
    say('missed', `${counted(fault.staleWritesAccepted, 'write', 'writes')} of an older epoch accepted`);
  for (const measurement of fault.measurements)
    if (measurement.verdict !== 'met')
      say(measurement.verdict, `${measurement.name} ${measurement.verdict}: ${measurement.reason}`);
  if (fault.rtoMs === null && !fault.measurements.some((each) => each.name === 'rto'))
    say('inconclusive', 'recovery time not measured');
  if (fault.ordersLost === null) say('inconclusive', 'loss of orders not counted');
  if (fault.commitsLost === null) say('inconclusive', 'loss of commits not counted');
  if (fault.staleWritesAccepted === null) say('inconclusive', 'writes of older epochs not counted');
  if (fault.outageMs === null) say('inconclusive', 'outage on the client’s clock not measured');
  for (const [stage, elapsedMs] of Object.entries(fault.stages)) {
    const name = stage.replace(/Ms$/, '');
    if (elapsedMs === null && !fault.measurements.some((each) => each.name === name))
      say('inconclusive', `stage ${name} not measured`);
  }
  const open = fault.unknowns.filter((unknown) => unknown.resolvedAs === null).length;
  if (open > 0) say('unknown', `${counted(open, 'order', 'orders')} without a known outcome`);
  for (const residue of fault.residue) say('hold', `left behind: ${residue}`);
  return items;
}

export const faultAnchor = (fault: FaultReport): string => `fault-${fault.name.replace(/[^A-Za-z0-9-]/g, '_')}`;
