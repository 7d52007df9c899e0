import type { NetworkPlan } from '../network-plan.ts';

/** Where the other machines of its site reach a machine; without its prefix length. */
export function lanAddress(plan: NetworkPlan, node: string): string {
  const end = plan.wires.flatMap(({ ends }) => ends).find(({ at, interface: name }) => at === node && name === 'lan');
  if (end === undefined || end.address === null) throw new Error(`${node} has no address in its site`);
  return end.address.replace(/\/.*/, '');
}
