import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forSeeds, shuffled } from '../../../test/builders/for-seeds.ts';
import { runbooks } from '../../../test/builders/plans.ts';
import { parseRunbook } from './parse-runbook.ts';
import { checkRunbook, RUNBOOK_IDS, type Runbook, type StepKind } from './runbook.ts';

const shipped = runbooks.get('failover-site')!;
const withKinds = (kinds: readonly StepKind[]): Runbook => ({
  ...shipped,
  steps: kinds.map((kind) => ({ kind, deadlineMs: 1000, does: 'A sentence.' })),
});
const NEEDED: readonly StepKind[] = [
  'revoke',
  'barrier',
  'fence',
  'freeze-positions',
  'grant',
  'promote-components',
  'enable-trading',
];

test('the shipped runbooks are sound, and none is missing', () => {
  assert.deepEqual([...runbooks.keys()].toSorted(), RUNBOOK_IDS.toSorted());
  for (const runbook of runbooks.values()) assert.deepEqual(checkRunbook(runbook), []);
});

test('I3: of all orders of all steps only those are accepted in which fencing comes before promoting', () => {
  let accepted = 0;
  forSeeds(2000, (random) => {
    const extra = ['move-traffic', 'validate', 'residue-check'].filter(() => random.chance(0.3)) as StepKind[];
    const kinds = [...NEEDED];
    // Mostly two neighbours exchanged: everything else would nearly never be right.
    const at = random.whole(0, kinds.length - 1);
    if (random.chance(0.5)) [kinds[at], kinds[(at + 1) % kinds.length]] = [kinds[(at + 1) % kinds.length]!, kinds[at]!];
    if (random.chance(0.2)) kinds.splice(random.whole(0, kinds.length - 1), 1);
    if (random.chance(0.1)) kinds.push(random.pick(kinds));
    for (const each of extra) kinds.splice(random.whole(0, kinds.length), 0, each);
    const order = random.chance(0.1) ? shuffled(random, kinds) : kinds;
    const sound = NEEDED.every((kind, index) => {
      const places = order.flatMap((each, place) => (each === kind ? [place] : []));
      const before = index === 0 ? -1 : order.indexOf(NEEDED[index - 1]!);
      return places.length === 1 && places[0]! > before;
    });
    assert.equal(checkRunbook(withKinds(order)).length === 0, sound, order.join(' '));
    if (sound) accepted += 1;
  });
  assert.ok(accepted > 300 && accepted < 1700, `${accepted}`);
});

test('each step of the safe order is missed by its name', () => {
  for (const kind of NEEDED) {
    const problems = checkRunbook(withKinds(NEEDED.filter((each) => each !== kind)));
    assert.ok(
      problems.some((problem) => problem.includes(`step "${kind}" is missing`)),
      kind,
    );
  }
});

test('a drain comes before anything is revoked, and says what happens when it does not end', () => {
  const planned = runbooks.get('switchover-site')!;
  const [drain, ...rest] = planned.steps;
  assert.equal(drain?.kind, 'drain');
  assert.match(checkRunbook({ ...planned, steps: [...rest, drain!] })[0] ?? '', /"drain" comes after "revoke"/);
  const { onExpiry: _, ...silent } = drain!;
  assert.match(checkRunbook({ ...planned, steps: [silent, ...rest] })[0] ?? '', /"drain" needs onExpiry/);
  const odd = { ...drain!, onExpiry: 'hope' as 'give-up' };
  assert.match(checkRunbook({ ...planned, steps: [odd, ...rest] })[0] ?? '', /onExpiry is none of/);
});

test('a recovery in place needs no safe order, and one that takes a holder away needs all of it', () => {
  const { steps } = runbooks.get('recover-market-data')!;
  const inPlace: Runbook = { ...shipped, id: 'recover-market-data', steps };
  assert.deepEqual(checkRunbook(inPlace), []);
  assert.match(checkRunbook({ ...inPlace, id: 'failover-site' })[0] ?? '', /step "revoke" is missing/);
  const restart = { kind: 'restart', deadlineMs: 1000, does: 'Ends it.' } as const;
  assert.match(checkRunbook({ ...inPlace, steps: [...steps, restart] })[0] ?? '', /step "revoke" is missing/);
  const twice = checkRunbook({ ...inPlace, steps: [...steps, steps[0]!] });
  assert.deepEqual(twice, ['recover-market-data: a step is listed twice']);
  const nameless = { kind: 'act', deadlineMs: 1000, does: 'Something.' } as const;
  assert.match(checkRunbook({ ...inPlace, steps: [nameless] })[0] ?? '', /needs the name of an action/);
});

test('a step without an end, or that nobody knows, makes a runbook unusable', () => {
  const endless = { ...shipped, steps: shipped.steps.map((step) => ({ ...step, deadlineMs: 0 })) };
  assert.match(checkRunbook(endless)[0] ?? '', /needs a deadline/);
  const unknown = { ...shipped, steps: [...shipped.steps, { kind: 'pray' as StepKind, deadlineMs: 1, does: '' }] };
  assert.deepEqual(checkRunbook(unknown), ['failover-site: unknown step "pray"']);
});

test('a runbook is read from data, and what is wrong with it is named, all of it', () => {
  const read = parseRunbook(structuredClone(shipped));
  assert.ok(read.ok);
  assert.deepEqual(read.value, shipped);
  const wrong = parseRunbook({ id: 'failover-moon', version: '1', steps: [{ kind: 3, run: 'rm' }, 'revoke'] });
  assert.ok(!wrong.ok);
  assert.deepEqual(wrong.error, [
    `id: "failover-moon" is none of ${RUNBOOK_IDS.join(', ')}`,
    'version: a whole number is needed',
    'title: a sentence is needed',
    'steps[0].kind: missing',
    'steps[0].deadlineMs: a number of milliseconds is needed',
    'steps[0].does: a sentence for people is needed',
    'steps[0].run: unknown',
    'steps[1]: a mapping with kind, deadlineMs and does is needed',
  ]);
  assert.equal(parseRunbook([]).ok, false);
  const unsound = parseRunbook({ ...shipped, steps: shipped.steps.filter((step) => step.kind !== 'fence') });
  assert.equal(unsound.ok, false);
});
