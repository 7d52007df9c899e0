import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TailAnswer } from '../../core/replication/divergent-tail.ts';
import { parseTailAnswer } from '../../wire/tail-answer.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { tailScreen } from '../view/tail-screen.ts';
import { tailCommand } from './tail.ts';

const tail: TailAnswer = {
  instance: 'db-nyc',
  comparedWith: 'db-chi',
  file: '/q/db-nyc-4/tail.json',
  from: '0/5000000',
  to: '0/5002000',
  transactions: 2,
  entries: [
    { kind: 'order', id: 'c1-9', table: 'trading.public.orders', change: 'inserted', atNewPrimary: 'absent' },
    { kind: 'execution', id: 'nyse/77', table: 'trading.public.trades', change: 'changed', atNewPrimary: 'differs' },
  ],
  entryCount: 2,
  inconclusive: [],
  digest: 'ab'.repeat(32),
};

test('every row is shown with what the new primary has, and that this is all', () => {
  const screen = tailScreen(tail).join('\n');
  assert.match(screen, /2 by 2 transactions: 1 order, 1 execution/);
  assert.match(screen, /order +c1-9 +trading\.public\.orders +inserted +not there/);
  assert.match(screen, /execution +nyse\/77 .* there, another/);
  assert.match(screen, /WHOLE +yes/);
});

test('what could not be decoded is named and never called all', () => {
  const screen = tailScreen({ ...tail, entryCount: 1_200, inconclusive: ['definitions changed: pg_class'] }).join('\n');
  assert.match(screen, /\? inconclusive, there may be more/);
  assert.match(screen, /definitions changed: pg_class/);
  assert.match(screen, /the first 2 of 1200/);
});

test('an answer that is no list is refused with the place', () => {
  assert.deepEqual(parseTailAnswer(JSON.parse(JSON.stringify(tail))), tail);
  assert.throws(() => parseTailAnswer({ ...tail, entries: [{ kind: 'trade' }] }), /entries\[0\]/);
});

test('where nobody keeps a tail the command says so', async () => {
  const terminal = new FakeTerminal({ interactive: false, answers: [] });
  const outcome = await tailCommand(contextOf(new SimulatedFirm(), { terminal }), null);
  assert.deepEqual([outcome.exitCode, /HF-4126/.test(outcome.text)], [1, true], outcome.text);
});
