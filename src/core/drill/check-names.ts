import type { Topology } from '../topology/topology.ts';
import type { ScenarioProblem } from './parse-scenario.ts';
import type { ScenarioLine } from './scenario.ts';

/** Names in a scenario that this firm does not have; empty = it can be played there. */
export function checkNames(lines: readonly ScenarioLine[], topology: Topology): readonly ScenarioProblem[] {
  const known: Readonly<Record<string, readonly string[]>> = {
    site: topology.sites.map(({ id }) => id),
    host: topology.hosts.map(({ id }) => id),
    component: topology.components.map(({ id }) => id),
    instance: topology.components.flatMap(({ instances }) => instances.map(({ id }) => id)),
  };
  return lines.flatMap((line) =>
    namesIn(line, Object.keys(known))
      .filter(([what, name]) => !known[what]!.includes(name))
      .map(([what, name]) => ({
        line: line.number,
        found: `the firm has no ${what} "${name}"`,
        next: `one of: ${known[what]!.join(', ')}`,
      })),
  );
}

/** Every name that stands somewhere in it, with what it names. */
function namesIn(part: object, kinds: readonly string[]): readonly (readonly [string, string])[] {
  return Object.entries(part).flatMap(([key, value]) => {
    if (typeof value === 'string') return kinds.includes(key) ? [[key, value] as const] : [];
    return typeof value === 'object' && value !== null ? namesIn(value as object, kinds) : [];
  });
}
