import { componentId } from '../../core/base/ids.ts';
import { allTopologyRules } from '../../core/topology/check/all-rules.ts';
import { longestDatabaseInstance } from '../../core/topology/database-name.ts';
import { dependencyCycles } from '../../core/topology/dependency-graph.ts';
import { checkHostChecks } from './check-host-checks.ts';
import { checkNetwork } from './check-network.ts';
import { checkServed } from './check-served.ts';
import { suggestion } from './did-you-mean.ts';
import { canServe } from './entry-defaults.ts';
import type { TopologyFile } from './file-schema.ts';
import { keyPlaceAt, pathText, placeAt, type SourceNode, type SourcePath } from './source-tree.ts';
import type { TopologyProblem, TopologyProblemCode } from './topology-problem.ts';

/** Everything in the file that names something else, and what the names say together. Empty = it can be built. */
export function checkReferences(file: TopologyFile, tree: SourceNode): readonly TopologyProblem[] {
  const complaints = new Complaints(tree);
  checkPlaces(file, complaints);
  checkInstances(file, complaints);
  checkDependencies(file, complaints);
  checkGroups(file, complaints);
  checkServed(file, complaints);
  checkPlanning(file, complaints);
  checkNetwork(file, complaints);
  checkHostChecks(file, complaints);
  return complaints.problems;
}

/** Problems as they are found, each with its place in the file. */
export class Complaints {
  readonly problems: TopologyProblem[] = [];
  readonly #tree: SourceNode;

  constructor(tree: SourceNode) {
    this.#tree = tree;
  }

  say(code: TopologyProblemCode, path: SourcePath, message: string, remedy: string): void {
    this.problems.push({ ...placeAt(this.#tree, path), code, path: pathText(path), message, remedy });
  }

  /** `what` as in "site"; `known` the table that the name must be in. */
  unresolved(path: SourcePath, what: string, name: string, known: Readonly<Record<string, unknown>>): boolean {
    if (Object.hasOwn(known, name)) return false;
    this.say('HF-2006', path, `${pathText(path)}: there is no ${what} "${name}"`, suggestion(name, Object.keys(known)));
    return true;
  }

  lineOf(path: SourcePath): string {
    const { file, line } = keyPlaceAt(this.#tree, path);
    return `${file} line ${line}`;
  }
}

function checkPlaces(file: TopologyFile, complaints: Complaints): void {
  for (const [id, link] of Object.entries(file.links ?? {})) {
    for (const [index, site] of link.between.entries())
      complaints.unresolved(['links', id, 'between', index], 'site', site, file.sites);
    if (link.between[0] === link.between[1])
      complaints.say(
        'HF-2012',
        ['links', id, 'between'],
        `the link ${id} joins ${link.between[0]} with itself`,
        'name two different sites',
      );
  }
  for (const [id, host] of Object.entries(file.hosts))
    complaints.unresolved(['hosts', id, 'site'], 'site', host.site, file.sites);
  for (const [id, venue] of Object.entries(file.venues ?? {}))
    for (const site of Object.keys(venue.rtt))
      complaints.unresolved(['venues', id, 'rtt', site], 'site', site, file.sites);
  for (const [id, site] of Object.entries(file.sites)) {
    if (!site.capabilities.includes('witness') || site.voter) continue;
    complaints.say(
      'HF-2012',
      ['sites', id, 'voter'],
      `${id} is a witness and does not vote`,
      'set "voter: true", or remove the capability "witness"',
    );
  }
}

function checkInstances(file: TopologyFile, complaints: Complaints): void {
  const seen = new Map<string, SourcePath>();
  for (const [componentName, component] of Object.entries(file.components)) {
    const instances = component.instances ?? {};
    const path: SourcePath = ['components', componentName];
    if (component.kind === 'inventory' && Object.keys(instances).length > 0)
      complaints.say(
        'HF-2012',
        [...path, 'instances'],
        `${componentName} is inventory, which is never run, and has instances`,
        'remove "instances", or name the kind that runs it',
      );
    if (component.kind !== 'inventory' && Object.keys(instances).length === 0)
      complaints.say(
        'HF-2003',
        path,
        `${componentName} (${component.kind}) has no instances`,
        'add "instances: {NAME: {host: …}}", or make it "kind: inventory"',
      );
    for (const [id, instance] of Object.entries(instances)) {
      const at = [...path, 'instances', id];
      const earlier = seen.get(id);
      if (earlier)
        complaints.say(
          'HF-2007',
          at,
          `the instance name "${id}" is already used by ${pathText(earlier)} (${complaints.lineOf(earlier)})`,
          'give one of them another name; instance names are unique in the whole file',
        );
      seen.set(id, at);
      if (component.kind === 'postgres' && id.length > longestDatabaseInstance)
        complaints.say(
          'HF-2004',
          at,
          `${pathText(at)}: the name of a database's instance may have ${longestDatabaseInstance} characters, this one has ${id.length}: PostgreSQL would cut what it streams under, and the copy would count nowhere`,
          `shorten it by ${id.length - longestDatabaseInstance}`,
        );
      if (!complaints.unresolved([...at, 'host'], 'host', instance.host, file.hosts))
        checkEligibility(file, complaints, at, instance);
      if (instance.upstream !== undefined) checkUpstream(instances, complaints, at, id, instance.upstream);
    }
  }
}

type InstanceEntry = NonNullable<TopologyFile['components'][string]['instances']>[string];

function checkEligibility(file: TopologyFile, complaints: Complaints, at: SourcePath, instance: InstanceEntry): void {
  const siteName = file.hosts[instance.host]!.site;
  const site = file.sites[siteName];
  if (!site || canServe(site) || instance.eligible !== true) return;
  complaints.say(
    'HF-2012',
    [...at, 'eligible'],
    `${at.at(-1)} is at ${siteName} (${site.capabilities.join(', ')}), which never serves, so it can never be primary`,
    'set "eligible: false", or move it to a site that serves',
  );
}

function checkUpstream(
  instances: Readonly<Record<string, InstanceEntry>>,
  complaints: Complaints,
  at: SourcePath,
  id: string,
  upstream: string,
): void {
  if (complaints.unresolved([...at, 'upstream'], 'instance of the same component', upstream, instances)) return;
  const walked = [id];
  for (let next: string | undefined = upstream; next !== undefined; next = instances[next]?.upstream) {
    if (next === id)
      complaints.say(
        'HF-2008',
        [...at, 'upstream'],
        `a cascade that leads back to itself: ${[...walked, id].join(' → ')}`,
        'let one of them follow the primary: remove its "upstream"',
      );
    if (walked.includes(next)) return;
    walked.push(next);
  }
}

function checkDependencies(file: TopologyFile, complaints: Complaints): void {
  for (const [id, component] of Object.entries(file.components)) {
    for (const field of ['dependsOn', 'derivedFrom'] as const)
      for (const [index, needed] of (component[field] ?? []).entries())
        complaints.unresolved(['components', id, field, index], 'component', needed, file.components);
  }
  for (const field of ['dependsOn', 'derivedFrom'] as const) {
    const graph = Object.entries(file.components).map(([id, entry]) => ({
      id: componentId(id),
      dependsOn: (entry[field] ?? []).map(componentId),
    }));
    for (const cycle of dependencyCycles(graph))
      complaints.say(
        'HF-2008',
        ['components', cycle[0]!, field],
        `${field} goes in a circle: ${[...cycle, cycle[0]].join(' → ')}`,
        'remove one of these dependencies: none of them could ever be started first',
      );
  }
}

function checkGroups(file: TopologyFile, complaints: Complaints): void {
  const memberOf = new Map<string, string>();
  for (const [id, group] of Object.entries(file.groups)) {
    for (const [index, component] of group.components.entries()) {
      const path: SourcePath = ['groups', id, 'components', index];
      if (complaints.unresolved(path, 'component', component, file.components)) continue;
      const other = memberOf.get(component);
      if (other !== undefined)
        complaints.say(
          'HF-2007',
          path,
          `${component} is already in the group ${other}`,
          'a component moves with one group: remove it from the other',
        );
      if (file.components[component]!.kind === 'inventory')
        complaints.say(
          'HF-2012',
          path,
          `${component} is inventory, which is never run, so no group can move it`,
          'remove it from the group, or name the kind that runs it',
        );
      memberOf.set(component, id);
    }
  }
}

function checkPlanning(file: TopologyFile, complaints: Complaints): void {
  for (const [id, entry] of Object.entries(file.dataClasses ?? {})) {
    complaints.unresolved(['dataClasses', id, 'store'], 'component', entry.store, file.components);
    if (entry.of !== undefined)
      complaints.unresolved(['dataClasses', id, 'of'], 'component', entry.of, file.components);
  }
  for (const [id, entry] of Object.entries(file.scenarios ?? {}))
    if (entry.group !== undefined) complaints.unresolved(['scenarios', id, 'group'], 'group', entry.group, file.groups);
  const rules = Object.fromEntries(allTopologyRules.map((rule) => [rule.id, true]));
  for (const [index, entry] of (file.accepted ?? []).entries())
    complaints.unresolved(['accepted', index, 'finding'], 'finding', entry.finding, rules);
  checkSelection(file, complaints);
}

function checkSelection({ siteSelection: selection }: TopologyFile, complaints: Complaints): void {
  if (!selection) return;
  const sum = Object.values(selection.weights).reduce((total, weight) => total + weight, 0);
  if (Math.abs(sum - 100) > 0.001)
    complaints.say(
      'HF-2012',
      ['siteSelection', 'weights'],
      `the weights add up to ${sum}%`,
      'make them add up to 100%',
    );
  for (const [site, scores] of Object.entries(selection.scores)) {
    for (const criterion of Object.keys(scores))
      complaints.unresolved(['siteSelection', 'scores', site, criterion], 'criterion', criterion, selection.weights);
    for (const criterion of Object.keys(selection.weights))
      if (!Object.hasOwn(scores, criterion))
        complaints.say(
          'HF-2003',
          ['siteSelection', 'scores', site],
          `${site} has no score for ${criterion}`,
          `add "${criterion}: 0…10"`,
        );
  }
  for (const site of Object.keys(selection.printedTotals ?? {}))
    complaints.unresolved(['siteSelection', 'printedTotals', site], 'candidate', site, selection.scores);
}
