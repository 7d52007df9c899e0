import type { ComponentId } from '../base/ids.ts';

/** The part of a component that the graph looks at. */
export interface Dependant {
  readonly id: ComponentId;
  readonly dependsOn: readonly ComponentId[];
}

/**
 * What can be started before what: every component stands behind all that it depends on; among those free to start,
 * the order given is kept. Members of a cycle and what depends on them are left out, so a shorter answer than the
 * question means a cycle (`dependencyCycles` names it). Dependencies on unknown components are ignored.
 */
export function dependencyOrder<Each extends Dependant>(components: readonly Each[]): readonly Each[] {
  const known = new Set(components.map((each) => each.id));
  const placed = new Set<ComponentId>();
  const order: Each[] = [];
  let waiting = components;
  while (waiting.length > 0) {
    const free = waiting.find((each) => each.dependsOn.every((needed) => placed.has(needed) || !known.has(needed)));
    if (!free) break;
    placed.add(free.id);
    order.push(free);
    waiting = waiting.filter((each) => each !== free);
  }
  return order;
}

/** Each cycle once, as the path walked, without repeating its first member. Empty = there is an order. */
export function dependencyCycles(components: readonly Dependant[]): readonly (readonly ComponentId[])[] {
  const dependsOn = new Map(components.map((each) => [each.id, each.dependsOn]));
  const finished = new Set<ComponentId>();
  const cycles: ComponentId[][] = [];
  const walk = (id: ComponentId, path: readonly ComponentId[]): void => {
    const entered = path.indexOf(id);
    if (entered >= 0) {
      cycles.push(path.slice(entered));
      return;
    }
    if (finished.has(id)) return;
    for (const needed of dependsOn.get(id) ?? []) if (dependsOn.has(needed)) walk(needed, [...path, id]);
    finished.add(id);
  };
  for (const each of components) walk(each.id, []);
  return cycles;
}

/** All that a component needs, directly or through others, nearest first; without itself. */
export function allDependencies(components: readonly Dependant[], of: ComponentId): readonly ComponentId[] {
  const dependsOn = new Map(components.map((each) => [each.id, each.dependsOn]));
  const found = new Set<ComponentId>();
  const queue = [...(dependsOn.get(of) ?? [])];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (found.has(next) || next === of) continue;
    found.add(next);
    queue.push(...(dependsOn.get(next) ?? []));
  }
  return [...found];
}
