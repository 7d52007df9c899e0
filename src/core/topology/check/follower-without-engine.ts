import { groupOf } from '../lookup.ts';
import type { Component, ComponentKind, Topology } from '../topology.ts';
import type { TopologyRule } from '../topology-finding.ts';
import { indexOf } from '../topology-index.ts';

/** What works from the released entries of an engine beside it. */
const followers: readonly ComponentKind[] = ['risk-engine', 'position-keeper'];

export const followerWithoutEngine: TopologyRule = {
  id: 'follower-without-engine',
  title:
    'Risk engine and position keeper stand wherever the engine that they follow may be active, and are started after it',
  severity: 'error',
  check: ({ topology }) =>
    topology.components
      .filter((component) => followers.includes(component.kind))
      .flatMap((component) => {
        const path = `components.${component.id}`;
        const engine = engineOf(topology, component);
        if (engine === null)
          return [
            {
              path,
              message: `${component.id} follows an engine, and its group has none`,
              remedy: 'add it to the group of its engine',
            },
          ];
        if (!component.dependsOn.includes(engine.id))
          return [
            {
              path: `${path}.dependsOn`,
              message: `${component.id} follows ${engine.id} and is not said to depend on it: it could be promoted first, and would wait`,
              remedy: `add ${engine.id} to "dependsOn"`,
            },
          ];
        const missing = sitesOf(topology, engine).filter((site) => !sitesOf(topology, component).includes(site));
        return missing.map((site) => ({
          path: `${path}.instances`,
          message: `${engine.id} may be active in ${site}, where no instance of ${component.id} is`,
          remedy: `add an instance on a host of ${site}`,
        }));
      }),
};

function engineOf(topology: Topology, follower: Component): Component | null {
  const group = groupOf(topology, follower.id);
  return (
    topology.components.find(
      (component) => component.kind === 'trading-engine' && group?.components.includes(component.id) === true,
    ) ?? null
  );
}

function sitesOf(topology: Topology, component: Component): readonly string[] {
  const { siteOfInstance } = indexOf(topology);
  const eligible = component.instances.filter((instance) => instance.eligible);
  return [...new Set(eligible.map((instance) => siteOfInstance.get(instance.id) as string))];
}
