import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type {
  DelegateObservation,
  InstanceObservation,
  LogPosition,
  ReplicaObservation,
  StateDifference,
  StreamEnd,
  StreamObservation,
  UpstreamObservation,
} from '../../core/health/instance-observation.ts';
import type { TailSummary } from '../../core/replication/divergent-tail.ts';
import type { ProcessExit } from '../../engine/driver-port.ts';
import { Fields, numberItem, textOrNullItem } from '../../wire/fields.ts';

/** @throws ShapeError */
export function parseObservation(fields: Fields): InstanceObservation {
  const position = fields.fieldsOrNull('position');
  const upstream = fields.fieldsOrNull('upstream');
  const divergence = fields.fieldsOrNull('divergence');
  const difference = fields.fieldsOrNull('difference');
  const delegate = fields.fieldsOrNull('delegate');
  const stream = fields.fieldsOrNull('stream');
  return {
    instance: fields.text<InstanceId>('instance'),
    process: fields.oneOf('process', ['running', 'exited', 'stopped', 'frozen']),
    role: fields.oneOf('role', ['closed', 'standby', 'primary', 'fenced', 'unknown']),
    epoch: fields.count<Epoch>('epoch'),
    health: fields.oneOf('health', ['ok', 'degraded', 'bad', 'unknown']),
    reason: fields.textOrNull('reason'),
    position: position === null ? null : parsePosition(position),
    releasing: fields.flag('releasing'),
    tradingEnabled: fields.flag('tradingEnabled'),
    ackSet: fields.texts<InstanceId>('ackSet'),
    replicas: fields.list('replicas', (value, at) => parseReplica(Fields.of(value, at))),
    upstream: upstream === null ? null : parseUpstream(upstream),
    divergence:
      divergence === null
        ? null
        : {
            file: divergence.words('file'),
            from: divergence.number('from'),
            count: divergence.number('count'),
            ...(divergence.has('list') ? { list: parseTailSummary(divergence.fields('list')) } : {}),
          },
    ...(difference === null ? {} : { difference: parseDifference(difference) }),
    ...(delegate === null ? {} : { delegate: parseDelegate(delegate) }),
    ...(fields.has('leads') ? { leads: fields.map('leads', textOrNullItem<InstanceId>) } : {}),
    ...(stream === null ? {} : { stream: parseStream(stream) }),
    figures: fields.map('figures', numberItem, {}),
  };
}

/** @throws ShapeError */
export function parseProcessExit(fields: Fields): ProcessExit {
  return {
    instance: fields.text<InstanceId>('instance'),
    code: fields.numberOrNull('code'),
    signal: fields.textOrNull('signal'),
    reaped: fields.flag('reaped'),
    treeEmpty: fields.flag('treeEmpty'),
  };
}

const parseTailSummary = (fields: Fields): TailSummary => ({
  digest: fields.text('digest'),
  entries: fields.count('entries'),
  inconclusive: fields.count('inconclusive'),
});

const parsePosition = (fields: Fields): LogPosition => ({
  generation: fields.count('generation'),
  sequence: fields.count('sequence'),
});

const parseDifference = (fields: Fields): StateDifference => ({
  sequence: fields.count('sequence'),
  upstream: fields.text<InstanceId>('upstream'),
  epoch: fields.count<Epoch>('epoch'),
  wrong: fields.oneOf('wrong', ['here', 'upstream', 'unknown']),
});

function parseStream(fields: Fields): StreamObservation {
  const before = fields.fieldsOrNull('before');
  const left = fields.fieldsOrNull('left');
  return {
    primary: fields.flag('primary'),
    ...parseStreamEnd(fields),
    before: before === null ? null : parseStreamEnd(before),
    ...(fields.has('endedWithinMs') ? { endedWithinMs: fields.count('endedWithinMs') } : {}),
    ...(left === null ? {} : { left: { ...parseStreamEnd(left), endedWithinMs: left.count('endedWithinMs') } }),
  };
}

const parseStreamEnd = (fields: Fields): StreamEnd => ({
  history: fields.words('history'),
  offset: fields.count('offset'),
});

const durabilities = ['strict', 'preferred', 'off'] as const;

function parseDelegate(fields: Fields): DelegateObservation {
  const lock = fields.fieldsOrNull('lock');
  return {
    lock: lock === null ? null : { holder: lock.text<InstanceId | 'elsewhere'>('holder'), since: lock.count('since') },
    withoutLoss: fields.texts<InstanceId>('withoutLoss'),
    durability: fields.has('durability') ? fields.oneOf('durability', durabilities) : null,
    lockTtlMs: fields.numberOrNull('lockTtlMs'),
    paused: fields.flag('paused'),
    dangers: fields.texts('dangers'),
  };
}

const parseReplica = (fields: Fields): ReplicaObservation => ({
  instance: fields.text<InstanceId>('instance'),
  state: fields.oneOf('state', ['connecting', 'catching-up', 'in-sync', 'lost']),
  acknowledgedSequence: fields.number('acknowledgedSequence'),
  silentMs: fields.numberOrNull('silentMs') ?? Number.POSITIVE_INFINITY,
});

const parseUpstream = (fields: Fields): UpstreamObservation => ({
  instance: fields.text<InstanceId>('instance'),
  connected: fields.flag('connected'),
  silentMs: fields.numberOrNull('silentMs') ?? Number.POSITIVE_INFINITY,
});
