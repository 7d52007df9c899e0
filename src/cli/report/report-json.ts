import { faultVerdict, reportFigures } from '../../core/objective/recovery-report.ts';
import type { ReportWithExposures } from '../../wire/evidence-bundle/accepted-exposures.ts';
import { headline } from './report-sentences.ts';

/**
 * The report for programs: the figures of the demo's JSON first, then everything that the HTML is drawn from. Rows that the
 * page leaves out for length are all here.
 */
export function renderReportJson(report: ReportWithExposures): string {
  const verdicts = Object.fromEntries(report.faults.map((fault) => [fault.name, faultVerdict(fault)]));
  return `${JSON.stringify({ headline: headline(report), ...reportFigures(report), verdicts, report }, null, 2)}\n`;
}
