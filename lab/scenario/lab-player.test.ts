import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseScenario } from '../../src/core/drill/parse-scenario.ts';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import type { Platform } from '../demo/platform.ts';
import type { Fault } from '../fault.ts';
import { loopbackSwitches } from './ground-switches.ts';
import { LabPlayer } from './lab-player.ts';
import { Story } from './story.ts';

const shaped = topologyOf(
  shapeOf({
    firm: { servingSites: 2, enginesPerSite: 2, archive: false, services: false },
    policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
  }),
);
const topology = { ...shaped, timing: { ...shaped.timing, reportEveryMs: 10 } };

const manner = { switches: loopbackSwitches, pace: 2 };

class FakePlatform {
  readonly topology = topology;
  readonly broken: { readonly fault: Fault; readonly forMs: number | null }[] = [];
  readonly asked: { readonly person: string; readonly kind: string }[] = [];
  /** What the flow answers. */
  flow = () => Promise.reject(new Error('HF-7012 the flow is gone'));

  group = () =>
    Promise.resolve({
      group: 'trading',
      record: {
        epoch: 1,
        activeSite: 'alfa',
        grants: { engine: { component: 'engine', holder: 'alfa-eng1', mode: { kind: 'strict' } } },
      },
      instances: [],
      hosts: [],
      diagnoses: [],
      decision: null,
      run: null,
    });
  readonly leaderSeen = 'bravo';
  groupOfLeader = () => this.group();
  mark = () => Promise.resolve();
  journal = () => Promise.resolve([]);
  break = (fault: Fault, forMs: number | null) => {
    this.broken.push({ fault, forMs });
    return Promise.resolve({ effectiveAt: 0 });
  };
  ask = (person: string, { kind }: { readonly kind: string }) => {
    this.asked.push({ person, kind });
    return kind === 'approve'
      ? Promise.reject(new Error('no answer within 15 s'))
      : Promise.resolve({ kind: 'ok', result: null });
  };
}

async function played(lines: readonly string[], platform = new FakePlatform()) {
  const parsed = parseScenario(`title: t\nfirm: two sites, two engines each\n${lines.join('\n')}\n`);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const story = new Story(() => {});
  await new LabPlayer(platform as unknown as Platform, manner, story).play(parsed.value);
  return { verdicts: story.results.map(({ text, verdict }) => [text, verdict]), story, platform };
}

test('a fault is aimed at who is meant now, and lasts as long as the pace says', async () => {
  const { platform, verdicts } = await played([
    'fault: freeze primary of engine for 3 s',
    'fault: kill primary of engine',
  ]);
  const target = { kind: 'instance', instance: 'alfa-eng1' };
  assert.deepEqual(platform.broken, [
    { fault: { kind: 'freeze', target }, forMs: 6000 },
    { fault: { kind: 'kill', target }, forMs: null },
  ]);
  assert.deepEqual(
    verdicts.map(([, verdict]) => verdict),
    ['done', 'done'],
  );
});

test('a fault at a step that no run came to has failed', async () => {
  const { verdicts, platform } = await played(['fault: kill leading controller, at step drain']);
  assert.deepEqual(verdicts, [['fault: kill leading controller, at step drain', 'failed']]);
  assert.deepEqual(platform.broken, []);
});

test('a fault at somebody who is not there has failed, and is no fault', async () => {
  const { verdicts } = await played(['fault: kill primary of db', 'expect: outage below 1 s']);
  assert.deepEqual(
    verdicts.map(([, verdict]) => verdict),
    ['failed', 'inconclusive'],
  );
});

test('what cannot be judged is inconclusive, and the next line is played', async () => {
  const { verdicts } = await played(['expect: orders pass', 'expect: no take-over', 'expect: halted']);
  assert.deepEqual(verdicts, [
    ['expect: orders pass', 'inconclusive'],
    ['expect: no take-over', 'held'],
    ['expect: halted', 'failed'],
  ]);
});

test('who stopped first is looked at again at the end, when whoever was frozen has written it down', async () => {
  const lines = ['expect: old primary of db stopped first', 'expect: no take-over'];
  const parsed = parseScenario(`title: t\nfirm: two sites, two engines each\n${lines.join('\n')}\n`);
  assert.ok(parsed.ok);
  const story = new Story(() => {});
  const player = new LabPlayer(new FakePlatform() as unknown as Platform, manner, story);
  let written = false;
  player.judge.judge = ({ kind }) => {
    if (kind !== 'stopped-first') written = true;
    const verdict = kind !== 'stopped-first' || written ? 'held' : 'inconclusive';
    return Promise.resolve({ verdict, found: '' });
  };
  await player.play(parsed.value);
  assert.deepEqual(
    story.results.map(({ text, verdict }) => [text, verdict]),
    lines.toReversed().map((text) => [text, 'held']),
  );
});

test('people ask with the role that it needs; where nobody answers, it is not known whether it was done', async () => {
  const { verdicts, platform } = await played([
    'person: freezes automation',
    'person: approves the plan that waits',
    'person: accepts the exposure and ends the halt',
  ]);
  assert.deepEqual(platform.asked, [
    { person: 'Omar Operator', kind: 'freeze' },
    { person: 'Ada Approver', kind: 'approve' },
    { person: 'Rhea Risk', kind: 'resume' },
  ]);
  assert.deepEqual(
    verdicts.map(([, verdict]) => verdict),
    ['done', 'inconclusive', 'done'],
  );
});
