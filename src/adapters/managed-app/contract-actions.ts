import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type { ActionOutcome, InstanceAction, Postcondition } from '../../engine/driver-port.ts';
import { type AddressBook, addressOf } from './address-book.ts';
import type { ContractOutcome } from './contract-client.ts';
import type { ContractStatus } from './parse.ts';

/**
 * Actions that are a request to the instance; `start` and `kill` are the supervisor's, `prove-gone` and `take-over` are for what is
 * delegated, `service` for what others run.
 */
export type ContractAction = Exclude<
  InstanceAction,
  { kind: 'start' | 'kill' | 'prove-gone' | 'take-over' | 'service' }
>;

export interface ContractCall {
  readonly method: string;
  readonly params: object;
}

/** Service at which a standby follows. */
const REPLICATION = 'replication';

/** The request that carries the action out; a sentence when an address is not known, and then nothing was done. */
export function callFor(action: ContractAction, book: AddressBook): ContractCall | string {
  switch (action.kind) {
    case 'follow': {
      const address = addressOf(book, action.upstream, REPLICATION);
      if (address === null) return `the address book of this host has no ${REPLICATION} address of ${action.upstream}`;
      return {
        method: 'follow',
        params: { epoch: action.epoch, upstream: { instance: action.upstream, address }, mode: action.mode },
      };
    }
    case 'promote':
      return {
        method: 'promote',
        params: {
          epoch: action.epoch,
          leaseUntilNs: nanoseconds(action.leaseUntil),
          ackSet: action.ackSet,
          tradingEnabled: action.tradingEnabled,
          halted: action.halted ?? false,
        },
      };
    case 'lease':
      return { method: 'lease', params: { epoch: action.epoch, leaseUntilNs: nanoseconds(action.leaseUntil) } };
    case 'fence':
    case 'demote':
    case 'drain':
    case 'test-order':
      return { method: action.kind, params: { epoch: action.epoch } };
    case 'act':
      return { method: 'act', params: { epoch: action.epoch, action: action.action } };
    case 'set-ack-set':
      return {
        method: action.kind,
        params: {
          epoch: action.epoch,
          ackSet: action.ackSet,
          halted: action.halted ?? false,
          askedAtMs: action.askedAt ?? 0,
        },
      };
    case 'set-trading':
      return { method: action.kind, params: { epoch: action.epoch, enabled: action.enabled } };
    case 'route': {
      const routes = addressesFor(action.routes, book);
      return typeof routes === 'string' ? routes : { method: 'route', params: { epoch: action.epoch, routes } };
    }
  }
}

/** Rounded down: never later than what was granted. */
const nanoseconds = (monoMs: number): string => String(BigInt(Math.floor(monoMs * 1e6)));

function addressesFor(
  routes: Readonly<Record<string, InstanceId | null>>,
  book: AddressBook,
): Readonly<Record<string, string | null>> | string {
  const addresses: Record<string, string | null> = {};
  for (const [service, instance] of Object.entries(routes)) {
    const address = instance === null ? null : addressOf(book, instance, service);
    if (instance !== null && address === null)
      return `the address book of this host has no ${service} address of ${instance}`;
    addresses[service] = address;
  }
  return addresses;
}

/** What the instance answered, as the outcome of the action. A refusal is certain; no answer is unknown. */
export function outcomeOf(
  action: ContractAction,
  answer: ContractOutcome,
  selfGateBoundMs: number | null,
): ActionOutcome {
  if (answer.kind === 'refused') return { kind: 'failed', code: answer.code, reason: answer.message };
  if (answer.kind === 'unknown') return { kind: 'unknown', reason: answer.reason };
  const { result } = answer;
  const position = result.fieldsOrNull('position');
  const detail: Record<string, string | number | boolean> =
    position === null ? {} : { positionEpoch: position.count('epoch'), positionSequence: position.count('sequence') };
  if ((action.kind === 'lease' || action.kind === 'promote') && selfGateBoundMs !== null) {
    detail.gate = 'self';
    detail.gateBoundMs = selfGateBoundMs;
  }
  if (action.kind === 'act')
    for (const [name, value] of Object.entries(result.fieldsOrNull('detail')?.raw() ?? {}))
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') detail[name] = value;
  if (action.kind === 'test-order') detail.elapsedMs = result.number('elapsedMs');
  if (action.kind === 'fence') {
    detail.epoch = result.count('epoch', action.epoch);
    const receivers = Object.entries(result.fieldsOrNull('receivers')?.raw() ?? {});
    const unreachable = receivers.filter(([, state]) => state !== 'acknowledged').map(([name]) => name);
    detail.receivers = receivers.length;
    if (unreachable.length > 0) detail.unreachable = unreachable.join(',');
  }
  return { kind: 'ok', detail };
}

/** The last observation with what the instance has confirmed since by carrying the action out. */
export function knownAfter(action: ContractAction, last: InstanceObservation): InstanceObservation {
  const epoch = Math.max(action.epoch, last.epoch) as Epoch;
  switch (action.kind) {
    case 'promote':
      return { ...last, epoch, role: 'primary', ackSet: action.ackSet, tradingEnabled: action.tradingEnabled };
    case 'set-ack-set':
      return { ...last, epoch, ackSet: action.ackSet };
    case 'set-trading':
      return { ...last, epoch, tradingEnabled: action.enabled };
    case 'drain':
      return { ...last, epoch, tradingEnabled: false };
    case 'demote':
      return { ...last, epoch, role: 'closed', releasing: false, ackSet: [], replicas: [] };
    default:
      return { ...last, epoch };
  }
}

/** Judged by a status that was asked for just now. */
export function conditionHolds(
  condition: Exclude<Postcondition, { kind: 'process-gone' }>,
  status: ContractStatus,
  book: AddressBook,
): boolean {
  const { observation, routes } = status;
  switch (condition.kind) {
    case 'epoch-at-least':
      return observation.epoch >= condition.epoch;
    case 'primary-at':
      return observation.role === 'primary' && observation.epoch === condition.epoch;
    case 'not-primary':
      return observation.role !== 'primary' && observation.epoch >= condition.epoch;
    case 'following':
      return (
        observation.role === 'standby' &&
        observation.epoch >= condition.epoch &&
        observation.upstream?.instance === condition.upstream &&
        observation.upstream.connected
      );
    case 'routed': {
      const wanted = addressesFor(condition.routes, book);
      if (typeof wanted === 'string' || routes === null || observation.epoch < condition.epoch) return false;
      return Object.entries(wanted).every(([service, address]) => (routes[service] ?? null) === address);
    }
    case 'trading':
      return observation.tradingEnabled === condition.enabled;
  }
}
