import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperatorAnswer, OperatorRequest } from '../../wire/operator-api.ts';
import type { CommandContext } from '../command-context.ts';
import { contextOf, SimulatedFirm } from '../simulated-controllers.test.ts';
import { bandwidthCommand, networkTestCommand } from './network-test.ts';

const wish = { from: 'nyc', to: 'chi', bytes: 1_000_000 };

/** A controller whose agents end each measurement as told. */
function measuring(result: object): CommandContext {
  const context = contextOf(new SimulatedFirm({ settleMs: 1 }));
  const asked: OperatorRequest[] = [];
  const ask = (request: OperatorRequest): Promise<OperatorAnswer> => {
    asked.push(request);
    if (request.kind === 'network-test') return Promise.resolve({ kind: 'ok', result: { id: 't-1', withinMs: 50 } });
    const tests = [{ id: 't-1', from: 'nyc', to: 'chi', bytes: 1_000_000, ageMs: 400, ...result }];
    const controller = { id: 'chi', leading: true };
    return Promise.resolve({ kind: 'ok', result: { at: 0, controller, measures: null, paths: [], groups: [], tests } });
  };
  return { ...context, session: { ...context.session, controllers: { ...context.session.controllers, ask } as never } };
}

test('a measurement that ended is shown with its rate and its round trips', async () => {
  const trips = {
    sent: 20,
    answered: 20,
    lossPercent: 0,
    p50Ms: 8.2,
    p95Ms: 8.6,
    p99Ms: 9,
    maxMs: 9,
    jitterMs: 0.1,
    lostInARow: 0,
  };
  const { exitCode, text } = await networkTestCommand(measuring({ tookMs: 100, trips, problem: null }), wish);
  assert.equal(exitCode, 0);
  assert.match(text, /^● nyc → chi +80\.0 +1000000 +100 ms +8\.2 +8\.6 +9\.0 +0\.4 s ago$/m);
});

test('one that did not end is unknown, with why, and no rate of zero', async () => {
  const problem = 'not over after 6000 ms, while sending';
  const context = measuring({ tookMs: null, trips: null, problem });
  const { exitCode, text } = await networkTestCommand(context, wish);
  assert.equal(exitCode, 5);
  assert.match(text, /^\? nyc → chi +\? +1000000 +\? /m);
  assert.match(text, /^UNKNOWN nyc → chi: not over after 6000 ms, while sending$/m);
  assert.equal((await bandwidthCommand(context)).exitCode, 5);
});

test('where the topology asks for no measurement, none is made: HF-4125', async () => {
  const firm = new SimulatedFirm();
  const { exitCode, text } = await networkTestCommand(contextOf(firm), { from: 'alfa', to: 'bravo', bytes: 1_000_000 });
  assert.equal(exitCode, 2, text);
  assert.match(text, /HF-4125/);
  assert.equal((await bandwidthCommand(contextOf(firm))).exitCode, 5);
});
