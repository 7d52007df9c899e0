import type { Component, Instance } from '../../../src/core/topology/topology.ts';
import type { PlannedNode } from '../network-plan.ts';
import { lanAddress, type Placement, patroniClusters } from './placement.ts';

/** One PostgreSQL under Patroni. */
export interface PatroniMember {
  /** The instance's id; Patroni's name for it, too. */
  readonly name: string;
  readonly server: string;
  readonly node: PlannedNode;
  readonly address: string;
  readonly postgresPort: number;
  readonly restPort: number;
  readonly instance: Instance;
}

/** By which the certificate is made and found that a member's machine shows to etcd. */
export const patroniIdentityOf = ({ host }: PlannedNode): string => `patroni/${host}`;

/** Who may ask Patroni's REST API for changes. */
export const restUser = 'holdfast';

/** By which the password of one of its users is found. */
export const patroniSecret = ({ id }: Pick<Component, 'id'>, user: string): string => `patroni-${id}-${user}`;

/** The name of the cluster in its store. */
export const scopeOf = ({ id }: Pick<Component, 'id'>): string => id;

export function patroniMembers({ topology, plan }: Placement, component: Component): readonly PatroniMember[] {
  const number = patroniClusters(topology).findIndex(({ id }) => id === component.id);
  return component.instances.flatMap((instance) => {
    const node = plan.nodes.find(({ host }) => host === instance.host);
    if (node === undefined) return [];
    return {
      name: instance.id,
      server: `patroni-${component.id}`,
      node,
      address: lanAddress(plan, node),
      postgresPort: 5432 + number,
      restPort: 8008 + number,
      instance,
    };
  });
}
