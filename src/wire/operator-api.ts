import type { Json } from '../core/base/canonical-json.ts';
import { serviceOrders } from '../core/health/service-state.ts';
import type { OperatorAnswer, OperatorRequest, PlannedMove } from '../core/operator/operator-request.ts';
import { Fields, ShapeError } from './fields.ts';

/**
 * The operator API, version 1: HTTPS with a client certificate that names a person and a role.
 *
 * | request | answer |
 * |---|---|
 * | `POST /v1/requests` `{"request": OperatorRequest}` | 200 `{"answer": OperatorAnswer}` |
 * | `GET /v1/status` | 200 `{"answer": OperatorAnswer}`, as `{"kind":"status"}` |
 * | `GET /v1/events` | 200, NDJSON: one `ApiEvent` per line, at once and whenever the status changes |
 * | `GET /v1/history?after=N&limit=M&prefix=P` | 200 `{"entries": HistoryEntry[]}`: what this controller saw the authority say |
 *
 * Everything else is `{"error": ApiProblem}` with 400, 401, 403, 404, 405, 413, 429 or 504.
 */
export const apiVersion = 1;

export type { OperatorAnswer, OperatorRequest };

export interface ApiProblem {
  readonly code: string;
  readonly tried: string;
  readonly found: string;
  readonly next: string;
}

export type ApiEvent =
  | { readonly event: 'status'; readonly at: number; readonly status: Json }
  | { readonly event: 'alive'; readonly at: number };

export interface HistoryEntry {
  readonly number: number;
  /** UTC, milliseconds, on the controller's clock. */
  readonly at: number;
  readonly revision: number;
  readonly key: string;
  /** Null: removed. */
  readonly value: Json;
}

export const apiLimits = {
  requestBytes: 64 * 1024,
  answerBytes: 8 * 1024 * 1024,
  reasonLength: 2000,
  answerWithinMs: 15_000,
} as const;

const READS: readonly OperatorRequest['kind'][] = [
  'status',
  'runs',
  'replication',
  'rpo',
  'network',
  'plan',
  'plan-recovery',
  'validate',
  'residue',
  'fates',
  'tail',
  'service',
];

/** Requests that change nothing: they may be repeated on another controller. */
export const isRead = (request: OperatorRequest): boolean => READS.includes(request.kind);

const kinds: readonly OperatorRequest['kind'][] = [
  'status',
  'runs',
  'replication',
  'rpo',
  'network',
  'network-test',
  'activate',
  'plan-recovery',
  'recover',
  'validate',
  'residue',
  'fates',
  'tail',
  'service',
  'order-service',
  'plan',
  'move',
  'approve',
  'freeze',
  'maintenance',
  'announce',
  'acknowledge',
  'fence',
  'adopt',
  'resume',
];

/** @throws ShapeError */
export function parseOperatorRequest(value: unknown): OperatorRequest {
  const fields = Fields.of(value, 'request');
  const kind = fields.oneOf('kind', kinds);
  switch (kind) {
    case 'status':
    case 'runs':
    case 'replication':
    case 'rpo':
    case 'network':
      return { kind };
    case 'network-test':
      return { kind, from: fields.text('from'), to: fields.text('to'), bytes: fields.count('bytes') };
    case 'activate':
      return { kind, group: fields.text('group'), site: fields.text('site') };
    case 'plan-recovery':
      return { kind, ...recoveryOf(fields) };
    case 'recover':
      return { kind, ...recoveryOf(fields), digest: fields.textOrNull('digest'), reason: reasonOf(fields) };
    case 'validate':
    case 'residue':
      return { kind, group: fields.text('group') };
    case 'fates':
    case 'tail':
      return { kind, group: fields.text('group'), instance: fields.textOrNull('instance') };
    case 'service':
      return { kind, group: fields.text('group'), instance: fields.text('instance') };
    case 'order-service':
      return {
        kind,
        group: fields.text('group'),
        instance: fields.text('instance'),
        order: fields.oneOf('order', serviceOrders),
        reason: reasonOf(fields),
      };
    case 'plan':
      return { kind, ...riskyMoveOf(fields) };
    case 'move':
      return {
        kind,
        ...riskyMoveOf(fields),
        digest: fields.textOrNull('digest'),
        reason: reasonOf(fields),
      };
    case 'approve':
      return {
        kind,
        group: fields.text('group'),
        digest: fields.text('digest'),
        minutes: minutesOf(fields) ?? 30,
        acceptDataLoss: lossOf(fields),
      };
    case 'freeze':
      return {
        kind,
        group: fields.text('group'),
        lift: fields.flag('lift', false),
        reason: reasonOf(fields),
        minutes: minutesOf(fields),
      };
    case 'maintenance':
      return {
        kind,
        group: fields.text('group'),
        end: fields.flag('end', false),
        reason: reasonOf(fields),
        minutes: minutesOf(fields),
      };
    case 'announce':
      return { kind, group: fields.text('group'), ticket: fields.text('ticket'), reason: reasonOf(fields) };
    case 'acknowledge':
      return { kind, group: fields.text('group') };
    case 'fence':
      return {
        kind,
        group: fields.text('group'),
        instance: fields.text('instance'),
        attest: fields.flag('attest', false),
        lift: fields.flag('lift', false),
        reason: reasonOf(fields),
      };
    case 'adopt':
      return { kind, group: fields.text('group'), reason: reasonOf(fields) };
    case 'resume':
      return {
        kind,
        group: fields.text('group'),
        acceptExposure: fields.words('acceptExposure', ''),
        reason: reasonOf(fields),
      };
  }
}

/** @throws ShapeError */
export function parseOperatorAnswer(value: unknown): OperatorAnswer {
  const fields = Fields.of(value, 'answer');
  const kind = fields.oneOf('kind', ['ok', 'refused', 'not-leading']);
  if (kind === 'ok') return { kind, result: fields.json('result', null) };
  if (kind === 'not-leading') return { kind, leader: fields.textOrNull('leader') };
  return { kind, ...problemOf(fields), result: fields.json('result', null) };
}

/** @throws ShapeError */
export const parseApiProblem = (value: unknown): ApiProblem => problemOf(Fields.of(value, 'error'));

const problemOf = (fields: Fields): ApiProblem => ({
  code: fields.text('code'),
  tried: fields.words('tried', ''),
  found: fields.words('found', ''),
  next: fields.words('next', ''),
});

const recoveryOf = (fields: Fields) => ({
  group: fields.text('group'),
  component: fields.text('component'),
  runbook: fields.textOrNull('runbook'),
});

function riskyMoveOf(fields: Fields): {
  readonly group: string;
  readonly move: PlannedMove;
  readonly toSite: string | null;
  readonly overrides: readonly string[];
  readonly acceptDataLoss: string | null;
  readonly ticket: string | null;
} {
  const move = fields.oneOf('move', ['failover', 'switchover']);
  const acceptDataLoss = lossOf(fields);
  if (move === 'switchover' && acceptDataLoss !== null)
    throw fields.error('acceptDataLoss', 'must be null: a switchover loses nothing or is refused');
  return {
    group: fields.text('group'),
    move,
    toSite: fields.textOrNull('toSite'),
    overrides: fields.texts('overrides', []),
    acceptDataLoss,
    ticket: fields.textOrNull('ticket'),
  };
}

/** Named, or nothing is accepted: `""` is a slip, not a loss. */
function lossOf(fields: Fields): string | null {
  const loss = fields.textOrNull('acceptDataLoss');
  if (loss !== null && loss.trim() === '') throw fields.error('acceptDataLoss', 'must name the loss, e.g. orders:12');
  return loss;
}

function reasonOf(fields: Fields): string {
  const reason = fields.words('reason', '');
  if (reason.length > apiLimits.reasonLength)
    throw new ShapeError('request.reason', `must have at most ${apiLimits.reasonLength} characters`);
  return reason;
}

function minutesOf(fields: Fields): number | null {
  const minutes = fields.numberOrNull('minutes');
  if (minutes !== null && (minutes <= 0 || minutes > 7 * 24 * 60))
    throw fields.error('minutes', 'must be more than 0 and at most 10080 (a week)');
  return minutes;
}
