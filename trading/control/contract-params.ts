import { asRecord, countField, type JsonRecord, textField, textListField } from '../base/json-record.ts';
import {
  type AckSetParams,
  type ActParams,
  ContractError,
  type EpochParams,
  type FollowParams,
  type LeaseParams,
  type PromoteParams,
  type RouteParams,
  type TradingParams,
} from './contract.ts';

/** `host:port` with a numeric port, IPv6 hosts in brackets; null when it is not one. */
export const parseAddress = (address: string): { readonly host: string; readonly port: number } | null => {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : null;
};

const require = <Value>(value: Value | null, complaint: string): Value => {
  if (value === null) throw new ContractError('bad-params', complaint);
  return value;
};

export const epochParams = (params: JsonRecord): EpochParams => {
  const epoch = require(countField(params, 'epoch'), 'epoch must be a whole number');
  if (epoch === 0) throw new ContractError('bad-params', 'epoch 0 means "none yet" and grants nothing');
  return { epoch };
};

export const leaseParams = (params: JsonRecord): LeaseParams => {
  const text = textField(params, 'leaseUntilNs');
  const digits = text !== null && /^\d{1,19}$/.test(text) ? text : null;
  return {
    ...epochParams(params),
    leaseUntilNs: BigInt(require(digits, 'leaseUntilNs must be a decimal string of nanoseconds')),
  };
};

export const promoteParams = (params: JsonRecord): PromoteParams => ({
  ...leaseParams(params),
  ackSet: ackSetParams(params).ackSet,
  halted: haltedOf(params) ?? false,
  tradingEnabled: require(params.tradingEnabled === undefined
    ? true
    : booleanOf(params.tradingEnabled), 'tradingEnabled must be true or false'),
});

export const ackSetParams = (params: JsonRecord): AckSetParams => ({
  ...epochParams(params),
  ackSet: [...new Set(require(textListField(params, 'ackSet'), 'ackSet must be a list of instance names'))],
  halted: haltedOf(params),
  askedAtMs: typeof params.askedAtMs === 'number' ? params.askedAtMs : 0,
});

export const tradingParams = (params: JsonRecord): TradingParams => ({
  ...epochParams(params),
  enabled: require(booleanOf(params.enabled), 'enabled must be true or false'),
});

export const followParams = (params: JsonRecord): FollowParams => {
  const upstream = require(asRecord(params.upstream), 'upstream must be {instance, address}');
  const address = require(textField(upstream, 'address'), 'upstream.address must be host:port');
  require(parseAddress(address), 'upstream.address must be host:port');
  const mode = params.mode;
  return {
    ...epochParams(params),
    upstream: { instance: require(textField(upstream, 'instance'), 'upstream.instance must be a name'), address },
    mode:
      mode === 'async'
        ? 'async'
        : require(mode === 'sync' || mode === undefined ? 'sync' : null, 'mode must be sync or async'),
  };
};

export const actParams = (params: JsonRecord): ActParams => ({
  ...epochParams(params),
  action: require(textField(params, 'action'), 'action must be the name of one'),
  options: require(asRecord(params.options ?? {}), 'options must be an object'),
});

export const routeParams = (params: JsonRecord): RouteParams => {
  const given = require(asRecord(params.routes), 'routes must be {SERVICE: address or null}');
  const routes: Record<string, string | null> = {};
  for (const [service, address] of Object.entries(given)) {
    if (address !== null && (typeof address !== 'string' || parseAddress(address) === null))
      throw new ContractError('bad-params', `the address of ${service} must be host:port or null`);
    routes[service] = address;
  }
  return { ...epochParams(params), routes };
};

const haltedOf = (params: JsonRecord): boolean | null =>
  params.halted === undefined ? null : require(booleanOf(params.halted), 'halted must be true or false');

const booleanOf = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);
