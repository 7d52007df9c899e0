import { componentId, type GroupId, groupId } from '../../core/base/ids.ts';
import type {
  DataMechanism,
  DataMechanismKind,
  ObjectiveStatement,
  Planning,
  SiteSelection,
} from '../../core/topology/planning.ts';
import type { Objective } from '../../core/topology/topology.ts';
import { strictest } from './build-topology.ts';
import type { ComponentEntry, ObjectiveEntry, TopologyFile } from './file-schema.ts';

/** What a checked file promises beside the platform itself. */
export function buildPlanning(file: TopologyFile): Planning {
  const components = Object.entries(file.components);
  const groups = Object.entries(file.groups);
  return {
    groupObjectives: Object.fromEntries(
      groups.flatMap(([id, entry]) =>
        entry.objective ? [[id, strictest(entry.objective, entry.alsoStated ?? [])]] : [],
      ),
    ) as Record<GroupId, Objective>,
    statements: [
      ...components.flatMap(([id, entry]) => statements(`components.${id}`, entry)),
      ...groups.flatMap(([id, entry]) => statements(`groups.${id}`, entry)),
    ],
    derivedFrom: Object.fromEntries(components.map(([id, entry]) => [id, (entry.derivedFrom ?? []).map(componentId)])),
    unstated: unstatedFields(file),
    dataClasses: Object.entries(file.dataClasses ?? {}).map(([id, entry]) => ({
      id,
      rpoMs: entry.rpo,
      store: componentId(entry.store),
      keptBy: mechanismOf(file, entry),
    })),
    scenarios: Object.entries(file.scenarios ?? {}).map(([id, entry]) => ({
      id,
      title: entry.title ?? id,
      perYear: entry.perYear ?? null,
      rtoMs: entry.rto,
      response: entry.response,
      group: entry.group === undefined ? null : groupId(entry.group),
    })),
    drills: Object.entries(file.drills ?? {}).map(([id, entry]) => ({
      id,
      title: entry.title ?? id,
      windowMs: entry.window,
      phases: Object.entries(entry.phases ?? {}).map(([name, forMs]) => ({ name, forMs })),
      schedules: [entry.schedule, ...(entry.alsoScheduled ?? [])],
    })),
    siteSelection: file.siteSelection ? selection(file.siteSelection) : null,
    accepted: (file.accepted ?? []).map((entry, index) => ({
      finding: entry.finding,
      at: entry.at ?? null,
      because: entry.because,
      path: `accepted.${index}`,
    })),
  };
}

interface Stated {
  readonly objective?: ObjectiveEntry | undefined;
  readonly alsoStated?: ComponentEntry['alsoStated'] | undefined;
}

function statements(subject: string, { objective, alsoStated }: Stated): readonly ObjectiveStatement[] {
  const all = [
    ...(objective ? [{ path: `${subject}.objective`, entry: objective }] : []),
    ...(alsoStated ?? []).map((entry, index) => ({ path: `${subject}.alsoStated.${index}`, entry })),
  ];
  return all.map(({ path, entry }) => ({
    subject,
    path,
    source: entry.source ?? null,
    rtoMs: entry.rto ?? null,
    rpoMs: entry.rpo ?? null,
    availabilityPercent: entry.availability ?? null,
  }));
}

/** Fields whose default is safe but which somebody should have decided. */
function unstatedFields(file: TopologyFile): readonly string[] {
  const durabilities = Object.entries(file.components)
    .filter(([, entry]) => entry.durability && entry.durability.acknowledge !== 'local')
    .filter(([, entry]) => entry.durability?.afterPeerLoss === undefined)
    .map(([id]) => `components.${id}.durability.afterPeerLoss`);
  const paths = Object.entries(file.links ?? {})
    .filter(([, entry]) => entry.pathGroup === undefined)
    .map(([id]) => `links.${id}.pathGroup`);
  return [...durabilities, ...paths];
}

const selection = (entry: NonNullable<TopologyFile['siteSelection']>): SiteSelection => ({
  weights: entry.weights,
  scores: entry.scores,
  printedTotals: entry.printedTotals ?? {},
});

/** As the file says, else what the store gives: what is recomputed, replicates or runs nowhere. */
function mechanismOf(
  file: TopologyFile,
  { store, keptBy, of, every }: NonNullable<TopologyFile['dataClasses']>[string],
): DataMechanism {
  const entry = file.components[store];
  const inputs = (file.components[of ?? store]?.derivedFrom ?? []).map(componentId);
  const kind = keptBy ?? given(entry);
  return {
    kind,
    of: kind === 'recomputed' ? inputs : [componentId(of ?? store)],
    everyMs: every ?? null,
    stated: keptBy !== undefined,
  };
}

function given(entry: ComponentEntry | undefined): DataMechanismKind {
  if ((entry?.derivedFrom ?? []).length > 0) return 'recomputed';
  if (entry === undefined || entry.kind === 'inventory') return 'outside';
  return entry.durability?.acknowledge === 'remote-site' ? 'synchronous' : 'asynchronous';
}
