import type { NotActed, RecoveryReport } from '../../core/objective/recovery-report.ts';
import type {
  AcceptedExposure,
  CoveredComponent,
  ReportWithExposures,
} from '../../wire/evidence-bundle/accepted-exposures.ts';
import { fact, reference } from './fault-section.ts';
import {
  bytes,
  count,
  counted,
  countOr,
  duration,
  durationOr,
  notMeasured,
  percent,
  shortDigest,
  utc,
  utcTime,
} from './format.ts';
import { type Html, html, joined, nothing } from './html.ts';
import { siteMap } from './site-map.ts';
import { statusMark } from './status-mark.ts';

export function sitesSection(report: RecoveryReport): Html {
  const { links } = report.topology;
  return html`<h2 id="sites">Sites and links</h2>${siteMap(report)}
<div class="scroll"><table><thead><tr><th>Link</th><th>Between</th><th class="num">Round trip</th><th class="num">Bandwidth</th><th>Path group</th><th class="num">Priority</th></tr></thead><tbody>
${links.map((link) => html`<tr><td class="mono">${link.id}</td><td>${link.between[0]} – ${link.between[1]}</td><td class="num">${duration(link.rttMs)}</td><td class="num">${bandwidth(link.bandwidthMbps)}</td><td>${link.pathGroup}</td><td class="num">${link.priority}</td></tr>`)}
</tbody></table></div>`;
}

const bandwidth = (mbps: number): string => (mbps >= 1_000 ? `${mbps / 1_000} Gb/s` : `${mbps} Mb/s`);

export function notActedSection(report: RecoveryReport): Html {
  const { notActed } = report;
  if (notActed.length === 0)
    return html`<h2 id="not-acted">Held and refused</h2><p>No decision to hold, stand down or refuse is in this report’s evidence.</p>`;
  return html`<h2 id="not-acted">Held and refused</h2><p>A decision not to act is a decision: ${counted(notActed.length, 'is', 'are')} recorded, each with the rules that did not pass.</p>
<div class="scroll"><table><thead><tr><th>UTC</th><th>Outcome</th><th>What was considered</th><th>Why not</th><th>Evidence</th></tr></thead><tbody>
${notActed.slice(0, 200).map(notActedRow)}</tbody></table></div>${notActed.length > 200 ? html`<p class="small muted">${count(notActed.length - 200)} more rows are in the JSON.</p>` : nothing}`;
}

function notActedRow(decision: NotActed): Html {
  return html`<tr><td class="mono nowrap">${utcTime(decision.atMs)}</td><td>${statusMark(decision.verdict)}</td>
<td>${decision.what}${decision.group === null ? nothing : html`<span class="sub">group ${decision.group}</span>`}</td>
<td>${decision.reason}${decision.rules.map((rule) => html`<span class="sub">${statusMark(rule.outcome)} <span class="mono">${rule.rule}</span> ${rule.reason}</span>`)}</td>
<td class="mono nowrap">${reference(decision.evidence)}</td></tr>`;
}

export function exposureSection(report: ReportWithExposures): Html {
  return html`<h2 id="exposure">Exposure</h2>${stretches(report)}${acceptedByPeople(report)}`;
}

function stretches({ exposure }: RecoveryReport): Html {
  if (exposure === null) return html`<p>${notMeasured}: durability changes were not collected.</p>`;
  if (exposure.intervals.length === 0)
    return html`<p>${statusMark('strict')} No component acknowledged a write without the copies that its policy asks for.</p>`;
  const atRisk =
    exposure.totalAtRisk === null
      ? html`a number of writes that was ${notMeasured}`
      : counted(exposure.totalAtRisk, 'write', 'writes');
  return html`<p>${counted(exposure.intervals.length, 'stretch', 'stretches')}, ${duration(exposure.totalMs)} in all, in which ${atRisk} existed in one copy only: one more fault would have lost them.</p>
<div class="scroll"><table><thead><tr><th>From, UTC</th><th>Component</th><th class="num">Epoch</th><th>Without</th><th class="num">Lasted</th><th class="num">Writes at risk</th><th>Ended by</th></tr></thead><tbody>
${exposure.intervals.map((each) => html`<tr><td class="mono nowrap">${utcTime(each.sinceMs)}</td><td>${each.component}</td><td class="num">${each.epoch}</td><td>${each.lost.length === 0 ? html`<span class="absent">not recorded</span>` : each.lost.join(', ')}</td><td class="num">${duration(each.elapsedMs)}</td><td class="num">${countOr(each.atRisk)}</td><td>${endWords[each.endedBy ?? 'open']}</td></tr>`)}
</tbody></table></div>`;
}

function acceptedByPeople({ acceptedExposures: accepted }: ReportWithExposures): Html {
  if (accepted === undefined) return html`<p>Whether a person ended a halt: ${notMeasured}.</p>`;
  if (accepted.length === 0) return html`<p>No person ended a halt by accepting what goes on without a copy.</p>`;
  return html`<h4>Accepted by people</h4><p>${counted(accepted.length, 'halt was', 'halts were')} ended by a named person before the missing copies were back. What was acknowledged after the place named, and before the end, had no copy there.</p>
<div class="scroll"><table><thead><tr><th>UTC</th><th>Who</th><th class="num">Epoch</th><th>What it covered</th><th>Log stood at</th><th>Until</th><th>Evidence</th></tr></thead><tbody>
${accepted.flatMap((each) => each.covered.map((covered) => acceptedRow(each, covered)))}</tbody></table></div>`;
}

function acceptedRow(each: AcceptedExposure, { component, holder, lost, position, ...end }: CoveredComponent): Html {
  const until =
    end.endedAtMs === null || end.endedBy === null
      ? statusMark('degraded', 'no end in this evidence')
      : html`<span class="mono nowrap">${utcTime(end.endedAtMs)}</span><span class="sub">${endWords[end.endedBy]}, after ${duration(end.endedAtMs - each.atMs)}</span>`;
  return html`<tr><td class="mono nowrap">${utcTime(each.atMs)}</td><td>${each.person}<span class="sub">${each.role}: ${each.reason}</span></td><td class="num">${countOr(each.epoch)}</td>
<td>${component}${holder === null ? nothing : html` at ${holder}`}<span class="sub">without ${lost.length === 0 ? html`<span class="absent">not recorded</span>` : lost.join(', ')}</span></td>
<td>${position === null ? notMeasured : html`<span class="mono">${count(position.sequence)}</span><span class="sub">of generation ${position.generation}</span>`}</td>
<td>${until}</td><td class="mono nowrap">${reference(each.evidence)}${each.intact ? nothing : html`<span class="sub">${statusMark('broken')}</span>`}</td></tr>`;
}

const endWords: Readonly<Record<'strict' | 'halted' | 'degraded-further' | 'open', Html>> = {
  strict: html`all copies back`,
  halted: html`new risk stopped`,
  'degraded-further': html`another member or epoch`,
  open: statusMark('degraded', 'still open'),
};

export function evidenceSection(report: RecoveryReport): Html {
  const { evidence } = report;
  const integrity = evidence.integrity === null ? notMeasured : statusMark(evidence.integrity);
  const completeness = evidence.completeness === null ? notMeasured : statusMark(evidence.completeness);
  const witnesses =
    evidence.countersignedBy.length === 0
      ? 'countersigned by no other site'
      : `countersigned by ${evidence.countersignedBy.join(', ')}`;
  const upTo =
    evidence.upToAnchor === null
      ? 'No anchor is held, so a cut tail could not be seen.'
      : html`Up to anchor ${evidence.upToAnchor}${evidence.anchorHash === null ? nothing : html` <code>${shortDigest(evidence.anchorHash)}</code>`}, ${witnesses}.`;
  return html`<h2 id="evidence">Evidence</h2><p>${evidence.sentence}</p><div class="pair">
<div class="card"><h4>Integrity</h4><p>${integrity}</p><p class="small muted">Is what is there what was written: every hash, link and signature of ${countOr(evidence.entries)} entries.</p></div>
<div class="card"><h4>Completeness</h4><p>${completeness}</p><p class="small muted">Is everything there. ${upTo}</p></div></div>
${list('What is wrong', evidence.problems, statusMark('broken', ''))}
${chainTable(report)}
${list('Not vouched for by an anchor (kept)', evidence.unanchored, nothing)}
${list('Notes', evidence.notes, nothing)}
${evidence.path === null ? nothing : html`<p>To verify it again: <code>holdfast evidence verify ${evidence.path}</code></p>`}`;
}

const list = (title: string, lines: readonly string[], mark: Html): Html =>
  lines.length === 0
    ? nothing
    : html`<h4>${title}</h4><ul class="${mark === nothing ? 'lines' : 'plain'}">${lines.map((line) => html`<li>${mark}${line}</li>`)}</ul>`;

function chainTable({ evidence }: RecoveryReport): Html {
  if (evidence.chains.length === 0) return nothing;
  return html`<div class="scroll"><table><thead><tr><th>Chain</th><th class="num">Entries</th><th>Integrity</th><th>Key fingerprint</th><th>Head</th></tr></thead><tbody>
${evidence.chains.map((chain) => html`<tr><td>${chain.chain}</td><td class="num">${count(chain.entries)}</td><td>${statusMark(chain.integrity)}</td><td class="mono">${chain.fingerprint}</td><td class="mono">${chain.headHash === null ? html`<span class="absent">empty</span>` : shortDigest(chain.headHash)}</td></tr>`)}
</tbody></table></div>`;
}

export function resourcesSection({ resources, software }: RecoveryReport): Html {
  return html`<h2 id="resources">What it cost to run</h2><dl class="facts">
${fact('Memory, highest sum', resources.memoryPeakBytes === null ? notMeasured : bytes(resources.memoryPeakBytes))}
${fact('Processor time', resources.cpuSeconds === null ? notMeasured : duration(resources.cpuSeconds * 1_000))}
${fact('Share of one core', resources.cpuShare === null ? notMeasured : percent(resources.cpuShare))}
${fact('Wall time', durationOr(resources.wallMs))}
${fact('Processes', countOr(resources.processes))}
</dl><p class="small muted">Written by ${
    Object.keys(software).length === 0
      ? 'software that did not state its version'
      : joined(
          Object.entries(software).map(([name, version]) => `${name} ${version}`),
          ', ',
        )
  }.</p>`;
}

export function notMeasuredSection(report: RecoveryReport): Html {
  const gaps = [...report.notMeasured, ...gapsOf(report)];
  if (gaps.length === 0)
    return html`<h2 id="not-measured">Not measured</h2><p>Everything that this report asks for was measured.</p>`;
  return html`<h2 id="not-measured">Not measured</h2><p>None of this may be read as zero, as a pass or as a promise.</p><ul class="plain">${gaps.map(
    (gap) => html`<li><span class="g unknown" aria-hidden="true">?</span> <strong>${gap.what}</strong> ${gap.why}</li>`,
  )}</ul>`;
}

/** Gaps that the figures themselves have, so that none depends on somebody listing it. */
function gapsOf(report: RecoveryReport): readonly { readonly what: string; readonly why: string }[] {
  const names: Readonly<Record<string, string>> = {
    outageMs: 'outage on the client’s clock',
    rtoMs: 'recovery time',
    leaseBoundMs: 'lease bound',
    ordersAcked: 'acknowledged orders',
    ordersUnknown: 'orders without an answer',
    ordersLost: 'loss of orders',
    commitsAcked: 'acknowledged commits',
    commitsLost: 'loss of commits',
    staleWritesAccepted: 'writes of an older epoch',
    detectMs: 'detection',
    decideMs: 'decision',
    executeMs: 'execution',
    validateMs: 'validation',
  };
  return report.faults.flatMap((fault) => {
    const missing = [...Object.entries(fault), ...Object.entries(fault.stages)].flatMap(([key, value]) =>
      value === null && names[key] !== undefined ? [names[key]] : [],
    );
    return missing.length === 0 ? [] : [{ what: `${fault.title}:`, why: missing.join(', ') }];
  });
}

export const periodWords = (report: RecoveryReport): string => `${utc(report.from.atMs)} – ${utcTime(report.untilMs)}`;
