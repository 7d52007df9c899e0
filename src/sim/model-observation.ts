import type { Epoch, InstanceId } from '../core/base/ids.ts';
import type {
  DelegateObservation,
  InstanceObservation,
  ReplicaObservation,
} from '../core/health/instance-observation.ts';
import { isServedKind } from '../core/topology/served.ts';
import type { InstanceModel } from './instance-model.ts';

/** What a primary knows of one that replicates from it. */
export interface Replica {
  state: ReplicaObservation['state'];
  acknowledged: number;
  heardAt: number;
}

/** What an agent sees of a modelled process, as its driver would tell it. */
export function observationOf(
  model: InstanceModel,
  { replicas, now }: { readonly replicas: ReadonlyMap<InstanceId, Replica>; readonly now: number },
): InstanceObservation {
  const process = model.hidden && model.process === 'running' ? 'frozen' : model.process;
  const runs = process === 'running';
  // What others run is known only by its answers.
  // But a process that its agent sees end.
  const endSeen = process === 'exited' && (model.redis !== null || model.delegate !== null);
  const silent = !runs && isServedKind(model.component.kind) && !endSeen;
  if (model.delegate !== null) return delegatedObservation(model, silent ? null : model.delegate.view(model));
  return {
    instance: model.id,
    process: silent ? 'running' : process,
    role: silent ? 'unknown' : roleOf(model, process),
    epoch: model.epoch as Epoch,
    ...(silent ? { health: 'unknown', reason: `${model.id} does not answer` } : healthOf(model)),
    position: { generation: model.log.at(-1)?.epoch ?? 0, sequence: model.log.length },
    releasing: model.role === 'primary' && model.opened && runs && (!model.selfGated || model.leaseValid),
    tradingEnabled: model.tradingEnabled && !model.draining,
    ackSet: model.ackSet,
    replicas: [...replicas].map(([instance, replica]) => ({
      instance,
      state: replica.state,
      acknowledgedSequence: replica.acknowledged,
      silentMs: now - replica.heardAt,
    })),
    upstream: model.standby.observe(now),
    divergence: model.divergence,
    ...(model.state.difference === null ? {} : { difference: model.state.difference }),
    ...(runs && isServedKind(model.component.kind) ? { leads: leadsOf(model) } : {}),
    ...(model.redis === null ? {} : { stream: model.redis.streamOf(model.id) }),
    figures: figuresOf(model),
  };
}

/** As Patroni's driver tells it: without its store nobody is known to be primary. Positions are not modelled. */
function delegatedObservation(model: InstanceModel, delegate: DelegateObservation | null): InstanceObservation {
  const { id, epoch } = model;
  const ended = model.process === 'exited';
  const role = ended ? 'closed' : model.role;
  const isPrimary = delegate !== null && role === 'primary' && delegate.lock?.holder === id;
  return {
    instance: id,
    process: ended ? 'exited' : 'running',
    role: ended || delegate !== null ? role : 'unknown',
    epoch: epoch as Epoch,
    ...(ended
      ? { health: 'bad', reason: `nothing of ${id} is left` }
      : delegate === null
        ? { health: 'unknown', reason: `${id} or its store does not answer` }
        : { health: 'ok', reason: null }),
    position: null,
    releasing: isPrimary,
    tradingEnabled: false,
    ackSet: isPrimary ? delegate.withoutLoss : [],
    replicas: isPrimary
      ? delegate.withoutLoss.map((instance) => ({ instance, state: 'in-sync', acknowledgedSequence: 0, silentMs: 0 }))
      : [],
    upstream: null,
    divergence: null,
    delegate,
    figures: {},
  };
}

function roleOf(model: InstanceModel, process: InstanceModel['process']): InstanceObservation['role'] {
  if (process !== 'running') return process === 'frozen' ? 'unknown' : 'closed';
  return model.routed ? 'standby' : model.role;
}

function healthOf(model: InstanceModel): Pick<InstanceObservation, 'health' | 'reason'> {
  if (model.process !== 'running') return { health: 'bad', reason: `process ${model.process}` };
  if (model.hidden) return { health: 'unknown', reason: 'it does not answer' };
  if (model.state.doubted) return { health: 'bad', reason: 'its state may be wrong' };
  if (model.ill !== null) return model.ill;
  if (model.state.difference !== null) return { health: 'degraded', reason: 'the state of its primary is wrong' };
  return model.inRecovery ? { health: 'degraded', reason: 'a recovery was ordered' } : { health: 'ok', reason: null };
}

const leadsOf = ({ component, leads }: InstanceModel): NonNullable<InstanceObservation['leads']> =>
  Object.fromEntries(Object.keys(component.served?.leads ?? {}).map((name) => [name, leads[name] ?? null]));

/** Positions are not modelled: a keeper that runs agrees with its engine. */
function figuresOf(model: InstanceModel): InstanceObservation['figures'] {
  const { component, ordersInFlight, routed, epoch, ledEpoch } = model;
  if (component.kind === 'redis' && model.process !== 'running') return { ledEpoch };
  if (component.kind === 'redis') return { openEpoch: routed ? epoch : 0, ledEpoch };
  if (component.kind === 'discovery') return { epoch };
  if (component.kind === 'keepalived') return { holds: routed ? 1 : 0, runs: 1 };
  if (component.kind === 'trading-engine') return { activeOrders: ordersInFlight };
  return component.kind === 'position-keeper' ? { agreedAgoMs: 0 } : {};
}
