import type { RecoveryReport, ReportTopology } from '../../core/objective/recovery-report.ts';
import { duration } from './format.ts';
import { type Html, html, nothing } from './html.ts';
import { statusMarks } from './status-mark.ts';
import { at } from './time-scale.ts';

const width = 1040;
const boxWidth = 232;
const boxHeight = 84;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Sites and the links between them as they stood at the end; any number of either. */
export function siteMap(report: RecoveryReport): Html {
  const { sites, links } = report.topology;
  if (sites.length === 0) return nothing;
  const height = sites.length <= 2 ? 200 : sites.length === 3 ? 340 : 460;
  const places = new Map(sites.map((site, index) => [site.id, place(index, sites.length, height)]));
  const label = `Site map: ${sites.map((site) => `${site.id} ${site.health}${site.id === report.final.activeSite ? ', active' : ''}`).join('; ')}`;
  return html`<figure class="scroll"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
${links.map((link) => drawLink(link, links, places))}
${links.map((link) => linkLabel(link, links, places))}
${sites.map((site) => drawSite(site, places, report))}
</svg><figcaption>As it stood at the end. Heavy border: the active site. Dashed line: a backup link. Round trips as configured.</figcaption></figure>`;
}

function place(index: number, count: number, height: number): Point {
  if (count === 1) return { x: width / 2, y: height / 2 };
  if (count === 2) return { x: index === 0 ? 160 : width - 160, y: height / 2 };
  if (count === 3)
    return [
      { x: 160, y: 70 },
      { x: width - 160, y: 70 },
      { x: width / 2, y: height - 60 },
    ][index] as Point;
  const angle = (index / count) * 2 * Math.PI - Math.PI * 0.75;
  return { x: width / 2 + 370 * Math.cos(angle), y: height / 2 + (height / 2 - 60) * Math.sin(angle) };
}

type Link = ReportTopology['links'][number];

/** Links of one pair run side by side. */
function ends(link: Link, links: readonly Link[], places: ReadonlyMap<string, Point>): readonly [Point, Point] | null {
  const [one, other] = link.between.toSorted();
  const from = places.get(one ?? '');
  const to = places.get(other ?? '');
  if (from === undefined || to === undefined) return null;
  const pair = links
    .filter((each) => each.between.includes(one ?? '') && each.between.includes(other ?? ''))
    .toSorted((left, right) => left.priority - right.priority);
  const offset = (pair.indexOf(link) - (pair.length - 1) / 2) * 26;
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const shift = { x: (-(to.y - from.y) / length) * offset, y: ((to.x - from.x) / length) * offset };
  return [
    { x: from.x + shift.x, y: from.y + shift.y },
    { x: to.x + shift.x, y: to.y + shift.y },
  ];
}

function drawLink(link: Link, links: readonly Link[], places: ReadonlyMap<string, Point>): Html {
  const line = ends(link, links, places);
  if (line === null) return nothing;
  const [from, to] = line;
  const style = link.priority > 1 ? 'link backup' : 'link';
  return html`<line class="${style}" x1="${at(from.x)}" y1="${at(from.y)}" x2="${at(to.x)}" y2="${at(to.y)}"/>`;
}

function linkLabel(link: Link, links: readonly Link[], places: ReadonlyMap<string, Point>): Html {
  const line = ends(link, links, places);
  if (line === null) return nothing;
  const [from, to] = line;
  // Crossing diagonals meet in the middle, so their labels sit at a third.
  const share = places.size > 3 && Math.abs(from.x - to.x) > 100 && Math.abs(from.y - to.y) > 100 ? 0.34 : 0.5;
  const x = from.x + (to.x - from.x) * share;
  const y = from.y + (to.y - from.y) * share;
  const text = `${clipped(link.id, 22)} · ${duration(link.rttMs)}`;
  const half = text.length * 3.4 + 6;
  return html`<rect class="halo" x="${at(x - half)}" y="${at(y - 9)}" width="${at(2 * half)}" height="18"/><text class="m" x="${at(x)}" y="${at(y + 4)}" text-anchor="middle">${text}</text>`;
}

function drawSite(
  site: ReportTopology['sites'][number],
  places: ReadonlyMap<string, Point>,
  report: RecoveryReport,
): Html {
  const centre = places.get(site.id);
  if (centre === undefined) return nothing;
  const active = site.id === report.final.activeSite;
  const x = centre.x - boxWidth / 2;
  const y = centre.y - boxHeight / 2;
  const { glyph, tone, word } = statusMarks[site.health];
  const roles = [...site.capabilities, ...(site.voter ? ['voter'] : [])].join(' · ');
  const epoch = active && report.final.epoch !== null ? `, epoch ${report.final.epoch}` : '';
  const failed = site.health === 'failed';
  const inner = failed
    ? html`<rect class="box" x="${at(x + 4)}" y="${at(y + 4)}" width="${boxWidth - 8}" height="${boxHeight - 8}" rx="2"/>`
    : nothing;
  return html`<rect class="box ${site.health}${active ? ' active' : ''}" x="${at(x)}" y="${at(y)}" width="${boxWidth}" height="${boxHeight}" rx="4"/>${inner}
<text class="b" x="${at(x + 14)}" y="${at(y + 24)}">${clipped(site.id.toUpperCase(), 10)}<tspan class="m" dx="6">${clipped(site.title, 22)}</tspan></text>
<text x="${at(x + 14)}" y="${at(y + 47)}"><tspan class="${tone} b">${glyph}</tspan> ${word}${active ? html` · <tspan class="b">active${epoch}</tspan>` : nothing}</text>
<text class="m" x="${at(x + 14)}" y="${at(y + 69)}">${clipped(roles, 34)}</text>`;
}

const clipped = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
