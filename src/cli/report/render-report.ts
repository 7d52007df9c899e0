import { type FaultReport, faultVerdict, type RecoveryReport } from '../../core/objective/recovery-report.ts';
import type { ReportWithExposures } from '../../wire/evidence-bundle/accepted-exposures.ts';
import { fact, faultSection } from './fault-section.ts';
import { bound, count, countOr, duration, durationOr, notMeasured, utc } from './format.ts';
import { Html, html, nothing } from './html.ts';
import {
  evidenceSection,
  exposureSection,
  notActedSection,
  notMeasuredSection,
  periodWords,
  resourcesSection,
  sitesSection,
} from './platform-sections.ts';
import { attentionItems, faultAnchor, headline } from './report-sentences.ts';
import { reportStyle } from './report-style.ts';
import { stageBars } from './stage-bars.ts';
import { statusMark } from './status-mark.ts';

/**
 * The report as one HTML file: no script, nothing loaded from anywhere, readable offline, in light and dark, and on paper.
 * Pure: the same report gives the same text.
 */
export function renderReport(report: ReportWithExposures): string {
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer"><title>${report.title}</title><style>${new Html(reportStyle)}</style></head>
<body id="top"><header>
<span class="badge ${report.occasion}">${occasionWords[report.occasion]}</span> <span class="muted">${report.title} · ${report.topology.name}</span>
<h1>${headline(report)}</h1>
${standing(report)}
</header><main>
${attention(report)}
<h2 id="faults">Faults and recoveries</h2>
${faultTable(report)}
${stageBars(report.faults)}
${sitesSection(report)}
<h2 id="each">Each recovery</h2>
${report.faults.length === 0 ? html`<p>No fault was recorded between the start and the end of this report.</p>` : report.faults.map(faultSection)}
${notActedSection(report)}
${exposureSection(report)}
${evidenceSection(report)}
${resourcesSection(report)}
${notMeasuredSection(report)}
</main><footer>Computed ${utc(report.generatedAtMs)} from the evidence named above; it adds no fact of its own. Times are UTC.</footer></body></html>
`;
  return page.text;
}

const occasionWords: Readonly<Record<RecoveryReport['occasion'], string>> = {
  real: 'REAL',
  drill: 'DRILL',
  lab: 'LAB',
};

function standing(report: RecoveryReport): Html {
  const { final, authority } = report;
  const voters = `${authority.kind}, ${authority.voters === 1 ? 'one voter' : `${authority.voters} voters`}`;
  const trading =
    final.tradingEnabled === null ? notMeasured : final.tradingEnabled ? 'accepting new risk' : 'new risk stopped';
  const wide = html` class="wide"`;
  return html`<dl class="facts">
${fact('Active site at the end', final.activeSite ?? html`<span class="absent">unknown</span>`)}
${fact('Epoch', countOr(final.epoch))}
${fact('Durability', final.durability === null ? notMeasured : statusMark(final.durability))}
${fact('Trading', trading)}
${fact('Authority', authority.voters < 3 ? html`${voters} <span class="muted">not for production</span>` : voters)}
${fact('Ground', report.ground)}
${fact('Period, UTC', html`<span class="mono">${periodWords(report)}</span> <span class="muted">clock ${bound(report.from.clockErrorMs)}</span>`, wide)}
</dl>`;
}

function attention(report: ReportWithExposures): Html {
  const items = attentionItems(report);
  if (items.length === 0)
    return html`<section class="attention none"><h2>Nothing needs attention</h2><p>Every objective was met, every count was taken, and the evidence stands. What this ground cannot show is listed under <a href="#not-measured">Not measured</a>.</p></section>`;
  const bad = items.some((item) => ['missed', 'broken', 'halted'].includes(item.status));
  const shown = items.slice(0, 40);
  return html`<section class="attention${bad ? ' bad' : ''}"><h2>Needs attention: ${count(items.length)}</h2><ul>
${shown.map((item) => html`<li>${statusMark(item.status, '')}<a href="#${item.anchor}">${item.text}</a></li>`)}
</ul>${items.length > shown.length ? html`<p class="small muted">${count(items.length - shown.length)} more are shown below.</p>` : nothing}</section>`;
}

function faultTable({ faults }: RecoveryReport): Html {
  if (faults.length === 0) return html`<p>No fault was recorded.</p>`;
  return html`<div class="scroll"><table><thead><tr><th>Fault</th><th>Verdict</th><th class="num">Outage, client’s clock</th><th class="num">Recovery time</th><th class="num">Orders missing</th><th class="num">Commits missing</th><th class="num">Old-epoch writes</th><th class="num">Epoch</th><th>Fencing proof</th></tr></thead><tbody>
${faults.map(faultRow)}</tbody></table></div>`;
}

function faultRow(fault: FaultReport): Html {
  const epochs =
    fault.epochFrom === null || fault.epochTo === null ? notMeasured : html`${fault.epochFrom} → ${fault.epochTo}`;
  const verdict = faultVerdict(fault);
  return html`<tr><th scope="row"><a href="#${faultAnchor(fault)}">${fault.title}</a></th><td>${statusMark(verdict)}</td>
<td class="num">${durationOr(fault.outageMs)}</td>
<td class="num">${durationOr(fault.rtoMs)}<span class="sub">objective ${duration(fault.objective.rtoMs)}</span></td>
<td class="num">${countOr(fault.ordersLost)}<span class="sub">of ${countOr(fault.ordersAcked)} acked</span><span class="sub">${countOr(fault.ordersUnknown)} without answer</span></td>
<td class="num">${countOr(fault.commitsLost)}<span class="sub">of ${countOr(fault.commitsAcked)} acked</span></td>
<td class="num">${countOr(fault.staleWritesAccepted)}<span class="sub">accepted</span></td>
<td class="num">${epochs}</td><td>${fault.fencingProof ?? html`<span class="absent">none recorded</span>`}</td></tr>`;
}
