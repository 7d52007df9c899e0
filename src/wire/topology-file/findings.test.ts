import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { allTopologyRules } from '../../core/topology/check/all-rules.ts';
import type { TopologyFinding } from '../../core/topology/topology-finding.ts';
import { parseTopology } from './parse-topology.ts';
import { problemText } from './topology-problem.ts';

const base = readFileSync(new URL('../../../examples/three-site.yaml', import.meta.url), 'utf8');

function findingsWith(overlay: string): readonly TopologyFinding[] {
  const parsed = parseTopology(base, 'three-site.yaml', { overlays: [{ text: overlay, fileName: 'change.yaml' }] });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.map(problemText).join('\n'));
  return parsed.value.findings;
}

/** One change to the sound example for each rule: what it yields, and the line of the change that it points at. */
const witnesses: Readonly<
  Record<string, { change: string; severity?: TopologyFinding['severity']; says: RegExp; line?: number }>
> = {
  'fewer-than-three-voters': {
    change: 'sites: {ldn: {capabilities: [archive], voter: false}}',
    says: /only nyc and chi vote/,
  },
  'even-number-of-voters': {
    change: 'sites: {fra: {capabilities: [witness], voter: true}}',
    says: /4 sites vote and 3 are needed/,
  },
  'nowhere-to-fail-over': {
    change: 'components: {front: {instances: {front-chi: ~}}}',
    says: /trading can run in nyc only: chi lacks front/,
  },
  'component-without-group': {
    change: 'groups: {trading: {components: [database, engine, order-management]}}',
    says: /front runs but belongs to no failover group/,
  },
  'follower-without-engine': {
    change:
      'components: {risk-engine: {kind: risk-engine, dependsOn: [database, engine], instances: {risk-nyc: {host: nyc-edge-1}}}}\ngroups: {trading: {components: [database, engine, order-management, front, risk-engine]}}',
    says: /engine may be active in chi, where no instance of risk-engine is/,
  },
  'zero-loss-without-sync-copy': {
    change: 'components: {database: {instances: {database-chi: {replication: async}}}}',
    says: /database promises to lose nothing .* only nyc holds a synchronous copy/,
  },
  'peer-loss-unstated': {
    change: 'components: {database: {durability: {afterPeerLoss: ~}}}',
    severity: 'error',
    says: /one synchronous standby and does not say/,
  },
  'site-failover-automatic': {
    change: 'groups: {"*": {sitePolicy: automatic}}',
    says: /without asking anybody/,
    line: 1,
  },
  'venue-without-site': {
    change: 'venues: {lse: {rtt: {ldn: 1ms}}}',
    says: /lse is reached from no site that may be active/,
    line: 1,
  },
  'unknown-calendar': {
    change: 'venues: {exchange: {calendar: XPAR}}',
    says: /exchange keeps the calendar of XPAR, whose days nobody here knows/,
    line: 1,
  },
  'calendar-unread': {
    change: 'venues: {exchange: {calendar: XNYS}}',
    says: /no component of kind market-data follows it/,
    line: 1,
  },
  'takeover-slower-than-rto': {
    change: 'components: {engine: {objective: {rto: 3s}}}',
    says: /engine promises 3s; noticing silence \(2\.5s\)/,
    line: 1,
  },
  'objective-stated-twice': {
    change: 'components: {order-management: {alsoStated: [{source: minutes, rto: 60s}]}}',
    says: /order-management is given more than one RTO: 45s \(here\), 1min \(minutes\)/,
    line: 1,
  },
  'stage-targets-exceed-rto': {
    change: 'groups: {trading: {objective: {stages: {decide: 5min}}}}',
    says: /30s \+ 5min \+ 7\.5min \+ 5min add up to 18min, more than the RTO of 15min/,
  },
  'rto-shorter-than-dependency': {
    change: 'components: {database: {objective: {rto: 120s}}}',
    says: /engine promises 30s and depends on what may take longer: database 2min/,
  },
  'availability-above-dependency': {
    change: 'components: {database: {objective: {availability: 99.9%}}}',
    says: /engine promises 99\.995% and depends on what promises less: database 99\.9%/,
  },
  'rto-outside-priority-band': {
    change: 'components: {reporting: {priority: 3}}',
    says: /reporting has priority 3, recovered within 15min, and an RTO of 30min/,
    line: 1,
  },
  'recovered-before-dependency': {
    change: 'components: {database: {priority: 2}}',
    says: /engine has priority 1 and depends on database \(priority 2\)/,
  },
  'category-contradicts-objective': {
    change: 'components: {engine: {category: cold}}',
    says: /engine is cold .* but its automation is full and its RTO is 30s and its RPO is 0/,
    line: 1,
  },
  'derived-data-rpo': {
    change: 'components: {position-management: {objective: {rpo: 5min}}}',
    says: /position-management allows a loss of 5min/,
    line: 1,
  },
  'data-class-not-kept': {
    change: 'dataClasses: {orders: {store: analytics}}',
    says: /orders may lose 0s and is kept in analytics, which may lose 5min/,
    line: 1,
  },
  'data-class-mechanism': {
    change: 'dataClasses: {orders: {keptBy: asynchronous}}',
    says: /orders may lose nothing and is kept by an asynchronous copy of database/,
    line: 1,
  },
  'probe-interval-too-long': {
    change: 'components: {engine: {probes: [{depth: process, every: 3s, timeout: 1s}]}}',
    says: /the process probe of engine looks every 3s/,
    line: 1,
  },
  'scenario-without-time-to-decide': {
    change: 'scenarios: {site-network-down: {rto: 2min}}',
    says: /site-network-down is to be over in 2min .* may take 2\.5min/,
    line: 1,
  },
  'links-share-path': {
    change: 'links: {nyc-chi-south: {pathGroup: lake-shore}}',
    says: /nyc-chi-north and nyc-chi-south \(nyc–chi\) are both on the path lake-shore/,
    line: 1,
  },
  'single-link-between-serving-sites': {
    change: 'links: {nyc-chi-south: ~, nyc-chi-vpn: ~}',
    says: /one link alone joins nyc and chi/,
  },
  'dr-site-smaller': {
    change: 'sites: {chi: {inventory: {servers: {trading: 8}, cores: 640}}}',
    severity: 'error',
    says: /chi has cores 640, nyc has 800/,
    line: 1,
  },
  'sites-too-near': {
    change: 'sites: {chi: {inventory: {position: {latitude: 39.95, longitude: -75.17}}}}',
    says: /nyc and chi are \d+ km apart, less than 800 km/,
  },
  'sites-on-one-grid': {
    change: 'sites: {chi: {inventory: {grid: pseg-new-jersey}}}',
    says: /nyc and chi are both on the grid pseg-new-jersey/,
    line: 1,
  },
  'site-place-not-stated': {
    change: 'sites: {chi: {inventory: {position: ~, grid: ~}}}',
    says: /position and grid of chi not stated/,
  },
  'redundancy-not-stated': {
    change: 'sites: {ldn: {inventory: {powerRedundancy: good}}}',
    says: /powerRedundancy of ldn is "good", which says nothing about spares/,
    line: 1,
  },
  'cooling-not-from-power': {
    change: 'sites: {ldn: {inventory: {cooling: 512000BTU/h}}}',
    says: /512000 BTU\/h of cooling for 30 kW, which make 102360 BTU\/h/,
    line: 1,
  },
  'video-retention-short': {
    change: 'sites: {ldn: {inventory: {videoRetention: 30d}}}',
    says: /ldn keeps video for 30 days/,
    line: 1,
  },
  'site-score-not-from-weights': {
    change: 'siteSelection: {printedTotals: {nyc: 8.45}}',
    says: /printed as 8\.45; weights and scores give 8\.50/,
    line: 1,
  },
  'crisis-lead-not-single': {
    change:
      'contacts: [{role: a, phone: +1-555-0101, crisisLead: true}, {role: b, phone: +1-555-0102, crisisLead: true}]',
    says: /2 contacts lead a crisis: a, b/,
    line: 1,
  },
  'shared-phone-number': {
    change: 'contacts: [{role: a, phone: +1-888-378-4649, crisisLead: true}, {role: b, phone: +1 888 EQUINIX}]',
    says: /"a" and "b" have the same number/,
    line: 1,
  },
  'role-with-two-numbers': {
    change: 'contacts: [{role: a, phone: +1-555-0101, crisisLead: true}, {role: a, phone: +1-555-0102}]',
    says: /"a" is stated with two numbers, \+1-555-0101 and \+1-555-0102/,
    line: 1,
  },
  'contact-unreachable': {
    change: 'contacts: [{role: a, phone: +1-555-0101, crisisLead: true}, {role: b}]',
    says: /"b" has neither phone nor e-mail/,
    line: 1,
  },
  'drill-window-too-short': {
    change: 'drills: {quarterly: {window: 4h}}',
    says: /the 10 phases of quarterly take 5\.5h, its window is 4h/,
    line: 1,
  },
  'alert-below-tolerance': {
    change: 'reconciliation: {tolerance: 0.5lots, alertAbove: 0lots}',
    says: /above 0 lots calls somebody, and up to 0\.5 lots/,
    line: 1,
  },
  'tolerance-hides-lots': {
    change: 'reconciliation: {tolerance: 5lots}',
    says: /a difference of up to 5 of them/,
    line: 1,
  },
  'drill-scheduled-twice': {
    change: "drills: {monthly-database: {alsoScheduled: ['months 1, 5 and 9']}}",
    says: /monthly-database is scheduled in 2 ways/,
  },
};

for (const rule of allTopologyRules)
  test(`${rule.id}: "${rule.title}" is found when it does not hold`, () => {
    const witness = witnesses[rule.id];
    assert.ok(witness, 'a rule without a witness is not known to find anything');
    const found = findingsWith(witness.change).filter((finding) => finding.id === rule.id);
    const finding = found.find((each) => witness.says.test(each.message));
    assert.ok(finding, `found instead:\n${found.map((each) => each.message).join('\n')}`);
    assert.equal(finding.severity, witness.severity ?? rule.severity);
    assert.ok(finding.remedy.length > 0);
    assert.ok(finding.where.line && finding.where.column);
    if (witness.line !== undefined)
      assert.deepEqual([finding.where.file, finding.where.line], ['change.yaml', witness.line]);
  });

test('every rule has a file of its name, and the reference explains it', () => {
  const reference = readFileSync(new URL('../../../docs/reference/topology.md', import.meta.url), 'utf8');
  const seen = new Set<string>();
  for (const { id } of allTopologyRules) {
    assert.ok(existsSync(new URL(`../../core/topology/check/${id}.ts`, import.meta.url)), `${id}.ts`);
    assert.ok(reference.includes(`\`${id}\``), `docs/reference/topology.md does not mention ${id}`);
    assert.ok(!seen.has(id), `${id} twice`);
    seen.add(id);
  }
  assert.deepEqual(Object.keys(witnesses).toSorted(), [...seen].toSorted());
});

test('a warning that somebody accepted becomes a note with the reason', () => {
  const near =
    'sites: {chi: {inventory: {position: {latitude: 39.95, longitude: -75.17}}}}\naccepted: [{finding: sites-too-near, at: sites.chi, because: London has a copy}]\n';
  const [finding, ...others] = findingsWith(near);
  assert.deepEqual(others, []);
  assert.equal(finding?.severity, 'note');
  assert.match(finding?.message ?? '', /\(accepted: London has a copy\)$/);
});

test('an error cannot be accepted, nor can what was not found', () => {
  const error = findingsWith(
    'drills: {quarterly: {window: 4h}}\naccepted: [{finding: drill-window-too-short, because: no}]\n',
  );
  assert.deepEqual(
    error.map((finding) => [finding.id, finding.severity]),
    [
      ['drill-window-too-short', 'error'],
      ['acceptance-without-effect', 'warning'],
    ],
  );
  const [idle] = findingsWith('accepted: [{finding: sites-too-near, because: habit}]\n');
  assert.match(idle?.message ?? '', /nothing of that kind was found/);
});

test('a finding that does not exist cannot be accepted', () => {
  const parsed = parseTopology(base, 'three-site.yaml', {
    overlays: [{ text: 'accepted: [{finding: sites-to-near, because: x}]', fileName: 'change.yaml' }],
  });
  assert.ok(!parsed.ok);
  assert.match(parsed.error[0]?.remedy ?? '', /did you mean "sites-too-near"\?/);
});
