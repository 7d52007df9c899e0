import type { Json } from '../../core/base/canonical-json.ts';
import type { Amount } from '../../core/replication/amount.ts';
import { type DataMechanismKind, dataMechanismKinds } from '../../core/topology/planning.ts';
import { Fields } from '../../wire/fields.ts';
import { parseAmount } from './replication-view.ts';

/** What a loss of the active site would cost now, as one controller has heard (`rpo` of the operator API). */
export interface RpoView {
  readonly at: number;
  readonly controller: { readonly id: string; readonly leading: boolean };
  readonly watchedSince: number | null;
  readonly classes: readonly ClassView[];
  readonly groups: readonly {
    readonly group: string;
    readonly activeSite: string | null;
    readonly epoch: number | null;
    readonly components: readonly LossView[];
  }[];
}

export interface ClassView {
  readonly id: string;
  readonly rpoMs: number;
  readonly store: string;
  readonly keptBy: DataMechanismKind;
  readonly of: readonly string[];
  readonly stated: boolean;
  readonly now: Amount;
  readonly proof: string | null;
  readonly verdict: 'kept' | 'missed' | 'unknown';
}

export interface LossView {
  readonly component: string;
  readonly site: string | null;
  readonly mode: 'strict' | 'degraded' | 'halted' | null;
  readonly unit: 'bytes' | 'records';
  readonly amount: Amount;
  readonly ms: Amount;
  readonly best: string | null;
  readonly proof: string | null;
  /** Of that copy, since the controller watches. */
  readonly worstMs: number | null;
}

/** @throws ShapeError */
export function parseRpo(value: Json): RpoView {
  const fields = Fields.of(value, 'rpo');
  const controller = fields.fields('controller');
  return {
    at: fields.number('at'),
    controller: { id: controller.text('id'), leading: controller.flag('leading') },
    watchedSince: fields.numberOrNull('watchedSince'),
    classes: fields.list('classes', parseClass),
    groups: fields.list('groups', (each, at) => {
      const group = Fields.of(each, at);
      return {
        group: group.text('group'),
        activeSite: group.textOrNull('activeSite'),
        epoch: group.numberOrNull('epoch'),
        components: group.list('components', parseLoss),
      };
    }),
  };
}

function parseClass(value: unknown, at: string): ClassView {
  const fields = Fields.of(value, at);
  const dataClass = fields.fields('dataClass');
  const keptBy = dataClass.fields('keptBy');
  return {
    id: dataClass.text('id'),
    rpoMs: dataClass.number('rpoMs'),
    store: dataClass.text('store'),
    keptBy: keptBy.oneOf('kind', dataMechanismKinds),
    of: keptBy.texts('of'),
    stated: keptBy.flag('stated'),
    now: parseAmount(fields.fields('now')),
    proof: fields.textOrNull('proof'),
    verdict: fields.oneOf('verdict', ['kept', 'missed', 'unknown']),
  };
}

function parseLoss(value: unknown, at: string): LossView {
  const fields = Fields.of(value, at);
  return {
    component: fields.text('component'),
    site: fields.textOrNull('site'),
    mode: fields.has('mode')
      ? fields.oneOf<NonNullable<LossView['mode']>>('mode', ['strict', 'degraded', 'halted'])
      : null,
    unit: fields.oneOf('unit', ['bytes', 'records']),
    amount: parseAmount(fields.fields('amount')),
    ms: parseAmount(fields.fields('ms')),
    best: fields.textOrNull('best'),
    proof: fields.textOrNull('proof'),
    worstMs: fields.fieldsOrNull('worst')?.number('behindMs') ?? null,
  };
}
