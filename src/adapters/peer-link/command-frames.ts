import type { FencingProof, LockSeen } from '../../core/authority/fencing-proof.ts';
import type {
  AcceptedExposure,
  AdoptedPrimary,
  AdoptionMark,
  DurabilityMode,
  FormerEnd,
  Grant,
  GroupRecord,
  ReplacedWriter,
} from '../../core/authority/group-record.ts';
import type {
  ComponentId,
  Epoch,
  GroupId,
  HostId,
  InstanceId,
  MonoMs,
  Revision,
  RunId,
  SiteId,
  StepId,
  Term,
  WallMs,
} from '../../core/base/ids.ts';
import { serviceOrders } from '../../core/health/service-state.ts';
import type { StreamLoss } from '../../core/replication/stream-loss.ts';
import type { InstanceAction, Postcondition } from '../../engine/driver-port.ts';
import type { AgentOrder, Command, CommandOutcome } from '../../engine/messages.ts';
import { Fields, ShapeError, textOrNullItem } from '../../wire/fields.ts';

/** @throws ShapeError */
export function parseCommand(fields: Fields): Command {
  return {
    key: fields.text('key'),
    group: fields.text<GroupId>('group'),
    term: fields.count<Term>('term'),
    epoch: fields.count<Epoch>('epoch'),
    run: fields.text<RunId>('run'),
    step: fields.text<StepId>('step'),
    attempt: fields.count('attempt'),
    deadlineMs: fields.number('deadlineMs'),
    order: parseOrder(fields.fields('order')),
  };
}

/** @throws ShapeError */
export function parseCommandOutcome(fields: Fields): CommandOutcome {
  const proof = fields.fieldsOrNull('proof');
  return {
    key: fields.text('key'),
    attempt: fields.count('attempt'),
    host: fields.text<HostId>('host'),
    outcome: parseOutcome(fields.fields('outcome')),
    proof: proof === null ? null : parseProof(proof),
    repeated: fields.flag('repeated'),
  };
}

function parseOutcome(fields: Fields): CommandOutcome['outcome'] {
  const kind = fields.oneOf('kind', ['ok', 'failed', 'unknown', 'refused']);
  switch (kind) {
    case 'ok':
      return { kind, detail: fields.map('detail', detailItem, {}) };
    case 'failed':
      return { kind, code: fields.text('code'), reason: fields.words('reason', '') };
    case 'unknown':
      return { kind, reason: fields.words('reason', '') };
    case 'refused':
      return {
        kind,
        code: fields.oneOf('code', ['stale-term', 'stale-epoch', 'not-mine', 'no-grant', 'reign-over']),
        reason: fields.words('reason', ''),
      };
  }
}

/** @throws ShapeError */
export function parseProof(fields: Fields): FencingProof {
  const sticky = fields.fields('sticky');
  return {
    method: fields.oneOf('method', ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested']),
    scope: fields.text<InstanceId>('scope'),
    epoch: fields.count<Epoch>('epoch'),
    sticky: { heal: sticky.flag('heal'), reboot: sticky.flag('reboot') },
    evidence: fields.words('evidence'),
    ...lockIn(fields, 'lock'),
  };
}

/** A part that may be left out. */
function lockIn<Name extends 'lock' | 'gone'>(fields: Fields, name: Name): Partial<Record<Name, LockSeen>> {
  const lock = fields.fieldsOrNull(name);
  if (lock === null) return {};
  const seen: LockSeen = { since: lock.count('since'), renewed: lock.count('renewed') };
  return { [name]: seen } as Record<Name, LockSeen>;
}

function shutIn(fields: Fields): { readonly shut?: Pick<LockSeen, 'since'> } {
  const shut = fields.fieldsOrNull('shut');
  return shut === null ? {} : { shut: { since: shut.count('since') } };
}

function parseOrder(fields: Fields): AgentOrder {
  const kind = fields.oneOf('kind', ['raise-epoch', 'silence', 'promote', 'perform', 'confirm', 'ask']);
  const instance = () => fields.text<InstanceId>('instance');
  switch (kind) {
    case 'raise-epoch':
      return { kind, components: fields.texts<ComponentId>('components') };
    case 'silence':
      return {
        kind,
        instance: instance(),
        gentle: fields.flag('gentle'),
        holderEpoch: fields.count<Epoch>('holderEpoch'),
      };
    case 'promote':
      return {
        kind,
        instance: instance(),
        record: parseGroupRecord(fields.fields('record')),
        revision: fields.count<Revision>('revision'),
        leaseRevision: fields.count<Revision>('leaseRevision', 0),
      };
    case 'perform':
      return {
        kind,
        instance: instance(),
        action: parseAction(fields.fields('action')),
        ...(fields.has('since') ? { since: fields.count<Revision>('since') } : {}),
      };
    case 'confirm':
      return { kind, instance: instance(), condition: parseCondition(fields.fields('condition')) };
    case 'ask':
      return { kind, instance: instance(), question: fields.oneOf('question', ['takeover', 'tail', 'service']) };
  }
}

function parseAction(fields: Fields): InstanceAction {
  const kind = fields.oneOf('kind', actionKinds);
  const epoch = () => fields.count<Epoch>('epoch');
  const leaseUntil = () => fields.number('leaseUntil') as MonoMs;
  const ackSet = () => fields.texts<InstanceId>('ackSet');
  switch (kind) {
    case 'start':
    case 'kill':
      return { kind };
    case 'fence':
    case 'prove-gone':
    case 'demote':
    case 'drain':
    case 'test-order':
      return { kind, epoch: epoch() };
    case 'act':
      return { kind, epoch: epoch(), action: fields.text('action') };
    case 'follow':
      return {
        kind,
        epoch: epoch(),
        upstream: fields.text<InstanceId>('upstream'),
        mode: fields.oneOf('mode', ['sync', 'async']),
      };
    case 'promote':
      return {
        kind,
        epoch: epoch(),
        leaseUntil: leaseUntil(),
        ackSet: ackSet(),
        tradingEnabled: fields.flag('tradingEnabled'),
        halted: fields.flag('halted', false),
      };
    case 'lease':
      return { kind, epoch: epoch(), leaseUntil: leaseUntil() };
    case 'set-ack-set':
      return {
        kind,
        epoch: epoch(),
        ackSet: ackSet(),
        halted: fields.flag('halted', false),
        askedAt: fields.number('askedAt', 0) as MonoMs,
      };
    case 'set-trading':
      return { kind, epoch: epoch(), enabled: fields.flag('enabled') };
    case 'route':
      return {
        kind,
        epoch: epoch(),
        routes: fields.map('routes', textOrNullItem<InstanceId>),
        ...(fields.has('silence') ? { silence: true } : {}),
      };
    case 'take-over':
      return {
        kind,
        epoch: epoch(),
        former: fields.textOrNull<InstanceId>('former'),
        planned: fields.flag('planned'),
        ...lockIn(fields, 'gone'),
        ...shutIn(fields),
      };
    case 'service':
      return { kind, epoch: epoch(), order: fields.oneOf('order', serviceOrders) };
  }
}

const actionKinds = [
  'start',
  'kill',
  'fence',
  'follow',
  'promote',
  'lease',
  'demote',
  'drain',
  'act',
  'set-ack-set',
  'set-trading',
  'route',
  'prove-gone',
  'take-over',
  'test-order',
  'service',
] as const satisfies readonly InstanceAction['kind'][];

function parseCondition(fields: Fields): Postcondition {
  const kind = fields.oneOf('kind', [
    'process-gone',
    'epoch-at-least',
    'primary-at',
    'not-primary',
    'following',
    'routed',
    'trading',
  ]);
  const epoch = () => fields.count<Epoch>('epoch');
  switch (kind) {
    case 'process-gone':
      return { kind };
    case 'epoch-at-least':
    case 'primary-at':
    case 'not-primary':
      return { kind, epoch: epoch() };
    case 'following':
      return { kind, epoch: epoch(), upstream: fields.text<InstanceId>('upstream') };
    case 'routed':
      return { kind, epoch: epoch(), routes: fields.map('routes', textOrNullItem<InstanceId>) };
    case 'trading':
      return { kind, enabled: fields.flag('enabled') };
  }
}

/** @throws ShapeError */
export function parseGroupRecord(fields: Fields): GroupRecord {
  const adopted = fields.fieldsOrNull('adopted');
  return {
    group: fields.text<GroupId>('group'),
    incarnation: fields.text('incarnation'),
    epoch: fields.count<Epoch>('epoch'),
    activeSite: fields.textOrNull<SiteId>('activeSite'),
    traffic: fields.textOrNull<SiteId>('traffic'),
    grants: fields.map('grants', (value, at) => parseGrant(Fields.of(value, at))),
    run: fields.textOrNull<RunId>('run'),
    tradingEnabled: fields.flag('tradingEnabled'),
    ...(fields.has('delegates')
      ? { delegates: fields.map('delegates', (value, at) => parseAdopted(Fields.of(value, at))) }
      : {}),
    ...(fields.has('writers')
      ? { writers: fields.map('writers', (value, at) => parseWriter(Fields.of(value, at))) }
      : {}),
    ...(adopted === null ? {} : { adopted: parseMark(adopted) }),
  };
}

function parseWriter(fields: Fields): ReplacedWriter {
  const end = fields.fieldsOrNull('formerEnd');
  return {
    component: fields.text<ComponentId>('component'),
    instance: fields.textOrNull<InstanceId>('instance'),
    epoch: fields.count<Epoch>('epoch'),
    former: fields.text<InstanceId>('former'),
    besideSite: fields.text<SiteId>('besideSite'),
    why: fields.words('why'),
    ...(end === null ? {} : { formerEnd: parseFormerEnd(end) }),
    ...(fields.has('loss') ? { loss: parseLoss(fields.fields('loss')) } : {}),
  };
}

const parseFormerEnd = (fields: Fields): FormerEnd => ({
  history: fields.words('history'),
  offset: fields.count('offset'),
  stopped: fields.flag('stopped'),
  ...(fields.has('endedWithinMs') ? { endedWithinMs: fields.count('endedWithinMs') } : {}),
});

function parseLoss(fields: Fields): StreamLoss {
  const kind = fields.oneOf('kind', ['none', 'lost', 'bounded', 'unknown']);
  switch (kind) {
    case 'none':
      return { kind };
    case 'lost':
      return { kind, bytes: fields.count('bytes'), exact: fields.flag('exact') };
    case 'bounded':
      return { kind, lastMs: fields.count('lastMs'), keptBytes: fields.count('keptBytes') };
    case 'unknown':
      return { kind, reason: fields.words('reason') };
  }
}

const parseAdopted = (fields: Fields): AdoptedPrimary => ({
  component: fields.text<ComponentId>('component'),
  holder: fields.textOrNull<InstanceId>('holder'),
  lock: fields.count('lock'),
  epoch: fields.count<Epoch>('epoch'),
});

function parseGrant(fields: Fields): Grant {
  const revoked = fields.fieldsOrNull('revoked');
  return {
    component: fields.text<ComponentId>('component'),
    holder: fields.textOrNull<InstanceId>('holder'),
    epoch: fields.count<Epoch>('epoch'),
    ackSet: fields.texts<InstanceId>('ackSet'),
    promotable: fields.texts<InstanceId>('promotable'),
    mode: parseMode(fields.fields('mode')),
    revoked:
      revoked === null
        ? null
        : {
            instance: revoked.text<InstanceId>('instance'),
            epoch: revoked.count<Epoch>('epoch'),
            leaseRevision: revoked.count<Revision>('leaseRevision'),
            promotable: revoked.texts<InstanceId>('promotable'),
            ...(revoked.has('adopted') ? { adopted: revoked.oneOf('adopted', ['believed', 'doubted']) } : {}),
          },
  };
}

function parseMode(fields: Fields): DurabilityMode {
  const kind = fields.oneOf('kind', ['strict', 'degraded', 'halted']);
  if (kind === 'strict') return { kind };
  const lost = fields.texts<InstanceId>('lost');
  const given = fields.fieldsOrNull('accepted');
  const accepted = given === null ? {} : { accepted: parseAccepted(given) };
  if (kind === 'halted') return { kind, lost, ...accepted };
  return { kind, sinceEpoch: fields.count<Epoch>('sinceEpoch'), lost, ...accepted };
}

const parseAccepted = (fields: Fields): AcceptedExposure => ({
  lost: fields.texts<InstanceId>('lost'),
  ...parseMark(fields),
});

const parseMark = (fields: Fields): AdoptionMark => ({
  by: fields.text('by'),
  role: fields.text('role'),
  reason: fields.words('reason', ''),
  at: fields.number('at') as WallMs,
});

function detailItem(value: unknown, at: string): string | number | boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new ShapeError(at, 'must be a text, a number, true or false');
}
