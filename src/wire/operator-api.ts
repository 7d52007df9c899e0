import type { Json } from '../core/base/canonical-json.ts';
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

export type OperatorRequest =
  | { readonly kind: 'status' }
  | { readonly kind: 'runs' }
  | { readonly kind: 'activate'; readonly group: string; readonly site: string }
  | { readonly kind: 'plan'; readonly group: string; readonly move: Move; readonly toSite: string | null }
  | {
      readonly kind: 'move';
      readonly group: string;
      readonly move: Move;
      readonly toSite: string | null;
      readonly digest: string | null;
      readonly overrides: readonly string[];
      readonly reason: string;
      readonly acceptDataLoss: string | null;
    }
  | {
      readonly kind: 'approve';
      readonly group: string;
      readonly digest: string;
      readonly minutes: number;
      readonly acceptDataLoss: string | null;
    }
  | {
      readonly kind: 'freeze';
      readonly group: string;
      readonly lift: boolean;
      readonly reason: string;
      readonly minutes: number | null;
    }
  | {
      readonly kind: 'maintenance';
      readonly group: string;
      readonly end: boolean;
      readonly reason: string;
      readonly minutes: number | null;
    }
  | { readonly kind: 'acknowledge'; readonly group: string }
  | {
      readonly kind: 'fence';
      readonly group: string;
      readonly instance: string;
      readonly attest: boolean;
      readonly lift: boolean;
      readonly reason: string;
    };

export type Move = 'failover' | 'switchover';

export type OperatorAnswer =
  | { readonly kind: 'ok'; readonly result: Json }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly tried: string;
      readonly found: string;
      readonly next: string;
      readonly result: Json;
    }
  /** `leader` is the name (site) of the controller that leads, as far as this one knows. */
  | { readonly kind: 'not-leading'; readonly leader: string | null };

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

/** Requests that change nothing: they may be repeated on another controller. */
export const isRead = (request: OperatorRequest): boolean =>
  request.kind === 'status' || request.kind === 'runs' || request.kind === 'plan';

const kinds: readonly OperatorRequest['kind'][] = [
  'status',
  'runs',
  'activate',
  'plan',
  'move',
  'approve',
  'freeze',
  'maintenance',
  'acknowledge',
  'fence',
];

/** @throws ShapeError */
export function parseOperatorRequest(value: unknown): OperatorRequest {
  const fields = Fields.of(value, 'request');
  const kind = fields.oneOf('kind', kinds);
  switch (kind) {
    case 'status':
    case 'runs':
      return { kind };
    case 'activate':
      return { kind, group: fields.text('group'), site: fields.text('site') };
    case 'plan':
      return { kind, ...moveOf(fields) };
    case 'move':
      return {
        kind,
        ...moveOf(fields),
        digest: fields.textOrNull('digest'),
        overrides: fields.texts('overrides', []),
        reason: reasonOf(fields),
        acceptDataLoss: fields.textOrNull('acceptDataLoss'),
      };
    case 'approve':
      return {
        kind,
        group: fields.text('group'),
        digest: fields.text('digest'),
        minutes: minutesOf(fields) ?? 30,
        acceptDataLoss: fields.textOrNull('acceptDataLoss'),
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

function moveOf(fields: Fields): { readonly group: string; readonly move: Move; readonly toSite: string | null } {
  return {
    group: fields.text('group'),
    move: fields.oneOf('move', ['failover', 'switchover']),
    toSite: fields.textOrNull('toSite'),
  };
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
