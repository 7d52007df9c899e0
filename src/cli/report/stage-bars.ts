import type { FaultReport } from '../../core/objective/recovery-report.ts';
import { duration } from './format.ts';
import { type Html, html, nothing } from './html.ts';
import { at, timeScale } from './time-scale.ts';

const width = 1040;
const left = 184;
const right = 900;
const rowHeight = 30;

/** All faults on one scale, so that the slow one and its slow stage are seen at once. */
export function stageBars(faults: readonly FaultReport[]): Html {
  const longestMs = Math.max(0, ...faults.map((fault) => fault.rtoMs ?? 0));
  if (longestMs === 0) return nothing;
  const scale = timeScale({ fromMs: 0, toMs: longestMs, left, right });
  const bottom = 34 + faults.length * rowHeight;
  const label = `Time to recover by stage: ${faults.map((fault) => `${fault.title} ${fault.rtoMs === null ? 'not measured' : duration(fault.rtoMs)}`).join('; ')}`;
  return html`<figure class="scroll"><svg viewBox="0 0 ${width} ${bottom + 26}" role="img" aria-label="${label}">
${legend()}
${scale.ticks.map((tick) => html`<line class="axis" x1="${at(tick.x)}" x2="${at(tick.x)}" y1="30" y2="${bottom}"/><text class="m" x="${at(tick.x)}" y="${bottom + 18}" text-anchor="middle">${tick.elapsedMs === 0 ? '0' : duration(tick.elapsedMs)}</text>`)}
${faults.map((fault, index) => row(fault, 34 + index * rowHeight, scale.x))}
</svg><figcaption>Where the time went, all faults on one scale, from the last known good observation.</figcaption></figure>`;
}

const stageLabels = ['detect', 'decide', 'execute', 'validate'] as const;

const legend = (): readonly Html[] =>
  stageLabels.map(
    (stage, index) =>
      html`<rect class="s${index + 1}" x="${left + index * 96}" y="6" width="12" height="12"/><text class="m" x="${left + index * 96 + 18}" y="16">${stage}</text>`,
  );

function row(fault: FaultReport, y: number, x: (elapsedMs: number) => number): Html {
  const { stages } = fault;
  const values = [stages.detectMs, stages.decideMs, stages.executeMs, stages.validateMs];
  const middle = y + rowHeight / 2;
  const title = html`<text x="${left - 12}" y="${middle + 4}" text-anchor="end">${fault.title}</text>`;
  if (fault.rtoMs === null)
    return html`${title}<line class="gap" x1="${left}" x2="${left + 80}" y1="${middle}" y2="${middle}"/><text x="${left + 92}" y="${middle + 4}"><tspan class="unknown b">?</tspan> not measured</text>`;
  const whole = html`<text class="n b" x="${at(x(fault.rtoMs) + 10)}" y="${middle + 4}">${duration(fault.rtoMs)}</text>`;
  if (values.some((value) => value === null))
    return html`${title}<rect class="s4" x="${left}" y="${middle - 8}" width="${at(x(fault.rtoMs) - left)}" height="16"/>${whole}<text class="m" x="${at(x(fault.rtoMs) + 76)}" y="${middle + 4}"><tspan class="unknown b">?</tspan> not every stage measured</text>`;
  let elapsedMs = 0;
  const segments = values.map((value, index) => {
    const start = x(elapsedMs);
    elapsedMs += value ?? 0;
    return html`<rect class="s${index + 1}" x="${at(start)}" y="${middle - 8}" width="${at(Math.max(0, x(elapsedMs) - start))}" height="16"/>`;
  });
  return html`${title}${segments}${whole}`;
}
