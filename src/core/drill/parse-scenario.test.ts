import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseScenario, type ScenarioProblem } from './parse-scenario.ts';
import type { Scenario } from './scenario.ts';

const HEAD = 'title: it shows something\nfirm: two sites, two engines each\n';

function read(lines: string): Scenario {
  const parsed = parseScenario(HEAD + lines);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function problems(text: string): readonly ScenarioProblem[] {
  const parsed = parseScenario(text);
  assert.ok(!parsed.ok, 'it was understood');
  return parsed.error;
}

/** The one problem of a line that stands below a sound head. */
function problem(line: string): ScenarioProblem {
  const found = problems(`${HEAD}fault: kill primary of db\n${line}`);
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0]!;
}

test('a scenario is read with its title, firm, policy, lines and story', () => {
  const scenario = read(
    [
      'policy: site approval, after peer loss halt',
      '',
      '# nobody reads this',
      'fault: power off active site for 20 s',
      'wait until: served, within 1.5 s',
      'expect: no take-over',
      '----',
      '  +0.0  it happens',
      '',
    ].join('\n'),
  );
  assert.equal(scenario.title, 'it shows something');
  assert.deepEqual(scenario.firm, { servingSites: 2, enginesPerSite: 2, archive: false, services: false });
  assert.deepEqual(scenario.policy, { site: 'approval', instance: 'automatic', afterPeerLoss: 'halt' });
  assert.deepEqual(scenario.lines, [
    {
      number: 6,
      text: 'fault: power off active site for 20 s',
      kind: 'fault',
      fault: { kind: 'site-power-off', site: { kind: 'active' } },
      forMs: 20_000,
      atStep: null,
    },
    {
      number: 7,
      text: 'wait until: served, within 1.5 s',
      kind: 'wait-until',
      condition: { kind: 'served' },
      withinMs: 1500,
    },
    { number: 8, text: 'expect: no take-over', kind: 'expect', condition: { kind: 'takeovers', count: 0 } },
  ]);
  assert.deepEqual(scenario.story, ['  +0.0  it happens']);
  assert.doesNotMatch(scenario.script, /it happens/);
});

test('line ends of another system make no difference', () => {
  assert.deepEqual(
    parseScenario(`${HEAD}fault: kill primary of db\n`.replaceAll('\n', '\r\n')).ok &&
      read('fault: kill primary of db\n').lines,
    read('fault: kill primary of db\n').lines,
  );
});

test('every fault is understood, with whom it means', () => {
  const { lines } = read(
    [
      'fault: kill remote standby of engine',
      'fault: kill agent of primary of db',
      'fault: freeze leading controller for 6 s, at step fence',
      'fault: freeze controller at witness site for 1 s',
      'fault: freeze warden of primary of db for 250 ms',
      'fault: freeze host of standby of engine for 2 min',
      'fault: power off host alfa-d for 1 s',
      'fault: isolate site alfa for 1 s',
      'fault: cut active site from standby site for 1 s',
      'fault: cut one way active site to site carol for 1 s',
      'fault: flap the link of active site and site carol every 300 ms for 10 s',
      'fault: silence host of instance alfa-db for 1 s',
      'fault: hide primary of engine from its agent for 1 s',
      'fault: stop the authority for 1 s',
      'fault: alter the state of primary of engine',
      'fault: promote standby of db behind our back',
      'fault: lose 20 % between active site and standby site for 1 s',
      'fault: slow the disk of primary of db to 150 ms for 5 s',
      'fault: fill the disk of primary of engine for 5 s',
      'fault: set the clock of leading controller back by 1 min for 5 s',
      'fault: set the clock of controller at witness site forward by 2 s for 5 s',
      'fault: copy the authority',
      'fault: restore the authority from its copy',
    ].join('\n'),
  );
  const host = { kind: 'host-of', instance: { kind: 'primary', component: 'db' } };
  assert.deepEqual(
    lines.map((line) => line.kind === 'fault' && line.fault),
    [
      { kind: 'kill', target: { kind: 'instance', instance: { kind: 'remote-standby', component: 'engine' } } },
      { kind: 'kill', target: { kind: 'agent', host } },
      { kind: 'freeze', target: { kind: 'leading-controller' } },
      { kind: 'freeze', target: { kind: 'controller', site: { kind: 'witness' } } },
      { kind: 'freeze', target: { kind: 'warden', host } },
      {
        kind: 'freeze',
        target: { kind: 'host', host: { kind: 'host-of', instance: { kind: 'standby', component: 'engine' } } },
      },
      { kind: 'host-power-off', host: { kind: 'named', host: 'alfa-d' } },
      { kind: 'isolate', site: { kind: 'named', site: 'alfa' } },
      { kind: 'cut', from: { kind: 'active' }, to: { kind: 'standby' }, oneWay: false },
      { kind: 'cut', from: { kind: 'active' }, to: { kind: 'named', site: 'carol' }, oneWay: true },
      { kind: 'flap', from: { kind: 'active' }, to: { kind: 'named', site: 'carol' }, everyMs: 300 },
      { kind: 'silence', host: { kind: 'host-of', instance: { kind: 'named', instance: 'alfa-db' } } },
      { kind: 'hide', instance: { kind: 'primary', component: 'engine' } },
      { kind: 'stop-authority' },
      { kind: 'alter-state', instance: { kind: 'primary', component: 'engine' } },
      { kind: 'rogue-promotion', instance: { kind: 'standby', component: 'db' } },
      { kind: 'loss', from: { kind: 'active' }, to: { kind: 'standby' }, percent: 20 },
      { kind: 'slow-disk', instance: { kind: 'primary', component: 'db' }, diskMs: 150 },
      { kind: 'full-disk', instance: { kind: 'primary', component: 'engine' } },
      { kind: 'wrong-clock', target: { kind: 'leading-controller' }, byMs: -60_000 },
      { kind: 'wrong-clock', target: { kind: 'controller', site: { kind: 'witness' } }, byMs: 2000 },
      { kind: 'copy-authority' },
      { kind: 'restore-authority' },
    ],
  );
  const third = lines[2]!;
  assert.deepEqual(third.kind === 'fault' && [third.forMs, third.atStep], [6000, 'fence']);
});

test('every condition is understood', () => {
  const texts = [
    ['whole', { kind: 'whole' }],
    ['nothing is wrong', { kind: 'nothing-wrong' }],
    ['halted', { kind: 'mode', mode: 'halted' }],
    ['site bravo is active', { kind: 'active', site: 'bravo' }],
    ['engine moved', { kind: 'moved', component: 'engine', moved: true }],
    ['engine did not move', { kind: 'moved', component: 'engine', moved: false }],
    ['2 take-overs', { kind: 'takeovers', count: 2 }],
    ['decision is hold because of R-FREEZE', { kind: 'decision', verdict: 'hold', rule: 'R-FREEZE' }],
    ['decision is ask-approval', { kind: 'decision', verdict: 'ask-approval', rule: null }],
    ['diagnosis SiteDown', { kind: 'diagnosis', diagnosis: 'SiteDown' }],
    ['run is at step fence', { kind: 'step', step: 'fence' }],
    ['the person was refused with HF-4115', { kind: 'refused', code: 'HF-4115' }],
    ['old primary of db stopped first', { kind: 'stopped-first', component: 'db' }],
    ['nothing acknowledged is lost', { kind: 'nothing-lost' }],
    ['outage below 250 ms', { kind: 'outage-below', ms: 250 }],
    ['all faults are over', { kind: 'faults-over' }],
  ] as const;
  const { lines } = read(texts.map(([text]) => `expect: ${text}`).join('\n'));
  assert.deepEqual(
    lines.map((line) => line.kind === 'expect' && line.condition),
    texts.map(([, condition]) => condition),
  );
});

test('everything that a person may do is understood', () => {
  const { lines } = read(
    [
      'person: freezes automation',
      'person: lifts the freeze',
      'person: approves the plan that waits',
      'person: accepts the loss and approves the plan that may have it',
      'person: acknowledges what happened',
      'person: asks for a switchover to site alfa',
      'person: asks for a failover to standby site',
      'person: asks for a recovery of risk',
    ].join('\n'),
  );
  assert.deepEqual(
    lines.map((line) => line.kind === 'person' && line.request),
    [
      { kind: 'freeze' },
      { kind: 'unfreeze' },
      { kind: 'approve' },
      { kind: 'approve-loss' },
      { kind: 'acknowledge' },
      { kind: 'move', move: 'switchover', site: { kind: 'named', site: 'alfa' } },
      { kind: 'move', move: 'failover', site: { kind: 'standby' } },
      { kind: 'recover', component: 'risk' },
    ],
  );
});

test('every problem is named with its line, what stands there and what may stand there', () => {
  const found = problems('firm: two sitez\nfault: powr off\ngreet: world\nexpect: db vanished\n');
  assert.deepEqual(
    found.map(({ line, found: what }) => [line, what]),
    [
      [1, '"two sitez" is not a firm'],
      [1, '"title" is missing'],
      [2, '"powr off" is not a fault'],
      [3, '"greet" begins no line'],
      [4, '"db vanished" is not a condition'],
    ],
  );
  for (const { next } of found) assert.ok(next.length > 10, next);
});

test('a fault without an end is refused, and so is an end where there is none', () => {
  assert.match(problem('fault: isolate active site').next, /"isolate active site for 5 s"/);
  assert.match(problem('fault: kill primary of db for 5 s').found, /over at once/);
  assert.match(problem('fault: freeze primary of db for five seconds').next, /"250 ms", "3 s", "2 min"/);
});

test('a host is powered off, not killed, and a warden cannot be killed alone', () => {
  for (const what of ['host of primary of db', 'warden of primary of db']) {
    const { found, next } = problem(`fault: kill ${what}`);
    assert.equal(found, `"${what}" is nothing that this can be done to`);
    assert.match(next, /^PROCESS: INSTANCE, agent of INSTANCE/);
  }
});

test('words of a closed list are listed when another one is used', () => {
  assert.match(problem('expect: diagnosis SiteGone').next, /SiteDown, SiteIsolated/);
  assert.match(problem('expect: decision is maybe').next, /stand-down, hold, ask-approval, proceed/);
  assert.match(problem('expect: decision is hold because of R-LUCK').next, /R-FENCE/);
  assert.match(problem('expect: diagnosis toString').found, /no diagnosis/);
  assert.match(problem('wait until: run is at step pray, within 1 s').next, /revoke, barrier, fence/);
  assert.match(problem('fault: kill primary of db, at step pray').next, /revoke, barrier, fence/);
  assert.match(problem('policy: site never').next, /automatic\|approval\|manual\|observe/);
  assert.match(problem('person: sings').next, /approves the plan that waits/);
  assert.match(problem('person: asks for a failover to the moon').next, /^SITE: active site/);
});

test('a wait says how long', () => {
  assert.match(problem('wait until: served').next, /"wait until: served, within 5 s"/);
  assert.match(problem('wait: a moment').found, /not a time/);
});

test('what is said once is refused the second time', () => {
  assert.deepEqual(problem('title: another one'), {
    line: 4,
    found: '"title" is said twice',
    next: 'it stands in line 1 already',
  });
});

test('a scenario in which nothing is done is refused', () => {
  assert.match(problems(HEAD)[0]!.found, /nothing is done/);
});

test('an archive beside three serving sites is refused', () => {
  assert.match(
    problems('title: x\nfirm: three sites, one engine each, archive\nfault: kill primary of db')[0]!.next,
    /leave out/,
  );
});
