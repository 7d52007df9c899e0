import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseScenario } from '../../src/core/drill/parse-scenario.ts';
import { notPlayed } from './not-played.ts';

function of(firm: string, line: string) {
  const parsed = parseScenario(`title: it shows something\nfirm: ${firm}\n${line}\n`);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return notPlayed(parsed.value);
}

const plain = 'two sites, two engines each';

test('what a lab has a switch for is played', () => {
  assert.equal(of(`${plain}, archive, services`, 'fault: kill primary of engine'), null);
  assert.equal(of(plain, 'fault: stop the authority for 1 s'), null);
});

for (const [words, because] of [
  ['hide primary of engine from its agent for 1 s', /keeps an instance from answering/],
  ['alter the state of primary of engine', /has computed/],
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
