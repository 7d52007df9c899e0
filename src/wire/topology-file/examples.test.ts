import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkTiming } from '../../core/authority/lease-arithmetic.ts';
import { eligibleInstancesAt, quorumSize, servingSites, siteOf, votersOf } from '../../core/topology/lookup.ts';
import { defaultTiming } from './entry-defaults.ts';
import type { ParsedTopology } from './parse-topology.ts';
import { readTopologyFile } from './read-topology-file.ts';
import { problemText } from './topology-problem.ts';

const folder = new URL('../../../examples/', import.meta.url);
const pathOf = (name: string) => fileURLToPath(new URL(name, folder));

function read(name: string, overlays: readonly string[] = []): ParsedTopology {
  const parsed = readTopologyFile(pathOf(name), { overlays: overlays.map(pathOf) });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.map(problemText).join('\n'));
  return parsed.value;
}

const firms = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'demo-overlay.yaml');

for (const name of firms.filter((each) => each !== 'as-documented.yaml'))
  test(`${name} has nothing to warn about, and every group can run in two sites and lose either`, () => {
    const { topology, findings } = read(name);
    assert.deepEqual(
      findings.filter((finding) => finding.severity !== 'note'),
      [],
    );
    assert.ok(votersOf(topology).length >= 3 && quorumSize(topology) < votersOf(topology).length);
    for (const group of topology.groups) {
      assert.equal(group.sitePolicy, 'approval');
      assert.equal(group.instancePolicy, 'automatic');
      const whole = servingSites(topology).filter((site) =>
        group.components.every((id) => eligibleInstancesAt(topology, id, site.id).length > 0),
      );
      assert.ok(whole.length >= 2);
    }
    assert.deepEqual(checkTiming(topology.timing), []);
  });

test('the three-site example is the firm of the specification', () => {
  const { topology, planning, findings } = read('three-site.yaml');
  assert.deepEqual(findings, []);
  assert.deepEqual(
    topology.sites.map((site) => [site.id, site.voter, servingSites(topology).includes(site)]),
    [
      ['nyc', true, true],
      ['chi', true, true],
      ['ldn', true, false],
    ],
  );
  assert.deepEqual(topology.venues[0]?.rttMsBySite, { nyc: 0.5, chi: 3 });
  const engine = topology.components.find((component) => component.kind === 'trading-engine')!;
  assert.deepEqual(
    engine.instances.map((each) => [each.replication, each.eligible, each.upstream]),
    Array.from({ length: 4 }, () => ['sync', true, null]),
  );
  const archive = topology.components[0]!.instances.find((each) => siteOf(topology, each.id).id === 'ldn')!;
  assert.deepEqual([archive.replication, archive.eligible, archive.upstream], ['async', false, 'database-chi']);
  for (const site of servingSites(topology))
    assert.equal(topology.hosts.filter((host) => host.site === site.id).length, 4);
  assert.equal(topology.sites[0]?.inventory?.coolingBtuPerHour, 511_800);
  assert.equal(planning.groupObjectives[topology.groups[0]!.id]?.rtoMs, 900_000);
  assert.equal(topology.components.filter((component) => component.kind === 'inventory').length, 17);
  assert.deepEqual(topology.timing, defaultTiming);
});

test('no two examples of different firms share a name of a site, component, instance, group or link', () => {
  const names = ['three-site.yaml', 'two-site.yaml', 'four-site.yaml'].map((name) => {
    const { topology } = read(name);
    const named = [...topology.sites, ...topology.components, ...topology.groups, ...topology.links, ...topology.hosts];
    return [
      ...named.map((each) => each.id as string),
      ...topology.components.flatMap((each) => each.instances.map((one) => one.id as string)),
    ];
  });
  assert.equal(new Set(names.flat()).size, names.flat().length);
});

test('the firm as documented can be read, and every contradiction of the documents is found', () => {
  const { findings } = read('as-documented.yaml');
  const found = new Set(findings.map((finding) => `${finding.severity} ${finding.id} ${finding.where.path}`));
  for (const expected of [
    'error fewer-than-three-voters sites',
    'error peer-loss-unstated components.database.durability',
    'error objective-stated-twice components.order-management.alsoStated.0',
    'error objective-stated-twice groups.trading.alsoStated.0',
    'error stage-targets-exceed-rto groups.trading.objective.stages',
    'error rto-shorter-than-dependency components.engine.objective.rto',
    'warning availability-above-dependency components.engine.objective.availability',
    'warning category-contradicts-objective components.order-management.category',
    'error derived-data-rpo components.position-management.objective.rpo',
    'error data-class-not-kept dataClasses.limits.store',
    'warning rto-outside-priority-band components.reporting.priority',
    'warning scenario-without-time-to-decide scenarios.site-network-down.rto',
    'error links-share-path links.nyc-chi-fibre-2.pathGroup',
    'warning dr-site-smaller sites.chi.inventory.powerRedundancy',
    'warning cooling-not-from-power sites.ldn.inventory.cooling',
    'warning site-score-not-from-weights siteSelection.printedTotals.ldn',
    'error crisis-lead-not-single contacts.5.crisisLead',
    'error shared-phone-number contacts.5.phone',
    'warning contact-unreachable contacts.10.phone',
    'error drill-window-too-short drills.quarterly.window',
    'error drill-window-too-short drills.annual.window',
    'warning drill-scheduled-twice drills.monthly-database.schedule',
  ])
    assert.ok(found.has(expected), `${expected} not found in:\n${[...found].join('\n')}`);
  for (const finding of findings) assert.ok(finding.where.line && finding.where.column, finding.where.path);
  const stages = findings.find((finding) => finding.id === 'stage-targets-exceed-rto')!;
  assert.match(stages.message, /30s \+ 5min \+ 10min \+ 5min add up to 20\.5min, more than the RTO of 15min/);
});

for (const name of firms)
  test(`the demonstration's overlay makes every group of ${name} automatic and says so`, () => {
    const plain = read(name);
    const { topology, findings } = read(name, ['demo-overlay.yaml']);
    assert.deepEqual(topology, {
      ...plain.topology,
      groups: plain.topology.groups.map((group) => ({
        ...group,
        sitePolicy: 'automatic',
        plannedMove: { approval: false, ticket: false, noticeMs: 0, watchMs: 60_000, outsideMarketHours: false },
      })),
    });
    const said = findings.filter((finding) => finding.id === 'site-failover-automatic');
    assert.equal(said.length, topology.groups.length);
    assert.ok(said.every((finding) => finding.where.file?.endsWith('demo-overlay.yaml')));
  });
