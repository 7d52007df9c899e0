import { readFileSync } from 'node:fs';
import { checkNames } from '../core/drill/check-names.ts';
import { parseScenario, type ScenarioProblem } from '../core/drill/parse-scenario.ts';
import type { Scenario } from '../core/drill/scenario.ts';
import { causeText, HoldfastError } from '../wire/holdfast-error.ts';
import { topologyOf } from './build-topology.ts';
import { shapeOf } from './scenario-shape.ts';

/**
 * A scenario that can be played here: understood, and about things that the simulated firm has. `name` is the file's for people.
 * @throws AggregateError of HoldfastErrors: HF-1205, one for each problem, or HF-1206
 */
export function loadScenario(path: string, name: string): Scenario {
  const parsed = parseScenario(read(path, name));
  if (!parsed.ok) throw unusable(name, parsed.error);
  const unknown = checkNames(parsed.value.lines, topologyOf(shapeOf(parsed.value)));
  if (unknown.length > 0) throw unusable(name, unknown);
  return parsed.value;
}

function read(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const error = new HoldfastError({
      code: 'HF-1206',
      attempted: `open the scenario ${name}`,
      found: causeText(cause).replace(path, name),
      next: 'give the path of a file; without one, everything in scenarios/ is played',
      cause,
    });
    throw new AggregateError([error], error.message);
  }
}

function unusable(name: string, problems: readonly ScenarioProblem[]): AggregateError {
  const errors = problems.map(
    ({ line, found, next }) => new HoldfastError({ code: 'HF-1205', attempted: `read ${name}:${line}`, found, next }),
  );
  return new AggregateError(errors, errors.map(({ message }) => message).join('\n'));
}
