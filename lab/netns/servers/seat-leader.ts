import type { Topology } from '../../../src/core/topology/topology.ts';
import type { MachineContext } from '../machine-processes.ts';
import { askMachine } from '../router-health.ts';
import { type EtcdVoter, etcdctl, etcdVoters } from './etcd.ts';
import { tradingSites } from './placement.ts';

const askWithinMs = 5_000;

/**
 * Asks etcd to be led from the standby site: the loss of the active one then elects nobody, and a change there waits for the nearest
 * other vote and not for the farthest. A wish, no more: etcd is whole as well where it is not fulfilled, and after a fault anybody may lead.
 */
export async function seatLeader(context: MachineContext, topology: Topology): Promise<void> {
  const voters = etcdVoters({ topology, plan: context.plan });
  const preferred = tradingSites(topology)
    .toSorted((left, right) => right.preference - left.preference)
    .flatMap(({ id }) => voters.filter(({ node }) => node.site === id))[0];
  if (preferred === undefined) return;
  const statuses = await Promise.all(voters.map((voter) => statusOf(context, voter)));
  const leader = statuses.find((status) => status !== null && status.member === status.leader);
  const member = statuses[voters.indexOf(preferred)]?.member;
  if (leader === undefined || leader === null || member === undefined || leader.member === member) return;
  const at = voters[statuses.indexOf(leader)]!.node.id;
  await askMachine(context, at, etcdctl('move-leader', BigInt(member).toString(16)), askWithinMs);
}

/** Numbers of members as etcd prints them: they do not fit into those of JSON. */
async function statusOf(
  context: MachineContext,
  { node }: EtcdVoter,
): Promise<{ readonly member: string; readonly leader: string } | null> {
  const said = await askMachine(context, node.id, etcdctl('endpoint', 'status', '--write-out=json'), askWithinMs);
  const member = /"member_id":(\d+)/.exec(said ?? '')?.[1];
  const leader = /"leader":(\d+)/.exec(said ?? '')?.[1];
  return member === undefined || leader === undefined ? null : { member, leader };
}
