import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type {
  DelegateObservation,
  InstanceObservation,
  ReplicaObservation,
} from '../../core/health/instance-observation.ts';
import type { ClusterObservation } from './driver.ts';
import type { MemberStatus } from './parse.ts';
import type { StoreView } from './store.ts';

/** Which instance of the topology a member is; null = none. */
export type InstanceOf = (member: string) => InstanceId | null;

export interface ObservedMember {
  readonly instance: InstanceId;
  readonly member: string;
  readonly epoch: Epoch;
  readonly instanceOf: InstanceOf;
  /** The topology promises that somebody else has each write. */
  readonly synchronous: boolean;
  /** Nothing of it is left on its host, as its agent sees. */
  readonly ended: boolean;
  /** Why its gate did not do as it was told; null: it did, or it has none. */
  readonly gateProblem: string | null;
}

/** `streaming` is what newer versions call a replica that does. */
const isUp = ({ state }: MemberStatus): boolean => state === 'running' || state === 'streaming';

/** One look as every other instance is reported. A member or a store that did not answer in time is unknown, never well. */
export function observationOf(seen: ClusterObservation, about: ObservedMember): InstanceObservation {
  const { member, store } = seen;
  const isPrimary = member?.role === 'primary';
  const known = member !== null && store !== null;
  return {
    instance: about.instance,
    // Whether it runs its agent knows where it looks; one that does not answer is unknown by its health.
    process: about.ended ? 'exited' : 'running',
    role: about.ended
      ? 'closed'
      : !known
        ? 'unknown'
        : isPrimary
          ? 'primary'
          : member.role === 'replica'
            ? 'standby'
            : 'closed',
    epoch: about.epoch,
    ...healthOf(seen, about),
    position:
      member?.timeline == null || member.position === null
        ? null
        : { generation: member.timeline, sequence: member.position },
    releasing: known && isPrimary && isUp(member) && store.leader === about.member,
    tradingEnabled: false,
    ackSet: known && isPrimary ? named(store.sync?.standbys ?? [], about) : [],
    replicas: known && isPrimary ? replicasOf(member, store, about) : [],
    upstream: null,
    divergence: null,
    delegate: store === null ? null : delegateOf(seen, store, about),
    figures: {
      ...(member === null ? {} : { synchronous: member.synchronous ? 1 : 0, paused: member.paused ? 1 : 0 }),
      ...(member?.timeline == null ? {} : { timeline: member.timeline }),
      ...lag(member, store),
      concerns: seen.concerns.length,
    },
  };
}

/** Behind where the primary last wrote that it is: a standby may already have more than that. */
function lag(member: MemberStatus | null, store: StoreView | null): Readonly<Record<string, number>> {
  if (member === null || member.role === 'primary' || member.position === null || store?.position == null) return {};
  return { lagBytes: Math.max(0, store.position - member.position) };
}

function healthOf(seen: ClusterObservation, about: ObservedMember): Pick<InstanceObservation, 'health' | 'reason'> {
  const { member, store, settings, concerns } = seen;
  const because = (health: InstanceObservation['health'], reason: string) => ({
    health,
    reason: `${about.instance}: ${reason}`,
  });
  if (about.ended) return because('bad', 'no process of Patroni or PostgreSQL is left on its host');
  if (member === null || store === null) return because('unknown', seen.reasons.join('; ') || 'it did not answer');
  const isPrimary = member.role === 'primary';
  if (isPrimary && store.leader !== about.member)
    return because('bad', `it says that it is primary, and ${store.leader ?? 'nobody'} has the lock`);
  if (!isUp(member)) return because('bad', `Patroni says that it is ${member.state}`);
  const danger = concerns.find(({ severity }) => severity === 'refuse');
  if (danger !== undefined) return because('degraded', `${danger.id}: ${danger.text}`);
  if (about.gateProblem !== null) return because('degraded', `its gate: ${about.gateProblem}`);
  if (member.paused) return because('degraded', 'Patroni is paused: it promotes nobody by itself');
  if (about.synchronous && settings !== null && settings.durability !== 'strict')
    return because('degraded', 'the topology promises a second copy of each write, and Patroni is not strict about it');
  if (isPrimary && settings?.durability === 'strict' && (store.sync?.standbys ?? []).length === 0)
    return because('degraded', 'it waits for a synchronous standby and has none');
  return { health: 'ok', reason: concerns[0] === undefined ? null : `${concerns[0].id}: ${concerns[0].text}` };
}

function delegateOf(
  { member, settings, concerns }: ClusterObservation,
  store: StoreView,
  about: ObservedMember,
): DelegateObservation {
  return {
    lock:
      store.leader === null
        ? null
        : { holder: about.instanceOf(store.leader) ?? 'elsewhere', since: store.leaderSince ?? 0 },
    // With quorum commit no single standby is known to have everything.
    withoutLoss: store.sync?.quorum === 0 ? named(store.sync.standbys, about) : [],
    durability: settings?.durability ?? null,
    lockTtlMs: settings === null ? null : settings.ttlSeconds * 1000,
    paused: settings?.paused ?? member?.paused ?? false,
    dangers: concerns.filter(({ severity }) => severity === 'refuse').map(({ id }) => id),
  };
}

const named = (members: readonly string[], { instanceOf }: ObservedMember): readonly InstanceId[] =>
  members.flatMap((member) => instanceOf(member) ?? []);

/** Whoever is connected to it; what each has it wrote to the store by itself. */
function replicasOf(
  { standbys }: MemberStatus,
  { members }: StoreView,
  { instanceOf }: ObservedMember,
): readonly ReplicaObservation[] {
  return standbys.flatMap(({ member, state, sync }) => {
    const instance = instanceOf(member);
    if (instance === null) return [];
    const inSync = state === 'streaming' && (sync === 'sync' || sync === 'quorum');
    return [
      {
        instance,
        state: inSync
          ? ('in-sync' as const)
          : state === 'streaming'
            ? ('catching-up' as const)
            : ('connecting' as const),
        acknowledgedSequence: members.find(({ name }) => name === member)?.position ?? 0,
        silentMs: 0,
      },
    ];
  });
}
