import type { InstancePhrase } from '../../src/core/drill/cast.ts';
import type { ScenarioFault } from '../../src/core/drill/fault.ts';
import type { Scenario } from '../../src/core/drill/scenario.ts';
import type { PlayGround } from './ground-switches.ts';

/** Why a scenario is not played, and because of which of its lines; null = because of its firm. */
export interface NotPlayed {
  readonly line: number | null;
  readonly reason: string;
}

/** Null: everything that happens in it can happen on that ground. What is only expected is judged, or said not to be. */
export function notPlayed({ firm, lines }: Scenario, ground: PlayGround): NotPlayed | null {
  const lacks = ground === 'loopback' ? loopbackLacks(firm) : [];
  if (lacks.length > 0) return { line: null, reason: `a lab on loopback has no ${lacks.join(', and no ')}` };
  for (const line of lines) {
    const reason = line.kind === 'fault' ? cannot(line.fault, firm, ground) : null;
    if (reason !== null) return { line: line.number, reason };
  }
  return null;
}

const loopbackLacks = (firm: Scenario['firm']): readonly string[] => [
  ...(firm.servers === true
    ? ['proxies, poolers, name servers, Redis, routers, service discovery and shared addresses']
    : []),
  ...(firm.delegatedDatabase === true ? ['a database that Patroni leads'] : []),
];

function cannot(fault: ScenarioFault, firm: Scenario['firm'], ground: PlayGround): string | null {
  switch (fault.kind) {
    case 'slow-disk':
    case 'full-disk':
      return 'a lab has no disks of its own that it could slow down or fill';
    case 'wrong-clock':
      return 'every machine of a lab has the wall clock of the one on which it runs';
    case 'copy-authority':
    case 'restore-authority':
      return ground === 'netns' ? "this ground's etcd cannot be copied and put back" : null;
    case 'hide':
      return 'a lab has no switch that keeps an instance from answering its agent while it serves others';
    case 'alter-state':
      return 'a lab does not change what a running engine has computed';
    case 'rogue-promotion':
      return ground === 'netns' && firm.delegatedDatabase === true && isOfDatabase(fault.instance)
        ? null
        : 'in a lab nobody promotes behind the back of the agents, except Patroni';
    default:
      return null;
  }
}

/** By the name that the simulator's firm gives it. */
const isOfDatabase = (phrase: InstancePhrase): boolean => phrase.kind !== 'named' && phrase.component === 'db';
