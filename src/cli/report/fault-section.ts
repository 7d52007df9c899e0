import type { Measurement } from '../../core/objective/measure.ts';
import {
  type FaultReport,
  faultVerdict,
  type ReportRule,
  type TimelineEvent,
} from '../../core/objective/recovery-report.ts';
import {
  bound,
  count,
  counted,
  countOr,
  duration,
  durationOr,
  notMeasured,
  shortDigest,
  utc,
  utcTime,
} from './format.ts';
import { type Html, type HtmlPart, html, nothing } from './html.ts';
import { faultAnchor } from './report-sentences.ts';
import { statusMark, statusMarks, verdictWords } from './status-mark.ts';
import { waterfall } from './waterfall.ts';

const maximumRows = 200;

export function faultSection(fault: FaultReport): Html {
  const verdict = faultVerdict(fault);
  return html`<article class="fault" id="${faultAnchor(fault)}">
<header><h3>${fault.title} <code class="muted">${fault.name}</code></h3>${statusMark(verdict, verdictWords[verdict])}</header>
<p>${fault.what}</p>
${waterfall(fault)}
${figures(fault)}
${measurements(fault)}
${proofs(fault)}
${losses(fault)}
${events(fault)}
${decision(fault)}
${residue(fault)}
</article>`;
}

export const fact = (term: string, value: HtmlPart, wide = nothing): Html =>
  html`<div${wide}><dt>${term}</dt><dd>${value}</dd></div>`;

function figures(fault: FaultReport): Html {
  const resolution =
    fault.outageResolutionMs === null
      ? nothing
      : html`<span class="sub">± ${duration(fault.outageResolutionMs)}</span>`;
  return html`<dl class="facts">
${fact('Outage, client’s clock', fault.outageMs === null ? notMeasured : html`${duration(fault.outageMs)}${resolution}`)}
${fact('Recovery time', fault.rtoMs === null ? notMeasured : html`${duration(fault.rtoMs)}<span class="sub">objective ${duration(fault.objective.rtoMs)}</span>`)}
${fact('Lease bound', durationOr(fault.leaseBoundMs))}
${fact('Epoch', change(fault.epochFrom, fault.epochTo))}
${fact('Active site', change(fault.activeFrom, fault.activeTo))}
${fact('Orders acknowledged', countOr(fault.ordersAcked))}
${fact('Orders missing', ofTotal(fault.ordersLost, fault.ordersAcked))}
${fact('Orders without an answer', countOr(fault.ordersUnknown))}
${fact('Commits missing', ofTotal(fault.commitsLost, fault.commitsAcked))}
${fact('Writes of an older epoch accepted', countOr(fault.staleWritesAccepted))}
${fact('Decided by', fault.decidedBy ?? html`<span class="absent">not recorded</span>`)}
${fact('Plan digest', fault.planDigest === null ? html`<span class="absent">no plan</span>` : html`<code>${shortDigest(fault.planDigest)}</code>`)}
</dl>`;
}

function change(from: string | number | null, to: string | number | null): HtmlPart {
  if (from === null && to === null) return notMeasured;
  if (from === to) return html`${from ?? ''} <span class="muted">unchanged</span>`;
  return `${from ?? 'unknown'} → ${to ?? 'unknown'}`;
}

const ofTotal = (lost: number | null, acked: number | null): HtmlPart => {
  if (lost === null) return notMeasured;
  return acked === null
    ? html`${count(lost)} <span class="muted">of an uncounted total</span>`
    : `${count(lost)} of ${count(acked)}`;
};

function measurements(fault: FaultReport): Html {
  const others = fault.measurements.filter(
    (each) => !['rto', 'detect', 'decide', 'execute', 'validate'].includes(each.name),
  );
  const shown = [...fault.measurements.filter((each) => each.name === 'rto'), ...others];
  if (shown.length === 0) return html`<p class="muted">No objective was measured for this fault.</p>`;
  return html`<h4>Against objectives</h4><ul class="plain">
${shown.map((each) => html`<li>${statusMark(each.verdict)} <strong>${measurementTitle(each.name)}</strong> ${measurementWords(each)}</li>`)}</ul>`;
}

/** Times in the units of the page; counts and gaps in the measurement's own words. */
function measurementWords({ unit, value, uncertainty, limit, reason }: Measurement): string {
  if (unit !== 'ms' || value === null || limit === null || uncertainty === null) return reason;
  const range = uncertainty === 0 ? duration(value) : `${duration(value)} ± ${duration(uncertainty)}`;
  return `${range}, objective ${duration(limit)}`;
}

function measurementTitle(name: string): string {
  if (name === 'rto') return 'Recovery time';
  return name.startsWith('rpo.') ? `Loss of ${name.slice(4)}` : name;
}

function proofs(fault: FaultReport): Html {
  if (fault.proofs.length === 0)
    return html`<h4>Why the old writer could not write</h4><p>${
      fault.fencingProof === null
        ? html`<span class="absent">No fencing proof was recorded.</span>`
        : html`${fault.fencingProof}; its text was not recorded.`
    }</p>`;
  return html`<h4>Why the old writer could not write</h4><ul class="lines">${fault.proofs.map(
    (proof) =>
      html`<li><code>${proof.method}</code> of <code>${proof.scope}</code>, epoch ${proof.epoch}: ${proof.evidence} <span class="muted">(${sticky(proof.sticky)})</span></li>`,
  )}</ul>`;
}

function sticky({ heal, reboot }: { readonly heal: boolean; readonly reboot: boolean }): string {
  if (heal && reboot) return 'still holds after a heal and a reboot';
  if (heal) return 'still holds after a heal, not after a reboot';
  return reboot ? 'still holds after a reboot, not after a heal' : 'holds neither after a heal nor after a reboot';
}

function losses(fault: FaultReport): Html {
  const unknowns = fault.unknowns.length === 0 ? nothing : unknownTable(fault);
  if (fault.losses.length === 0) return unknowns;
  return html`<h4>Missing, duplicated or altered</h4><div class="scroll"><table><thead><tr><th>What</th><th>Id</th><th>How</th><th>Detail</th></tr></thead><tbody>
${fault.losses.slice(0, maximumRows).map((loss) => html`<tr><td>${loss.of}</td><td class="mono">${loss.id}</td><td>${statusMark('missed', loss.how.replaceAll('-', ' '))}</td><td>${loss.detail}</td></tr>`)}
</tbody></table></div>${hidden(fault.losses.length)}${unknowns}`;
}

function unknownTable(fault: FaultReport): Html {
  const shown = fault.unknowns.slice(0, 20);
  return html`<h4>Sent without an answer: ${count(fault.unknowns.length)}</h4><p class="small">${shown.map(
    (unknown, index) =>
      html`${index > 0 ? ', ' : ''}<code>${unknown.id}</code> ${unknown.resolvedAs ?? 'still unknown'}`,
  )}${fault.unknowns.length > shown.length ? `, and ${counted(fault.unknowns.length - shown.length, 'more', 'more')} in the JSON` : ''}</p>`;
}

const hidden = (total: number): Html =>
  total > maximumRows
    ? html`<p class="small muted">${count(total - maximumRows)} more rows are in the JSON.</p>`
    : nothing;

function events(fault: FaultReport): Html {
  if (fault.events.length === 0) return html`<p class="muted">No timeline was recorded.</p>`;
  const start = fault.marks.lastKnownGood?.atMs ?? null;
  const day = fault.events[0] === undefined ? '' : utc(fault.events[0].atMs).slice(0, 10);
  return html`<h4>Timeline</h4><div class="scroll"><table><caption>UTC, ${day}. Elapsed counts from the last known good observation.</caption>
<thead><tr><th>UTC</th><th class="num">Elapsed</th><th>Observer</th><th>Kind</th><th>What</th><th>Evidence</th></tr></thead><tbody>
${fault.events.slice(0, maximumRows).map((event) => eventRow(event, start))}</tbody></table></div>${hidden(fault.events.length)}`;
}

function eventRow(event: TimelineEvent, startMs: number | null): Html {
  return html`<tr><td class="mono nowrap">${utcTime(event.atMs)} <span class="muted">${bound(event.clockErrorMs)}</span></td>
<td class="num">${startMs === null ? html`<span class="absent">unknown</span>` : elapsed(event.atMs - startMs)}</td>
<td>${event.observer}</td><td class="nowrap">${event.kind}</td><td>${event.sentence}</td><td class="mono nowrap">${reference(event.evidence)}</td></tr>`;
}

const elapsed = (ms: number): string => (ms < 0 ? duration(ms) : `+${duration(ms)}`);

export const reference = (evidence: { readonly chain: string; readonly sequence: number } | null): HtmlPart =>
  evidence === null ? html`<span class="muted">client’s ledger</span>` : `${evidence.chain} #${evidence.sequence}`;

function decision(fault: FaultReport): Html {
  if (fault.rules.length === 0 && fault.alternatives.length === 0) return nothing;
  const tally = (['pass', 'block', 'cannot-evaluate'] as const)
    .map((outcome) => `${fault.rules.filter((rule) => rule.outcome === outcome).length} ${statusMarks[outcome].word}`)
    .join(', ');
  return html`<h4>Decision receipt: ${tally}</h4>${ruleTable(fault.rules)}${
    fault.alternatives.length === 0
      ? nothing
      : html`<h4>Considered and rejected</h4><ul class="lines">${fault.alternatives.map((each) => html`<li>${each.what} <span class="muted">rejected by ${each.rejectedBy}</span></li>`)}</ul>`
  }`;
}

function ruleTable(rules: readonly ReportRule[]): Html {
  return html`<div class="scroll"><table><thead><tr><th>Rule</th><th>Result</th><th>What was found</th></tr></thead><tbody>${rules.map(
    (rule) =>
      html`<tr><td class="mono nowrap">${rule.rule}</td><td>${statusMark(rule.outcome)}</td><td>${rule.reason}</td></tr>`,
  )}</tbody></table></div>`;
}

function residue(fault: FaultReport): Html {
  if (fault.residue.length === 0) return html`<p class="small muted">Nothing was reported as left behind.</p>`;
  return html`<h4>Left behind</h4><ul class="plain">${fault.residue.map((text) => html`<li>${statusMark('hold', '')}${text}</li>`)}</ul>`;
}
