import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceId } from '../../core/base/ids.ts';
import {
  type FaultReport,
  faultVerdict,
  type RecoveryReport,
  reportFigures,
} from '../../core/objective/recovery-report.ts';
import type { ReportWithExposures } from '../../wire/evidence-bundle/accepted-exposures.ts';
import { escapeHtml, html } from './html.ts';
import { renderReport } from './render-report.ts';
import { renderReportJson } from './report-json.ts';
import { attentionItems, headline } from './report-sentences.ts';
import { sampleFault, sampleReport } from './sample-report.ts';

const faultOf = (report: RecoveryReport, name: string): FaultReport => {
  const fault = report.faults.find((each) => each.name === name);
  assert.ok(fault);
  return fault;
};
const withFault = (change: Partial<FaultReport>): ReportWithExposures => {
  const whole = sampleFault({
    name: 'engine-crash',
    title: 'Engine crash',
    offsetMs: 0,
    steps: [5, 3, 100, 40],
    epochFrom: 1,
  });
  return { ...sampleReport(), acceptedExposures: [], faults: [{ ...whole, ...change }] };
};

/** Every tag closed in order, every attribute quoted: what a strict reader needs. */
function assertWellFormed(page: string): void {
  const open: string[] = [];
  const body = page.replace(/^<!doctype html>/, '').replace(/<style>[^<]*<\/style>/, '');
  const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z][a-z0-9-]*="[^"<>]*")*)\s*(\/?)>/gi;
  const rest = body.replace(tag, (_, closing: string, name: string, __: string, selfClosing: string) => {
    if (closing) assert.equal(open.pop(), name, `</${name}>`);
    else if (!selfClosing && name !== 'meta') open.push(name);
    return '';
  });
  assert.deepEqual(open, []);
  assert.deepEqual(rest.match(/.{0,60}[<>].{0,60}/g), null);
}

test('the page is well-formed, whatever is missing', () => {
  assertWellFormed(renderReport(sampleReport()));
  assertWellFormed(renderReport(emptied(sampleReport())));
  assertWellFormed(renderReport({ ...sampleReport(), faults: [], notActed: [], exposure: null }));
});

test('the page asks nobody for anything and runs nothing', () => {
  const page = renderReport(sampleReport());
  for (const pattern of [
    /<script/i,
    /\bsrc=/i,
    /https?:/i,
    /url\(/i,
    /@import/i,
    /<link\b/i,
    /<iframe/i,
    /\son[a-z]+=/i,
  ])
    assert.doesNotMatch(page, pattern);
  for (const [, target] of page.matchAll(/href="([^"]*)"/g)) assert.match(target ?? '', /^#/);
  assert.match(page, /default-src 'none'/);
});

test('links inside the page lead somewhere', () => {
  const page = renderReport(sampleReport());
  const ids = new Set([...page.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id));
  for (const [, target] of page.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.has(target), `#${target}`);
});

test('every fault, its proof, its rules and every held decision is named', () => {
  const report = sampleReport();
  const page = renderReport(report);
  const expected = [
    ...report.faults.flatMap((fault) => [fault.title, fault.name, ...fault.rules.map((rule) => rule.rule)]),
    ...report.faults.flatMap((fault) => fault.proofs.map((proof) => escapeHtml(proof.evidence))),
    ...report.notActed.map((decision) => escapeHtml(decision.what)),
    ...report.evidence.chains.map((chain) => chain.fingerprint),
    ...report.notMeasured.map((gap) => gap.what),
    ...report.topology.links.map((link) => link.id),
  ];
  for (const text of expected) assert.ok(page.includes(text), text);
  assert.equal(page.match(/<svg /g)?.length, report.faults.length + 2);
});

test('hostile text stays text, wherever it comes from', () => {
  const hostile = `</title></style><script>alert(1)</script><img src=x onerror='x'>"'&\u202e`;
  const page = renderReport(poisoned(sampleReport(), hostile) as RecoveryReport);
  assert.doesNotMatch(page, /<script|<img|\u202e/);
  assertWellFormed(page);
});

test('values are escaped and only markup of our own is kept', () => {
  const inner = html`<b>${'<i>'}</b>`;
  assert.equal(html`${inner}${['<', 1]}"${"a'b"}"`.text, '<b>&lt;i&gt;</b>&lt;1"a&#39;b"');
  assert.equal(escapeHtml('a\u0000b\u2066c\td'), 'a\\u0000b\\u2066c\td');
});

test('what was not measured is said in words and never shown as zero', () => {
  const report = withFault({
    rtoMs: null,
    outageMs: null,
    ordersLost: null,
    ordersAcked: null,
    commitsLost: null,
    staleWritesAccepted: null,
    stages: { detectMs: null, decideMs: null, executeMs: null, validateMs: null },
    measurements: [],
  });
  const page = renderReport(report);
  assert.match(page, /Engine crash:<\/strong> outage on the client’s clock, recovery time/);
  assert.ok((page.match(/not measured/g)?.length ?? 0) > 8);
  assert.equal(faultVerdict(faultOf(report, 'engine-crash')), 'inconclusive');
  assert.match(
    headline(report),
    /0 of 1 fault recovered within objectives, 1 inconclusive; loss of orders and commits not counted/,
  );
});

test('a stage that was not measured is a dotted gap in the waterfall', () => {
  const report = sampleReport();
  const page = renderReport({ ...report, faults: [faultOf(report, 'failback')] });
  assert.equal(page.match(/class="gap"/g)?.length, 2);
});

test('the part of a stage behind its objective is drawn as missed', () => {
  const report = sampleReport();
  const only = (name: string) => renderReport({ ...report, faults: [faultOf(report, name)] });
  assert.equal(only('site-loss').match(/class="over"/g)?.length, 1);
  assert.equal(only('host-freeze').match(/class="over"/g), null);
});

test('one lost order is named first, and no objective that was met hides it', () => {
  const report = withFault({
    ordersLost: 1,
    losses: [{ of: 'orders', id: 'O-0041987', how: 'missing', detail: 'acknowledged 03:12:41.002Z' }],
  });
  assert.equal(faultVerdict(faultOf(report, 'engine-crash')), 'missed');
  assert.match(attentionItems(report)[0]?.text ?? '', /1 write missing, duplicated or altered: O-0041987/);
  assert.match(headline(report), /1 acknowledged order and 0 acknowledged commits missing/);
  assert.match(renderReport(report), /<td class="mono">O-0041987<\/td>/);
  assert.equal(reportFigures(report).ok, false);
});

test('a stale write that was accepted is a miss', () => {
  assert.equal(faultVerdict(faultOf(withFault({ staleWritesAccepted: 1 }), 'engine-crash')), 'missed');
});

test('all is well only when everything was measured, met and proved', () => {
  const report = withFault({});
  assert.equal(reportFigures(report).ok, true);
  assert.match(renderReport(report), /Nothing needs attention/);
  const unproven = { ...report, evidence: { ...report.evidence, completeness: 'unproven' as const } };
  assert.equal(reportFigures(unproven).ok, false);
  assert.doesNotMatch(renderReport(unproven), /Nothing needs attention/);
});

test('a whole recovery without stage objectives still adds up', () => {
  const { stages, rtoMs } = faultOf(withFault({}), 'engine-crash');
  assert.deepEqual(
    [stages.detectMs, stages.decideMs, stages.executeMs, stages.validateMs, rtoMs],
    [5, 3, 100, 40, 148],
  );
});

test('an exposure that is still open needs attention', () => {
  const report = withFault({});
  const interval = sampleReport().exposure?.intervals[0];
  assert.ok(interval);
  const open = { ...interval, untilMs: null, endedBy: null, lost: [instanceId('pg-nyc')] };
  const items = attentionItems({ ...report, exposure: { intervals: [open], totalMs: 1, totalAtRisk: null } });
  assert.match(items[0]?.text ?? '', /still acknowledges without pg-nyc/);
});

test('a halt that a person ended is shown: who, why, when, what it covered, from where and until when; without an end it needs attention', () => {
  const report = sampleReport();
  const page = renderReport(report);
  const row = page.slice(page.indexOf('Accepted by people'), page.indexOf('<h2 id="evidence">'));
  for (const words of [
    /Rhea Risk<span class="sub">risk-officer: nyc is dark for the day/,
    /orders-db at pg-chi<span class="sub">without pg-nyc/,
    /50,331,648<\/span><span class="sub">of generation 3/,
    /all copies back, after 21 s/,
    /trading-engine<span class="sub">without engine-nyc-1, engine-nyc-2/,
    /no end in this evidence/,
    /controller\/chi #212<span class="sub">.*broken/,
  ])
    assert.match(row, words);
  assert.match(
    attentionItems(report)
      .map(({ text }) => text)
      .join('\n'),
    /trading-engine went on without engine-nyc-1, engine-nyc-2 at .*, accepted by Rhea Risk; this evidence has no end of it/,
  );
  const { acceptedExposures: _, ...older } = report;
  assert.match(renderReport(older), /Whether a person ended a halt: .*not measured/);
  assert.match(renderReport({ ...report, acceptedExposures: [] }), /No person ended a halt/);
});

test('the JSON begins with the figures of the demo and holds the whole report', () => {
  const value = JSON.parse(renderReportJson(sampleReport())) as {
    faults: FaultReport[];
    report: RecoveryReport;
    ok: boolean;
  };
  assert.deepEqual(
    value.faults.map(({ name }) => name),
    ['engine-crash', 'engine-freeze', 'host-freeze', 'site-loss', 'failback'],
  );
  assert.deepEqual(value.report, JSON.parse(JSON.stringify(sampleReport())));
  assert.equal(value.ok, false);
});

test('rendering is pure: the same report gives the same page', () => {
  assert.equal(renderReport(sampleReport()), renderReport(sampleReport()));
});

const nullable = new Set([
  'outageMs',
  'rtoMs',
  'leaseBoundMs',
  'ordersAcked',
  'ordersUnknown',
  'ordersLost',
  'commitsAcked',
]);
for (const name of [
  'commitsLost',
  'epochFrom',
  'epochTo',
  'fencingProof',
  'staleWritesAccepted',
  'detectMs',
  'decideMs',
])
  nullable.add(name);
for (const name of [
  'detected',
  'decided',
  'executed',
  'validated',
  'lastKnownGood',
  'exposure',
  'integrity',
  'completeness',
])
  nullable.add(name);

/** Everything that may be missing is, and every list is empty. */
function emptied(report: RecoveryReport): RecoveryReport {
  const visit = (value: unknown, key: string): unknown => {
    if (key === 'objective') return value;
    if (nullable.has(key)) return null;
    if (Array.isArray(value))
      return ['faults', 'sites', 'between'].includes(key) ? value.map((each) => visit(each, '')) : [];
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, visit(each, name)]));
  };
  return visit(report, '') as RecoveryReport;
}

const closed = new Set([
  'occasion',
  'health',
  'verdict',
  'outcome',
  'endedBy',
  'integrity',
  'completeness',
  'durability',
  'unit',
  'clock',
  'kind',
  'method',
  'of',
  'how',
]);

/** Adds hostile text to every string that is not from a closed list. */
function poisoned(value: unknown, hostile: string, key = ''): unknown {
  if (typeof value === 'string') return closed.has(key) ? value : `${value}${hostile}`;
  if (Array.isArray(value)) return value.map((each) => poisoned(each, hostile, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, poisoned(each, hostile, name)]));
}
