import type { Json } from '../../core/base/canonical-json.ts';
import type { Amount } from '../../core/replication/amount.ts';
import { Fields } from '../../wire/fields.ts';

/** Who copies from whom, as one controller has heard (`replication` of the operator API). */
export interface ReplicationView {
  readonly at: number;
  readonly controller: { readonly id: string; readonly leading: boolean };
  /** UTC, ms; null = it has heard of nothing yet. */
  readonly watchedSince: number | null;
  readonly groups: readonly ReplicationGroupView[];
}

export interface ReplicationGroupView {
  readonly group: string;
  readonly epoch: number | null;
  readonly holders: readonly { readonly component: string; readonly holder: string | null; readonly mode: string }[];
  readonly paths: readonly PathView[];
}

export interface PathView {
  readonly component: string;
  readonly leg: 'primary' | 'cascade';
  readonly from: string | null;
  readonly fromSite: string | null;
  readonly to: string;
  readonly toSite: string;
  readonly policy: 'sync' | 'async';
  readonly state: 'connecting' | 'catching-up' | 'in-sync' | 'lost' | 'following' | 'unknown';
  readonly acknowledging: boolean | null;
  readonly unit: 'bytes' | 'records';
  readonly behind: Amount;
  readonly behindMs: Amount;
  readonly transactions: Amount;
  readonly fromGeneration: number | null;
  readonly toGeneration: number | null;
  readonly lookedMsAgo: number | null;
  readonly worst: {
    readonly behind: number;
    readonly behindAt: number;
    readonly behindMs: number;
    readonly behindMsAt: number;
  } | null;
}

/** @throws ShapeError */
export function parseReplication(value: Json): ReplicationView {
  const fields = Fields.of(value, 'replication');
  const controller = fields.fields('controller');
  return {
    at: fields.number('at'),
    controller: { id: controller.text('id'), leading: controller.flag('leading') },
    watchedSince: fields.numberOrNull('watchedSince'),
    groups: fields.list('groups', (each, at) => {
      const group = Fields.of(each, at);
      return {
        group: group.text('group'),
        epoch: group.numberOrNull('epoch'),
        holders: group.list('holders', (one, where) => {
          const holder = Fields.of(one, where);
          return {
            component: holder.text('component'),
            holder: holder.textOrNull('holder'),
            mode: holder.oneOf('mode', ['strict', 'degraded', 'halted']),
          };
        }),
        paths: group.list('paths', parsePath),
      };
    }),
  };
}

function parsePath(value: unknown, at: string): PathView {
  const fields = Fields.of(value, at);
  const worst = fields.fieldsOrNull('worst');
  return {
    component: fields.text('component'),
    leg: fields.oneOf('leg', ['primary', 'cascade']),
    from: fields.textOrNull('from'),
    fromSite: fields.textOrNull('fromSite'),
    to: fields.text('to'),
    toSite: fields.text('toSite'),
    policy: fields.oneOf('policy', ['sync', 'async']),
    state: fields.oneOf('state', ['connecting', 'catching-up', 'in-sync', 'lost', 'following', 'unknown']),
    acknowledging: fields.has('acknowledging') ? fields.flag('acknowledging') : null,
    unit: fields.oneOf('unit', ['bytes', 'records']),
    behind: parseAmount(fields.fields('behind')),
    behindMs: parseAmount(fields.fields('behindMs')),
    transactions: parseAmount(fields.fields('transactions')),
    fromGeneration: fields.numberOrNull('fromGeneration'),
    toGeneration: fields.numberOrNull('toGeneration'),
    lookedMsAgo: fields.numberOrNull('lookedMsAgo'),
    worst:
      worst === null
        ? null
        : {
            behind: worst.number('behind'),
            behindAt: worst.number('behindAt'),
            behindMs: worst.number('behindMs'),
            behindMsAt: worst.number('behindMsAt'),
          },
  };
}

/** @throws ShapeError */
export const parseAmount = (fields: Fields): Amount => ({
  certainty: fields.oneOf('certainty', ['counted', 'estimated', 'at-least', 'unknown']),
  value: fields.numberOrNull('value'),
  atMost: fields.numberOrNull('atMost'),
  why: fields.textOrNull('why'),
});
