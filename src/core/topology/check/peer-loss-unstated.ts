import type { TopologyRule } from '../topology-finding.ts';

export const peerLossUnstated: TopologyRule = {
  id: 'peer-loss-unstated',
  title: 'Whoever waits for a copy has decided what happens when that copy is gone',
  severity: 'error',
  check: ({ topology, planning }) =>
    topology.components.flatMap((component) => {
      if (!planning.unstated.includes(`components.${component.id}.durability.afterPeerLoss`)) return [];
      const standbys = component.instances.filter((each) => each.replication === 'sync' && each.eligible).length - 1;
      const peers = standbys === 1 ? 'one synchronous standby' : `${Math.max(standbys, 0)} synchronous standbys`;
      return [
        {
          path: `components.${component.id}.durability`,
          severity: standbys <= 1 ? ('error' as const) : ('warning' as const),
          message: `${component.id} has ${peers} and does not say what happens when a standby is lost; "halt" is assumed, so losing it stops new work`,
          remedy:
            'state "afterPeerLoss: degrade" (go on, counting what a second failure would lose) or "afterPeerLoss: halt" (stop new risk until it is back)',
        },
      ];
    }),
};
