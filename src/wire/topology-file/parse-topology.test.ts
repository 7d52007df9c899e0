import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultTiming } from './entry-defaults.ts';
import { parseTopology } from './parse-topology.ts';
import type { TopologyProblem } from './topology-problem.ts';

const firm = readFileSync(new URL('./fixtures/small-firm.yaml', import.meta.url), 'utf8');

function problemsOf(text: string): readonly TopologyProblem[] {
  const parsed = parseTopology(text, 'firm.yaml');
  assert.ok(!parsed.ok, 'the file was accepted');
  return parsed.error;
}

/** The firm with one piece of its text changed; the piece must be there exactly once. */
function firmWith(piece: string, instead: string): string {
  assert.equal(firm.split(piece).length, 2, `"${piece}" must occur once`);
  return firm.replace(piece, () => instead);
}

const lineOf = (text: string, piece: string) => {
  const line = text.split('\n').findIndex((each) => each.includes(piece));
  return { line: line + 1, column: text.split('\n')[line]!.indexOf(piece) + 1 };
};

test('figures are told only where the file says so', () => {
  const told = (text: string) => {
    const parsed = parseTopology(text, 'firm.yaml');
    assert.ok(parsed.ok);
    return 'metrics' in parsed.value.topology;
  };
  assert.deepEqual([firm, `${firm}metrics: false\n`, `${firm}metrics: true\n`].map(told), [false, false, true]);
});

test('what the file leaves out has its documented default', () => {
  const parsed = parseTopology(firm, 'firm.yaml');
  assert.ok(parsed.ok);
  const { topology, findings } = parsed.value;
  assert.deepEqual(
    findings.map((finding) => finding.id),
    ['site-place-not-stated', 'site-place-not-stated'],
  );
  assert.deepEqual(topology.timing, defaultTiming);
  assert.deepEqual(topology.reconciliation, { toleranceLots: 0.001, alertAboveLots: 100, settleMs: 2000 });
  assert.deepEqual(topology.groups[0], {
    id: 'all',
    components: ['store', 'door'],
    instancePolicy: 'automatic',
    sitePolicy: 'approval',
    coolDownMs: 300_000,
    maxRunsPerCoolDown: 2,
    rejoinPolicy: 'automatic',
    plannedMove: { approval: true, ticket: true, noticeMs: 1_800_000, watchMs: 1_800_000, outsideMarketHours: true },
  });
  assert.deepEqual(
    topology.sites.map((site) => site.preference),
    [1, 2, 3],
  );
  assert.deepEqual(
    topology.components.map((component) => component.authority),
    ['owned', 'none'],
  );
  assert.deepEqual(
    topology.components[0]!.probes.map((probe) => probe.intervalMs),
    [1000, 2000, 5000, 10_000],
  );
  assert.deepEqual(topology.components[1]!.instances[0], {
    id: 'door-east',
    component: 'door',
    host: 'east-1',
    replication: 'none',
    eligible: true,
    upstream: null,
  });
});

test('a name of 46 characters is not too long for a database instance, nor a longer one for another', () => {
  for (const [name, instead] of [
    ['store-west', 's'.repeat(46)],
    ['door-west', 'd'.repeat(63)],
  ] as const)
    assert.ok(parseTopology(firmWith(`${name}: {host`, `${instead}: {host`), 'firm.yaml').ok);
});

test('a group may have the tails of its databases decoded before anything is rebuilt', () => {
  const piece = 'components: [store, door]}';
  const parsed = parseTopology(firmWith(piece, piece.replace('}', ', rejoinPolicy: listed}')), 'firm.yaml');
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.equal(parsed.value.topology.groups[0]?.rejoinPolicy, 'listed');
});

interface Mistake {
  readonly claim: string;
  readonly piece: string;
  readonly instead: string;
  /** Text at whose beginning the problem must point, in the changed file. */
  readonly at: string;
  readonly code: string;
  readonly says: RegExp;
  readonly advises: RegExp;
}

const mistakes: readonly Mistake[] = [
  {
    claim: 'an unknown field is met with the one that was meant',
    piece: 'objective: {rto: 30s, rpo: 0s}\n    priority: 1\n    durability',
    instead: 'objective: {rtoo: 30s, rto: 30s, rpo: 0s}\n    priority: 1\n    durability',
    at: 'rtoo',
    code: 'HF-2002',
    says: /components\.store\.objective has no field "rtoo"/,
    advises: /did you mean "rto"\?/,
  },
  {
    claim: 'an unknown field at the top is met with the one that was meant',
    piece: 'groups:\n',
    instead: 'contact: []\ngroups:\n',
    at: 'contact:',
    code: 'HF-2002',
    says: /a topology file has no field "contact"/,
    advises: /did you mean "contacts"\?/,
  },
  {
    claim: 'a missing field is reported at what lacks it',
    piece: 'far: {capabilities: [witness], voter: true}',
    instead: 'far: {capabilities: [witness]}',
    at: 'far:',
    code: 'HF-2003',
    says: /sites\.far has no "voter"/,
    advises: /add "voter: …"/,
  },
  {
    claim: 'a missing quantity is missing, not wrong',
    piece: 'rtt: 8ms, ',
    instead: '',
    at: 'one:',
    code: 'HF-2003',
    says: /links\.one has no "rtt"/,
    advises: /add "rtt: …"/,
  },
  {
    claim: 'a wrong choice is met with the one that was meant',
    piece: 'kind: postgres',
    instead: 'kind: postgresql',
    at: 'postgresql',
    code: 'HF-2004',
    says: /components\.store\.kind cannot be "postgresql"/,
    advises: /did you mean "postgres"\?/,
  },
  {
    claim: 'a duration without a unit is not guessed at',
    piece: 'rtt: 8ms',
    instead: 'rtt: 8',
    at: '8,',
    code: 'HF-2005',
    says: /links\.one\.rtt: 8 has no unit/,
    advises: /30s, 250ms or 15min/,
  },
  {
    claim: 'a minute is not a metre',
    piece: 'rtt: 8ms',
    instead: 'rtt: 8m',
    at: '8m',
    code: 'HF-2005',
    says: /"m" is not a unit of a duration/,
    advises: /did you mean 8min\?/,
  },
  {
    claim: 'a unit of another quantity is refused',
    piece: 'bandwidth: 10Gb/s',
    instead: 'bandwidth: 10kW',
    at: '10kW',
    code: 'HF-2005',
    says: /"kW" is not a unit of a bandwidth/,
    advises: /Mb\/s, Gb\/s/,
  },
  {
    claim: 'bytes are not bits',
    piece: 'bandwidth: 10Gb/s',
    instead: 'bandwidth: 10Gbps',
    at: '10Gbps',
    code: 'HF-2005',
    says: /"Gbps" is not a unit/,
    advises: /did you mean 10Gb\/s\?/,
  },
  {
    claim: 'a negative duration is refused',
    piece: 'rtt: 8ms',
    instead: 'rtt: -8ms',
    at: '-8ms',
    code: 'HF-2005',
    says: /-8ms is negative/,
    advises: /30s/,
  },
  {
    claim: 'an unresolved site is met with the one that was meant',
    piece: 'west-1: {site: west}',
    instead: 'west-1: {site: wset}',
    at: 'wset',
    code: 'HF-2006',
    says: /hosts\.west-1\.site: there is no site "wset"/,
    advises: /did you mean "west"\?/,
  },
  {
    claim: 'an unresolved host is met with the one that was meant',
    piece: 'door-west: {host: west-1}',
    instead: 'door-west: {host: west1}',
    at: 'west1',
    code: 'HF-2006',
    says: /there is no host "west1"/,
    advises: /did you mean "west-1"\?/,
  },
  {
    claim: 'an unresolved dependency points at its entry of the list',
    piece: 'dependsOn: [store]',
    instead: 'dependsOn: [stroe]',
    at: 'stroe',
    code: 'HF-2006',
    says: /there is no component "stroe"/,
    advises: /did you mean "store"\?/,
  },
  {
    claim: 'an unresolved member of a group is named',
    piece: 'components: [store, door]',
    instead: 'components: [store, doors]',
    at: 'doors]',
    code: 'HF-2006',
    says: /there is no component "doors"/,
    advises: /did you mean "door"\?/,
  },
  {
    claim: 'a name that nothing resembles is met with what there is',
    piece: 'components: [store, door]',
    instead: 'components: [store, zeppelin]',
    at: 'zeppelin',
    code: 'HF-2006',
    says: /there is no component "zeppelin"/,
    advises: /^known: store, door$/,
  },
  {
    claim: 'the same name twice in one place is a duplicate',
    piece: '  west: {capabilities: [serve, standby], voter: true}',
    instead: '  east : {capabilities: [serve, standby], voter: true}',
    at: 'east :',
    code: 'HF-2007',
    says: /"east" is written twice/,
    advises: /another name/,
  },
  {
    claim: 'an instance name is unique over all components',
    piece: 'door-west: {host: west-1}',
    instead: 'store-west: {host: west-1}',
    at: 'store-west: {host: west-1}',
    code: 'HF-2007',
    says: /"store-west" is already used by components\.store\.instances\.store-west \(firm\.yaml line 23\)/,
    advises: /unique in the whole file/,
  },
  {
    claim: 'a database instance whose name PostgreSQL would cut is refused',
    piece: 'store-west: {host: west-1, replication: sync}',
    instead: 'store-west-of-the-second-hall-of-the-third-buildi: {host: west-1, replication: sync}',
    at: 'store-west-of',
    code: 'HF-2004',
    says: /components\.store\.instances\.store-west-of-.* may have 46 characters, this one has 49/,
    advises: /shorten it by 3/,
  },
  {
    claim: 'a component belongs to one group only',
    piece: '  all: {components: [store, door]}',
    instead: '  all: {components: [store, door]}\n  more: {components: [door ]}',
    at: 'door ]',
    code: 'HF-2007',
    says: /door is already in the group all/,
    advises: /remove it/,
  },
  {
    claim: 'a circle of dependencies is shown as it goes',
    piece: '    durability: {acknowledge',
    instead: '    dependsOn: [door]\n    durability: {acknowledge',
    at: 'dependsOn: [door]',
    code: 'HF-2008',
    says: /dependsOn goes in a circle: store → door → store/,
    advises: /remove one/,
  },
  {
    claim: 'a cascade cannot feed itself',
    piece: 'store-west: {host: west-1, replication: sync}',
    instead: 'store-west: {host: west-1, replication: async, upstream: store-west}',
    at: 'store-west}',
    code: 'HF-2008',
    says: /store-west → store-west/,
    advises: /remove its "upstream"/,
  },
  {
    claim: 'unsound timing is an error at the field that is wrong',
    piece: 'groups:\n',
    instead: 'timing: {reportEvery: 200ms, selfFenceAfter: 600ms}\ngroups:\n',
    at: '600ms',
    code: 'HF-2009',
    says: /selfFenceAfterMs 600 must allow three renewals of 500 ms/,
    advises: /"selfFenceAfter"/,
  },
  {
    claim: 'a witness that would be primary is refused',
    piece: 'door-west: {host: west-1}',
    instead: 'door-west: {host: far-1, eligible: true}',
    at: 'far-1',
    code: 'HF-2006',
    says: /no host "far-1"/,
    advises: /known: east-1, west-1/,
  },
  {
    claim: 'a name with capitals is met with a usable one',
    piece: 'far: {capabilities',
    instead: 'Far_Away: {capabilities',
    at: 'Far_Away',
    code: 'HF-2004',
    says: /"Far_Away" is not a name/,
    advises: /"far-away"/,
  },
  {
    claim: 'every entry can only be meant in an overlay',
    piece: '  all: {components: [store, door]}',
    instead: '  "*": {components: [store, door]}',
    at: '"*"',
    code: 'HF-2004',
    says: /"\*" is not a name/,
    advises: /every entry of the file below an overlay/,
  },
  {
    claim: 'a list in place of fields is refused',
    piece: '  all: {components: [store, door]}',
    instead: '  all: [store, door]',
    at: 'all:',
    code: 'HF-2004',
    says: /groups\.all is a list, expected fields below it/,
    advises: /indented below it/,
  },
  {
    claim: 'a tab is pointed at',
    piece: '  all: {components: [store, door]}',
    instead: '\tall: {components: [store, door]}',
    at: '\tall',
    code: 'HF-2001',
    says: /not YAML/i,
    advises: /spaces, not with a tab/,
  },
];

for (const { claim, piece, instead, at, code, says, advises } of mistakes)
  test(`${claim} (${code}, with line and column)`, () => {
    const text = firmWith(piece, instead);
    const [problem] = problemsOf(text);
    assert.ok(problem);
    const { line, column } = lineOf(text, at);
    assert.deepEqual(
      { code: problem.code, file: problem.file, line: problem.line, column: problem.column },
      { code, file: 'firm.yaml', line, column },
      problem.message,
    );
    assert.match(problem.message, says);
    assert.match(problem.remedy, advises);
  });

test('all mistakes of a file are reported at once, in the order of the file', () => {
  const text = firmWith('rtt: 8ms', 'rtt: 8').replace('site: west', 'site: 7').replace('kind: front', 'kind: fron');
  assert.deepEqual(
    problemsOf(text).map((problem) => problem.path),
    ['links.one.rtt', 'hosts.west-1.site', 'components.door.kind'],
  );
});

test('an instance at a site that never serves cannot be eligible', () => {
  const text = firmWith('  west-1: {site: west}', '  west-1: {site: west}\n  far-1: {site: far}').replace(
    'door-west: {host: west-1}',
    'door-far: {host: far-1, eligible: true}',
  );
  const [problem] = problemsOf(text);
  assert.equal(problem?.code, 'HF-2012');
  assert.match(problem?.message ?? '', /door-far is at far \(witness\), which never serves/);
});

test('an empty file, a list and a value are refused with an example to start from', () => {
  for (const text of ['', '# nothing\n', '- a\n', 'hello'])
    assert.deepEqual(
      problemsOf(text).map((problem) => [problem.code, problem.file]),
      [['HF-2001', 'firm.yaml']],
    );
});

test('an alias stands for its anchor, and one that contains itself is refused', () => {
  const shared = firmWith(
    'east: {capabilities: [serve, standby], voter',
    'east: {capabilities: &both [serve, standby], voter',
  ).replace('west: {capabilities: [serve, standby]', 'west: {capabilities: *both');
  assert.ok(parseTopology(shared, 'firm.yaml').ok);
  const endless = firmWith('far: {capabilities: [witness]', 'far: {capabilities: &loop [*loop]');
  assert.match(problemsOf(endless)[0]?.message ?? '', /contains it/);
});

test('a file that multiplies itself with aliases is refused quickly', () => {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `l${level + 1}: &l${level + 1} [${Array(12).fill(`*l${level}`).join(', ')}]`,
  );
  const [problem] = problemsOf(`l0: &l0 [a]\n${levels.join('\n')}\n`);
  assert.match(problem?.message ?? '', /far too many values/);
});

test('whatever the text, the parser answers with a topology or with placed problems', () => {
  const lines = firm.split('\n');
  const mutation = fc.record({
    line: fc.nat({ max: lines.length - 1 }),
    text: fc.oneof(fc.string(), fc.constantFrom('', '  - x', 'a: {', '"*": 1', '? x')),
  });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const changed = [...lines];
      for (const { line, text } of mutations) changed[line] = text;
      const parsed = parseTopology(changed.join('\n'), 'firm.yaml');
      if (parsed.ok) return;
      assert.ok(parsed.error.length > 0);
      for (const { line, column, message, remedy } of parsed.error) {
        assert.ok(line >= 1 && line <= changed.join('\n').split(/\r\n|\r|\n/).length + 1 && column >= 1);
        assert.ok(message.length > 0 && remedy.length > 0);
      }
    }),
    { numRuns: 300 },
  );
});

test('a calendar is the four characters of a market, and anything else is refused where it stands', () => {
  const market = (calendar: string) =>
    parseTopology(`${firm}venues:\n  floor: {rtt: {west: 1ms}, calendar: ${calendar}}\n`, 'firm.yaml');
  const known = market('XNYS');
  assert.equal(known.ok && known.value.topology.venues[0]?.calendar, 'XNYS');
  const found = market('New York');
  assert.ok(!found.ok);
  const [problem] = found.error;
  assert.deepEqual([problem?.code, problem?.path], ['HF-2004', 'venues.floor.calendar']);
  assert.ok(problem!.line! > 1 && problem!.column! > 1, JSON.stringify(problem));
});
