import type { ScenarioFault } from '../../src/core/drill/fault.ts';
import type { Scenario } from '../../src/core/drill/scenario.ts';

/** Why a scenario is not played, and because of which of its lines; null = because of its firm. */
export interface NotPlayed {
  readonly line: number | null;
  readonly reason: string;
}

/** Null: everything that happens in it can happen in a loopback lab. What is only expected is judged, or said not to be. */
export function notPlayed({ firm, lines }: Scenario): NotPlayed | null {
  const lacks = [
    ...(firm.servers === true
      ? ['proxies, poolers, name servers, Redis, routers, service discovery and shared addresses']
      : []),
    ...(firm.delegatedDatabase === true ? ['a database that Patroni leads'] : []),
  ];
  if (lacks.length > 0) return { line: null, reason: `a lab on loopback has no ${lacks.join(', and no ')}` };
  for (const line of lines) {
    const reason = line.kind === 'fault' ? cannot(line.fault) : null;
    if (reason !== null) return { line: line.number, reason };
  }
  return null;
}

function cannot({ kind }: ScenarioFault): string | null {
  switch (kind) {
    case 'hide':
      return 'a lab has no switch that keeps an instance from answering its agent while it serves others';
    case 'alter-state':
      return 'a lab does not change what a running engine has computed';
    case 'rogue-promotion':
      return 'in a lab nobody promotes behind the back of the agents';
    default:
      return null;
  }
}
