import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { InstanceObservation, StateDifference } from '../../core/health/instance-observation.ts';
import { Fields, textOrNullItem } from '../../wire/fields.ts';

/** `Status` of the component contract, version 1, as an observation of a running process. @throws ShapeError */
export function parseStatus(instance: InstanceId, status: Fields): ContractStatus {
  const position = status.fieldsOrNull('position');
  const upstream = status.fieldsOrNull('upstream');
  const divergence = status.fieldsOrNull('divergence');
  const difference = status.fieldsOrNull('difference');
  const role = status.oneOf('role', ['closed', 'standby', 'primary', 'fenced']);
  const business = status.fieldsOrNull('business');
  const observation: InstanceObservation = {
    instance,
    process: 'running',
    role,
    epoch: status.count<Epoch>('epoch'),
    health: status.oneOf('health', ['ok', 'degraded', 'bad']),
    reason: status.textOrNull('reason'),
    position: position === null ? null : { generation: position.count('epoch'), sequence: position.count('sequence') },
    releasing: role === 'primary' && status.flag('releasing'),
    tradingEnabled: status.flag('tradingEnabled', false),
    ackSet: status.texts<InstanceId>('ackSet', []),
    replicas: status.list(
      'replicas',
      (value, at) => {
        const replica = Fields.of(value, at);
        return {
          instance: replica.text<InstanceId>('instance'),
          state: replica.oneOf('state', ['connecting', 'catching-up', 'in-sync', 'lost']),
          acknowledgedSequence: replica.number('acknowledgedSequence', 0),
          silentMs: replica.number('silentMs', 0),
        };
      },
      [],
    ),
    upstream:
      upstream === null
        ? null
        : {
            instance: upstream.text<InstanceId>('instance'),
            connected: upstream.flag('connected'),
            silentMs: upstream.number('silentMs', 0),
          },
    divergence:
      divergence === null
        ? null
        : { file: divergence.text('file'), from: divergence.number('fromSequence'), count: divergence.number('count') },
    ...(difference === null ? {} : { difference: differenceOf(difference) }),
    figures: business === null ? {} : figuresOf(business),
  };
  return { observation, routes: business?.has('routes') ? business.map('routes', textOrNullItem<string>) : null };
}

export interface ContractStatus {
  readonly observation: InstanceObservation;
  /** Fronts only: the address that each service leads to; null = closed. */
  readonly routes: Readonly<Record<string, string | null>> | null;
}

const differenceOf = (difference: Fields): StateDifference => ({
  sequence: difference.count('sequence'),
  upstream: difference.text<InstanceId>('upstream'),
  epoch: difference.count<Epoch>('epoch'),
  wrong: difference.oneOf('wrong', ['here', 'upstream', 'unknown']),
});

/** Numbers as they are, texts left out; `business` is the application's own and may hold anything. */
function figuresOf(business: Fields): Readonly<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [name, value] of Object.entries(business.raw()))
    if (typeof value === 'number' && Number.isFinite(value)) figures[name] = value;
  return figures;
}

/** What is known of an instance that cannot be asked: the last it said, without what cannot be true any more. */
export function silentObservation(
  instance: InstanceId,
  last: InstanceObservation | null,
  now: { readonly process: InstanceObservation['process']; readonly reason: string },
): InstanceObservation {
  const gone = now.process === 'exited' || now.process === 'stopped';
  const health = now.process === 'running' ? 'unknown' : 'bad';
  const base = last ?? blankObservation(instance);
  return {
    ...base,
    process: now.process,
    reason: now.reason,
    health,
    role: gone ? 'closed' : base.role,
    releasing: false,
    replicas: gone ? [] : base.replicas,
    upstream: gone ? null : base.upstream,
  };
}

const blankObservation = (instance: InstanceId): InstanceObservation => ({
  instance,
  process: 'running',
  role: 'unknown',
  epoch: 0 as Epoch,
  health: 'unknown',
  reason: null,
  position: null,
  releasing: false,
  tradingEnabled: false,
  ackSet: [],
  replicas: [],
  upstream: null,
  divergence: null,
  figures: {},
});
