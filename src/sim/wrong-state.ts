import type { World } from './world.ts';

/**
 * What an engine computes is not what its log amounts to: mostly the primary. People end it as they would, by starting the process
 * anew; a standby has mostly found it by itself before.
 */
export function wrongState(world: World): (() => void) | null {
  const engines = [...world.instances.values()].filter(({ component }) => component.kind === 'trading-engine');
  const wanted = world.random.chance(0.7) ? 'primary' : 'standby';
  const chosen = world.random.pick(engines.filter(({ process, role }) => process === 'running' && role === wanted));
  if (chosen === undefined) return null;
  chosen.state.isWrong = true;
  return () => {
    for (const engine of engines) if (engine.state.isWrong) engine.die();
  };
}
