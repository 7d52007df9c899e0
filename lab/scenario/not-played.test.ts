import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseScenario } from '../../src/core/drill/parse-scenario.ts';
import type { PlayGround } from './ground-switches.ts';
import { notPlayed } from './not-played.ts';

function of(firm: string, line: string, ground: PlayGround = 'loopback') {
  const parsed = parseScenario(`title: it shows something\nfirm: ${firm}\n${line}\n`);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return notPlayed(parsed.value, ground);
}

const plain = 'two sites, two engines each';

test('what a lab has a switch for is played', () => {
  assert.equal(of(`${plain}, archive, services`, 'fault: kill primary of engine'), null);
  assert.equal(of(plain, 'fault: stop the authority for 1 s'), null);
});

for (const [words, because] of [
  ['hide primary of engine from its agent for 1 s', /keeps an instance from answering/],
  ['alter the state of primary of engine', /has computed/],
  ['slow the disk of primary of db to 150 ms for 1 s', /no disks of its own/],
  ['fill the disk of primary of engine for 1 s', /no disks of its own/],
  ['set the clock of leading controller back by 1 min for 1 s', /wall clock/],
  ['promote remote standby of engine behind our back', /nobody promotes/],
] as const)
  test(`"${words}" is not played, and it is said why and where`, () => {
    const found = of(plain, `fault: ${words}`);
    assert.equal(found?.line, 3);
    assert.match(found!.reason, because);
  });

test('a firm with servers that loopback does not have is not played, and they are named', () => {
  assert.match(of(`${plain}, servers`, 'fault: kill primary of db')!.reason, /proxies, poolers/);
  const both = of(`${plain}, servers, delegated database`, 'fault: kill primary of db');
  assert.equal(both?.line, null);
  assert.match(both!.reason, /Patroni/);
});

test('on namespaces a firm with servers is played, and so is one whose database Patroni leads', () => {
  assert.equal(of(`${plain}, servers, delegated database`, 'fault: kill primary of db', 'netns'), null);
  assert.match(of(plain, 'fault: hide primary of engine from its agent for 1 s', 'netns')!.reason, /keeps an instance/);
});

test('an authority is put back from its copy on loopback alone', () => {
  const words = 'fault: restore the authority from its copy';
  assert.equal(of(plain, words), null);
  assert.match(of(plain, words, 'netns')!.reason, /etcd/);
});

test('behind the back of the agents Patroni promotes on namespaces, and nobody else does', () => {
  const rogue = (component: string) => `fault: promote remote standby of ${component} behind our back`;
  const delegated = `${plain}, delegated database`;
  assert.equal(of(delegated, rogue('db'), 'netns'), null);
  assert.match(of(delegated, rogue('engine'), 'netns')!.reason, /except Patroni/);
  assert.match(of(plain, rogue('db'), 'netns')!.reason, /except Patroni/);
});
