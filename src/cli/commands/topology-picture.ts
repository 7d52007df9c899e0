import { dependencyOrder } from '../../core/topology/dependency-graph.ts';
import { durationText } from '../../core/topology/duration-text.ts';
import {
  componentNamed,
  groupOf,
  hostsAt,
  instancesOn,
  quorumRttMs,
  quorumSize,
  servingSites,
  votersOf,
} from '../../core/topology/lookup.ts';
import type { Planning } from '../../core/topology/planning.ts';
import type { Served } from '../../core/topology/served.ts';
import type { FailoverGroup, Instance, Link, Objective, Site, Topology } from '../../core/topology/topology.ts';

const screenWidth = 100;
const gap = '  ';

/** Sites with what runs where, how they are joined, what moves together: text for one screen, at most 100 columns. */
export function topologyPicture(topology: Topology, planning: Planning): string {
  const voters = votersOf(topology);
  const preferred = servingSites(topology)[0];
  const trip = preferred ? quorumRttMs(topology, preferred.id) : null;
  const authority = `authority  ${voters.length} voters (${voters.map((site) => site.id).join(', ')}), ${quorumSize(topology)} decide`;
  return [
    topology.name,
    trip === null ? authority : `${authority}; ${durationText(trip)} from ${preferred!.id}`,
    '',
    ...siteBoxes(topology),
    '● must acknowledge   ◐ follows   ○ keeps nothing   – never primary',
    '',
    ...linkLines(topology),
    ...topology.groups.flatMap((group) => ['', ...groupLines(topology, planning, group)]),
    ...inventoryLines(topology),
  ].join('\n');
}

function siteBoxes(topology: Topology): readonly string[] {
  const bodies = topology.sites.map((site) => ({ head: headOf(site), lines: siteLines(topology, site) }));
  const width = Math.min(
    (screenWidth - gap.length) / 2,
    Math.max(34, ...bodies.flatMap(({ head, lines }) => [head.length + 6, ...lines.map((line) => line.length + 4)])),
  );
  const perRow = Math.max(1, Math.floor((screenWidth + gap.length) / (width + gap.length)));
  const rows = Array.from({ length: Math.ceil(bodies.length / perRow) }, (_, row) =>
    bodies.slice(row * perRow, (row + 1) * perRow),
  );
  return rows.flatMap((row) => {
    const height = Math.max(...row.map(({ lines }) => lines.length));
    const boxes = row.map(({ head, lines }) => box(head, lines, { width, height }));
    return Array.from({ length: height + 2 }, (_, line) => boxes.map((each) => each[line]).join(gap));
  });
}

function box(
  head: string,
  lines: readonly string[],
  { width, height }: { width: number; height: number },
): readonly string[] {
  const inside = width - 4;
  const title = cut(head, width - 6);
  return [
    `┌─ ${title} ${'─'.repeat(width - 5 - title.length)}┐`,
    ...Array.from({ length: height }, (_, line) => `│ ${cut(lines[line] ?? '', inside).padEnd(inside)} │`),
    `└${'─'.repeat(width - 2)}┘`,
  ];
}

const headOf = (site: Site) => `${site.id} · ${[...site.capabilities, ...(site.voter ? ['votes'] : [])].join(' ')}`;

function siteLines(topology: Topology, site: Site): readonly string[] {
  const hosts = hostsAt(topology, site.id);
  const nameWidth = Math.max(0, ...hosts.map((host) => host.id.length));
  const placed = hosts.flatMap((host) => {
    const instances = instancesOn(topology, host.id).flatMap(instanceLines);
    return (instances.length === 0 ? ['(no instance)'] : instances).map(
      (text, index) => `${(index === 0 ? host.id : '').padEnd(nameWidth)}  ${text}`,
    );
  });
  return [site.title, ...placed];
}

const instanceLines = ({ id, replication, eligible, upstream }: Instance): readonly string[] => [
  `${mark[replication]} ${id}${eligible ? '' : ' –'}`,
  ...(upstream === null ? [] : [`  from ${upstream}`]),
];
const mark = { sync: '●', async: '◐', none: '○' } as const;

function linkLines(topology: Topology): readonly string[] {
  const pairs = [...Map.groupBy(topology.links, (link) => link.between.toSorted().join(' ')).values()];
  const ends = pairs.map((links) => links[0]!.between.join(' ── '));
  const width = Math.max(0, ...ends.map((each) => each.length));
  return pairs.map((links, index) => {
    const paths = links.toSorted((left, right) => left.priority - right.priority).map(pathText);
    return cut(
      `${index === 0 ? 'links' : '     '}      ${ends[index]!.padEnd(width)}   ${paths.join(' · ')}`,
      screenWidth,
    );
  });
}

const pathText = (link: Link) => `${durationText(link.rttMs)} ${rateText(link.bandwidthMbps)} ${link.pathGroup}`;
const rateText = (mbps: number) => (mbps >= 1000 ? `${mbps / 1000}Gb/s` : `${mbps}Mb/s`);

function groupLines(topology: Topology, planning: Planning, group: FailoverGroup): readonly string[] {
  const members = group.components.map((id) => componentNamed(topology, id));
  const ordered = dependencyOrder(topology.components).filter((component) => members.includes(component));
  const objective = planning.groupObjectives[group.id];
  const nameWidth = Math.max(...ordered.map((component) => component.id.length));
  const numberWidth = String(ordered.length).length;
  const policy = `instance ${group.instancePolicy} · site ${group.sitePolicy} · cool-down ${durationText(group.coolDownMs)}`;
  return [
    cut(`group      ${group.id}   ${policy}${objective ? ` · ${objectiveText(objective)}` : ''}`, screenWidth),
    ...ordered.map((component, index) => {
      const durability = component.durability;
      const waits = durability
        ? `waits for ${durability.acknowledge}, else ${durability.afterPeerLoss}`
        : component.served === undefined
          ? 'keeps nothing itself'
          : ledText(component.served);
      const lease = component.authority === 'owned' ? 'leased' : component.served === undefined ? 'moved ' : 'led   ';
      const name = component.id.padEnd(nameWidth);
      return cut(
        `           ${String(index + 1).padStart(numberWidth)}. ${name}  ${lease}  ${objectiveText(component.objective).padEnd(18)}  ${waits}`,
        screenWidth,
      );
    }),
  ];
}

const ledText = ({ leads }: Served): string => {
  const targets = [...new Set(Object.values(leads).map(({ to }) => to))];
  return targets.length === 0 ? 'is looked at' : `leads to ${targets.join(', ')}`;
};

const objectiveText = ({ rtoMs, rpoMs }: Objective) => `RTO ${durationText(rtoMs)} RPO ${durationText(rpoMs)}`;

function inventoryLines(topology: Topology): readonly string[] {
  const idle = topology.components.filter((each) => each.kind === 'inventory' && groupOf(topology, each.id) === null);
  if (idle.length === 0) return [];
  const lines: string[] = [];
  let line = `inventory  ${idle.length} planned for, not run: `;
  for (const [index, { id }] of idle.entries()) {
    const word = index === idle.length - 1 ? id : `${id}, `;
    if (line.length + word.trimEnd().length > screenWidth) {
      lines.push(line.trimEnd());
      line = '           ';
    }
    line += word;
  }
  return ['', ...lines, line];
}

const cut = (text: string, width: number) => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);
