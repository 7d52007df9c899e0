import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionFailed } from '../base/assert.ts';
import { exposition, type Sample } from './exposition.ts';
import { METRICS, type MetricKind } from './metric-list.ts';

const metrics: Readonly<Record<string, MetricKind>> = {
  first_seconds: { type: 'gauge', labels: ['site'], help: 'A path is C:\\x\nand a "quote".' },
  second_total: { type: 'counter', labels: [], help: 'Counts.' },
};
const sample = (metric: string, value: number, labels: Sample['labels'] = {}): Sample => ({
  metric: metric as Sample['metric'],
  labels,
  value,
});

test('each metric that has a sample is told with its help and type, in the order of the list', () => {
  const text = exposition([sample('second_total', 3), sample('first_seconds', 0.25, { site: 'nyc' })], metrics);
  assert.equal(
    text,
    [
      '# HELP first_seconds A path is C:\\\\x\\nand a "quote".',
      '# TYPE first_seconds gauge',
      'first_seconds{site="nyc"} 0.25',
      '# HELP second_total Counts.',
      '# TYPE second_total counter',
      'second_total 3',
      '',
    ].join('\n'),
  );
  assert.equal(exposition([], metrics), '', 'what has no sample is not told');
});

test('backslash, quote and line end in a label are escaped, and nothing else is', () => {
  const text = exposition([sample('first_seconds', 1, { site: 'a\\b"c\nd{é}' })], metrics);
  assert.ok(text.includes('first_seconds{site="a\\\\b\\"c\\nd{é}"} 1\n'), text);
  assert.equal(text.trimEnd().split('\n').length, 3);
});

test('figures that are no plain numbers are written as Prometheus reads them', () => {
  const written = (value: number) =>
    exposition([sample('second_total', value)], metrics)
      .trimEnd()
      .split(' ')
      .at(-1);
  assert.deepEqual([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.5, 1e21].map(written), [
    'NaN',
    '+Inf',
    '-Inf',
    '-0.5',
    '1e+21',
  ]);
});

test('labels other than those of the list, and one series twice, are mistakes of the program', () => {
  for (const samples of [
    [sample('first_seconds', 1)],
    [sample('first_seconds', 1, { host: 'a' })],
    [sample('second_total', 1, { host: 'a' })],
    [sample('second_total', 1), sample('second_total', 2)],
  ])
    assert.throws(() => exposition(samples, metrics), AssertionFailed);
});

test('every metric of the list has a name, labels and a help that Prometheus takes', () => {
  for (const [name, { labels, help }] of Object.entries(METRICS)) {
    assert.match(name, /^holdfast_[a-z_]+$/);
    assert.ok(help.endsWith('.'), name);
    assert.ok(!/_(ms|millis|kb|mb|percent)(_|$)/.test(name), `${name} is not in a base unit`);
    for (const label of labels) assert.match(label, /^[a-z]+(_[a-z]+)*$/);
  }
});
