import type { Json } from '../../core/base/canonical-json.ts';
import type { Claim } from '../../core/network/agreement.ts';
import { type Percentile, percentiles } from '../../core/network/budget.ts';
import type { RoundTrips } from '../../core/network/round-trips.ts';
import type { NetworkTestResult } from '../../core/network/throughput.ts';
import { Fields } from '../../wire/fields.ts';
import { parseTrips } from '../../wire/round-trips.ts';

/** What one controller knows of the network (`network`). Ages are milliseconds at the moment `at`. */
export interface NetworkView {
  readonly at: number;
  readonly controller: { readonly id: string; readonly leading: boolean };
  /** Null: the topology asks for no measurement. */
  readonly measures: { readonly everyMs: number; readonly answerWithinMs: number; readonly windowMs: number } | null;
  readonly paths: readonly PathView[];
  /** On demand, the last of each path, the newest first. */
  readonly tests: readonly TestView[];
  readonly groups: readonly { readonly group: string; readonly claims: readonly ClaimView[] }[];
}

export interface TestView extends Pick<NetworkTestResult, 'id' | 'bytes' | 'tookMs' | 'trips' | 'problem'> {
  readonly from: string;
  readonly to: string;
  readonly ageMs: number;
}

export interface PathView {
  readonly from: string;
  readonly to: string;
  readonly ageMs: number | null;
  /** Why nothing is known of it now; null = it is measured. */
  readonly unknown: string | null;
  /** As last told, however long ago. */
  readonly trips: RoundTrips | null;
  readonly answeredMsAgo: number | null;
  readonly budgets: readonly BudgetView[];
}

export interface BudgetView {
  readonly id: string;
  readonly trafficClass: string | null;
  readonly percentile: Percentile;
  readonly limitMs: number;
  readonly outcome: 'within' | 'exceeded' | 'unknown';
  readonly reasons: readonly string[];
  readonly alert: { readonly sinceMsAgo: number; readonly reasons: readonly string[] } | null;
}

export interface ClaimView extends Claim {
  readonly ageMs: number | null;
}

/** @throws ShapeError */
export function parseNetwork(value: Json): NetworkView {
  const fields = Fields.of(value, 'network');
  const controller = fields.fields('controller');
  const measures = fields.fieldsOrNull('measures');
  return {
    at: fields.number('at'),
    controller: { id: controller.text('id'), leading: controller.flag('leading') },
    measures:
      measures === null
        ? null
        : {
            everyMs: measures.number('everyMs'),
            answerWithinMs: measures.number('answerWithinMs'),
            windowMs: measures.number('windowMs'),
          },
    paths: fields.list('paths', (path, at) => pathOf(Fields.of(path, at))),
    tests: fields.list('tests', (test, at) => testOf(Fields.of(test, at)), []),
    groups: fields.list('groups', (each, at) => {
      const group = Fields.of(each, at);
      return {
        group: group.text('group'),
        claims: group.list('claims', (claim, where) => claimOf(Fields.of(claim, where))),
      };
    }),
  };
}

const testOf = (fields: Fields): TestView => ({
  id: fields.text('id'),
  from: fields.text('from'),
  to: fields.text('to'),
  bytes: fields.count('bytes'),
  tookMs: fields.numberOrNull('tookMs'),
  trips: fields.has('trips') ? parseTrips(fields.fields('trips')) : null,
  problem: fields.textOrNull('problem'),
  ageMs: fields.number('ageMs'),
});

const pathOf = (fields: Fields): PathView => ({
  from: fields.text('from'),
  to: fields.text('to'),
  ageMs: fields.numberOrNull('ageMs'),
  unknown: fields.textOrNull('unknown'),
  trips: fields.has('trips') ? parseTrips(fields.fields('trips')) : null,
  answeredMsAgo: fields.numberOrNull('answeredMsAgo'),
  budgets: fields.list('budgets', (budget, at) => budgetOf(Fields.of(budget, at))),
});

function budgetOf(fields: Fields): BudgetView {
  const alert = fields.fieldsOrNull('alert');
  const percentile = percentiles.find((each) => each === fields.number('percentile'));
  if (percentile === undefined) throw fields.error('percentile', `must be one of ${percentiles.join(', ')}`);
  return {
    id: fields.text('id'),
    trafficClass: fields.textOrNull('trafficClass'),
    percentile,
    limitMs: fields.number('limitMs'),
    outcome: fields.oneOf('outcome', ['within', 'exceeded', 'unknown']),
    reasons: fields.texts('reasons', []),
    alert: alert === null ? null : { sinceMsAgo: alert.number('sinceMsAgo'), reasons: alert.texts('reasons', []) },
  };
}

function claimOf(fields: Fields): ClaimView {
  const says = fields.fields('says');
  const kind = says.oneOf('kind', ['writer', 'not', 'unknown']);
  return {
    vantage: fields.text('vantage'),
    subject: fields.text('subject'),
    source: fields.oneOf('source', ['record', 'seen']),
    says: sayingOf(says, kind),
    epoch: fields.numberOrNull('epoch'),
    ageMs: fields.numberOrNull('ageMs'),
  };
}

function sayingOf(says: Fields, kind: Claim['says']['kind']): Claim['says'] {
  switch (kind) {
    case 'unknown':
      return { kind, why: says.text('why') };
    case 'not':
      return { kind, name: says.text('name') };
    case 'writer':
      return { kind, name: says.textOrNull('name') };
  }
}
