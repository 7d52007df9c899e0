import type { EtcdMaintenance, EtcdMember, EtcdServerStatus } from './etcd-maintenance.ts';

/** What one look at a cluster gave. Null: it was not found out. */
export interface ClusterHealth {
  /** A quorum answered a read. False is never said: silence is not proof. */
  readonly serves: true | null;
  /** Named by more than half of the voters, in the newest term that any of them knows. */
  readonly leader: string | null;
  /** How many of the voters that answered may be lost before no quorum is left; negative = that is so already, unless a silent one lives. */
  readonly spareVoters: number | null;
  readonly servers: readonly (EtcdServerStatus | string)[];
  /** What should be looked at, in words. */
  readonly problems: readonly string[];
}

/** Looks at every endpoint, the members and a quorum. Ends by its deadline, whatever the servers do. */
export async function observeCluster(
  maintenance: EtcdMaintenance,
  options: { readonly deadlineMs: number },
): Promise<ClusterHealth> {
  const [servers, members, serves] = await Promise.all([
    maintenance.status(options),
    maintenance.members(options),
    maintenance.serves(options),
  ]);
  return judgeCluster({ servers, members, serves });
}

/** Pure. */
export function judgeCluster(seen: {
  readonly servers: readonly (EtcdServerStatus | string)[];
  readonly members: readonly EtcdMember[] | null;
  readonly serves: true | null;
}): ClusterHealth {
  const { servers, members, serves } = seen;
  const answered = servers.filter((server) => typeof server !== 'string');
  const voters = members?.filter(({ learner }) => !learner) ?? null;
  const living = new Set(
    answered.filter(({ learner, leaderId }) => !learner && leaderId !== '0').map(({ memberId }) => memberId),
  );
  const majority = voters === null ? null : Math.floor(voters.length / 2) + 1;
  const leader = majority === null ? null : leaderOf(answered, majority);
  const problems = [
    ...servers.filter((server) => typeof server === 'string').map((reason) => `no answer: ${reason}`),
    ...answered.flatMap(({ endpoint, concerns }) => concerns.map((concern) => `${endpoint}: ${concern}`)),
    ...answered.filter(({ leaderId }) => leaderId === '0').map(({ endpoint }) => `${endpoint} knows of no leader`),
    ...(voters ?? [])
      .filter(({ id }) => answered.length === servers.length && !answered.some(({ memberId }) => memberId === id))
      .map(({ id, name }) => `member ${name === '' ? id : name} is at none of the endpoints`),
    ...(new Set(answered.map(({ version }) => version)).size > 1
      ? [`versions differ: ${[...new Set(answered.map(({ version }) => version))].toSorted().join(', ')}`]
      : []),
    ...(voters !== null && voters.length % 2 === 0
      ? [`${voters.length} voters bear no more losses than ${voters.length - 1}`]
      : []),
    ...(members === null ? ['who the members are was not found out'] : []),
    ...(serves === null ? ['no quorum was seen to answer'] : []),
  ];
  return { serves, leader, spareVoters: majority === null ? null : living.size - majority, servers, problems };
}

function leaderOf(answered: readonly EtcdServerStatus[], majority: number): string | null {
  const term = Math.max(0, ...answered.map(({ raftTerm }) => raftTerm));
  const named = answered.filter((server) => server.raftTerm === term && !server.learner && server.leaderId !== '0');
  const first = named[0]?.leaderId ?? null;
  return named.length >= majority && named.every(({ leaderId }) => leaderId === first) ? first : null;
}
