import type { Measurement } from '../../core/objective/measure.ts';
import type { FaultReport } from '../../core/objective/recovery-report.ts';
import { recoveryTimeline, type Stage, type StageName } from '../../core/objective/recovery-timeline.ts';
import { duration } from './format.ts';
import { type Html, html, nothing } from './html.ts';
import { statusMarks } from './status-mark.ts';
import { at, type TimeScale, timeScale } from './time-scale.ts';

const width = 1040;
const left = 112;
const right = 716;
const rowHeight = 34;
const barHeight = 18;

const stageTitles: Readonly<Record<StageName, string>> = {
  detect: 'Detect',
  decide: 'Decide',
  execute: 'Execute',
  validate: 'Validate',
};

interface Row {
  readonly title: string;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly elapsedMs: number | null;
  readonly measurement: Measurement | null;
  readonly whole: boolean;
}

/**
 * The recovery as a waterfall: a bar per stage and one for the whole, each with its objective as a tick. What lies behind
 * the objective is filled differently; a stage that was not measured is a dotted gap with those words.
 */
export function waterfall(fault: FaultReport): Html {
  const { marks } = fault;
  const known = Object.values(marks).flatMap((mark) => (mark === null ? [] : [Math.round(mark.atMs)]));
  if (known.length < 2)
    return html`<p class="muted">No waterfall: fewer than two moments of this recovery were measured.</p>`;
  const timeline = recoveryTimeline(marks);
  known.sort((one, other) => one - other);
  const fromMs = Math.min(...known);
  const rows = [...timeline.stages.map((stage) => stageRow(stage, fault)), wholeRow(timeline.rtoMs, fault, known)];
  const scale = timeScale({ fromMs, toMs: Math.max(...known), left, right });
  const top = 30;
  const bottom = top + rows.length * rowHeight;
  const label = `Recovery waterfall of ${fault.title}: ${rows.map((row) => `${row.title} ${outcome(row)}`).join('; ')}`;
  return html`<figure class="scroll"><svg viewBox="0 0 ${width} ${bottom + 44}" role="img" aria-label="${label}">
${scale.ticks.map((tick) => html`<line class="axis" x1="${at(tick.x)}" x2="${at(tick.x)}" y1="${top - 6}" y2="${bottom}"/>`)}
${rows.map((row, index) => drawRow(row, { scale, y: top + index * rowHeight, known }))}
${eventDots(fault, scale, top - 14)}
${scale.ticks.map((tick) => html`<text class="m" x="${at(tick.x)}" y="${bottom + 16}" text-anchor="middle">${tick.elapsedMs === 0 ? '0' : duration(tick.elapsedMs)}</text>`)}
<text class="m" x="${left}" y="${bottom + 36}">since the last known good end-to-end observation</text>
</svg><figcaption>Dots above: entries of the timeline below. Thick tick: objective; an arrow points to one beyond the scale.</figcaption></figure>`;
}

function stageRow(stage: Stage, fault: FaultReport): Row {
  return {
    title: stageTitles[stage.name],
    fromMs: stage.fromMs,
    toMs: stage.toMs,
    elapsedMs: stage.elapsedMs,
    measurement: fault.measurements.find((each) => each.name === stage.name) ?? null,
    whole: false,
  };
}

function wholeRow(rtoMs: number | null, fault: FaultReport, known: readonly number[]): Row {
  const validated = fault.marks.validated;
  return {
    title: 'Recovery',
    fromMs: Math.min(...known),
    toMs: validated === null ? null : Math.round(validated.atMs),
    elapsedMs: rtoMs,
    measurement: fault.measurements.find((each) => each.name === 'rto') ?? null,
    whole: true,
  };
}

const outcome = (row: Row): string =>
  row.elapsedMs === null
    ? 'not measured'
    : `${duration(row.elapsedMs)}${row.measurement ? `, ${row.measurement.verdict}` : ''}`;

function drawRow(
  row: Row,
  on: { readonly scale: TimeScale; readonly y: number; readonly known: readonly number[] },
): Html {
  const { scale, y } = on;
  const middle = y + rowHeight / 2;
  const title = html`<text class="${row.whole ? 'b' : ''}" x="${left - 12}" y="${middle + 4}" text-anchor="end">${row.title}</text>`;
  return html`${title}${row.elapsedMs === null ? drawGap(row, on, middle) : drawBar(row, scale, middle)}${drawVerdict(row, middle)}`;
}

/** From the last moment known before the stage to the first known after it. */
function drawGap(row: Row, on: { readonly scale: TimeScale; readonly known: readonly number[] }, middle: number): Html {
  const { scale, known } = on;
  const start = scale.x(row.fromMs ?? known.findLast((atMs) => row.toMs === null || atMs < row.toMs) ?? scale.fromMs);
  const end = scale.x(row.toMs ?? known.find((atMs) => row.fromMs === null || atMs > row.fromMs) ?? scale.toMs);
  return html`<line class="gap" x1="${at(Math.min(start, end))}" x2="${at(Math.max(start, end, start + 12))}" y1="${middle}" y2="${middle}"/>`;
}

function drawBar(row: Row, scale: TimeScale, middle: number): Html {
  const fromMs = row.fromMs ?? scale.fromMs;
  const toMs = row.toMs ?? scale.toMs;
  const limitMs = row.measurement?.unit === 'ms' ? row.measurement.limit : null;
  const start = scale.x(fromMs);
  const end = Math.max(scale.x(toMs), start + 2);
  const y = middle - barHeight / 2;
  const bar = html`<rect class="${row.whole ? 'whole' : 'bar'}" x="${at(start)}" y="${y}" width="${at(end - start)}" height="${barHeight}" rx="2"/>`;
  if (limitMs === null) return bar;
  const tick = scale.x(fromMs + limitMs);
  const over =
    row.measurement?.verdict === 'missed' && tick < end
      ? html`<rect class="over" x="${at(tick)}" y="${y}" width="${at(end - tick)}" height="${barHeight}" rx="2"/>`
      : nothing;
  const beyond = fromMs + limitMs > scale.toMs;
  const mark = beyond
    ? html`<path class="tick" fill="none" d="M${right + 4} ${middle - 5}l6 5l-6 5"/>`
    : html`<line class="tick" x1="${at(tick)}" x2="${at(tick)}" y1="${y - 4}" y2="${y + barHeight + 4}"/>`;
  return html`${bar}${over}${mark}`;
}

function drawVerdict(row: Row, middle: number): Html {
  const x = right + 24;
  if (row.elapsedMs === null)
    return html`<text x="${x}" y="${middle + 4}"><tspan class="unknown b">?</tspan> not measured</text>`;
  const value = html`<text class="n${row.whole ? ' b' : ''}" x="${x + 72}" y="${middle + 4}" text-anchor="end">${duration(row.elapsedMs)}</text>`;
  if (row.measurement === null)
    return html`${value}<text class="m" x="${x + 88}" y="${middle + 4}">no objective of its own</text>`;
  const { verdict, limit } = row.measurement;
  const { glyph, tone } = statusMarks[verdict];
  const against = limit === null ? nothing : html`<tspan class="m"> ≤ ${duration(limit)}</tspan>`;
  return html`${value}<text x="${x + 88}" y="${middle + 4}"><tspan class="${tone} b">${glyph}</tspan> ${verdict}${against}</text>`;
}

function eventDots(fault: FaultReport, scale: TimeScale, y: number): readonly Html[] {
  return fault.events
    .filter((event) => event.atMs >= scale.fromMs && event.atMs <= scale.toMs)
    .map((event) => html`<circle class="dot" cx="${at(scale.x(event.atMs))}" cy="${y}" r="3"/>`);
}
