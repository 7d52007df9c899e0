import { assert } from '../base/assert.ts';
import { METRICS, type MetricKind, type MetricName } from './metric-list.ts';

/** One figure of one metric. The labels are exactly those that the list has for it. */
export interface Sample {
  readonly metric: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The content type of {@link exposition}. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const metricShape = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelShape = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Prometheus' text format 0.0.4: every metric that has a sample, with its help and type, in the order of the list. */
export function exposition(
  samples: readonly Sample[],
  metrics: Readonly<Record<string, MetricKind>> = METRICS,
): string {
  const byMetric = Map.groupBy(samples, ({ metric }) => metric as string);
  const lines: string[] = [];
  for (const [name, kind] of Object.entries(metrics)) {
    const own = byMetric.get(name);
    if (own === undefined) continue;
    assert(
      metricShape.test(name) && kind.labels.every((label) => labelShape.test(label)),
      `no name of a metric: ${name}`,
    );
    lines.push(`# HELP ${name} ${escaped(kind.help)}`, `# TYPE ${name} ${kind.type}`);
    const series = own.map((sample) => seriesOf(name, kind, sample));
    assert(new Set(series).size === series.length, `${name} has one series twice`);
    lines.push(...own.map(({ value }, index) => `${series[index]} ${numberText(value)}`));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function seriesOf(name: string, { labels }: MetricKind, sample: Sample): string {
  assert(Object.keys(sample.labels).length === labels.length, `${name} has other labels than its list`);
  if (labels.length === 0) return name;
  const pairs = labels.map((label) => {
    const value = sample.labels[label];
    assert(value !== undefined, `${name} lacks the label ${label}`);
    return `${label}="${escaped(value).replaceAll('"', '\\"')}"`;
  });
  return `${name}{${pairs.join(',')}}`;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
