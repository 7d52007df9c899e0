import type { SimulatedHost, World } from './world.ts';

export function powerOff(world: World, host: SimulatedHost): void {
  world.network.silence(host.id);
  host.agent.crash();
  host.gate.reset();
  for (const instance of host.instances) instance.losePower();
  host.agent.driver.routes.clear();
}

/** Boots with what was on its disks; instances come up closed. */
export function powerOn(world: World, host: SimulatedHost): void {
  world.network.unsilence(host.id);
  for (const instance of host.instances) instance.start();
  host.agent.start();
}
