import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import type { OperatorAnswer, OperatorRequest } from '../../wire/operator-api.ts';
import { DryRunEnd, readOnly } from '../dry-run.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { fenceCommand } from './fence.ts';
import { orderServiceCommand, serviceStatusCommand } from './service.ts';

const instance = 'alfa-eng1';
const seen = {
  instance,
  service: 'supervisord:engine',
  state: 'stopped',
  said: 'STOPPED Nov 22',
  masked: null,
  pids: [],
  hidden: null,
  bar: { epoch: 4 },
  barsBroken: 2,
  epoch: 4,
  startsByItself: true,
};

/** A firm whose leader answers these requests so, and everything else as it is. */
function contextAnswering(answers: Partial<Record<OperatorRequest['kind'], Json>>) {
  const firm = new SimulatedFirm();
  const base = contextOf(firm, { terminal: new FakeTerminal({ interactive: false, answers: [] }) });
  const controllers = {
    ...readOnly(firm),
    ask: async (request: OperatorRequest): Promise<OperatorAnswer> => {
      const result = answers[request.kind];
      return result === undefined ? firm.ask(request) : { kind: 'ok', result };
    },
  };
  return { ...base, session: { ...base.session, controllers } };
}
const wish = { instance, order: 'bar', reason: 'CHG-7', yes: true } as const;

test('the status says what its manager says, what is alive, whether it is barred, and what a restart would do', async () => {
  const { exitCode, text } = await serviceStatusCommand(contextAnswering({ service: seen }), instance);
  assert.equal(exitCode, 0);
  for (const words of [
    /supervisord:engine/,
    /stopped \(STOPPED/,
    /nothing of it/,
    /since epoch 4/,
    /2 times/,
    /by itself/,
  ])
    assert.match(text, words);
});

test('the status ends with 1 where what is barred runs, with 5 where it cannot be seen', async () => {
  const exitOf = async (change: object) =>
    (await serviceStatusCommand(contextAnswering({ service: { ...seen, ...change } }), instance)).exitCode;
  assert.deepEqual(
    [
      await exitOf({ pids: [7] }),
      await exitOf({ state: 'running', pids: [7] }),
      await exitOf({ state: 'running', pids: [7], bar: null }),
      await exitOf({ pids: null, hidden: 'not permitted' }),
      await exitOf({ state: null }),
    ],
    [1, 1, 0, 5, 5],
  );
});

test('an order ends as its outcome was seen: ok, failed with its code, or unknown', async () => {
  const of = (outcome: string, code: string | null = null, reason: string | null = null) =>
    orderServiceCommand(contextAnswering({ 'order-service': { instance, order: 'bar', outcome, code, reason } }), wish);
  const outcomes = [await of('ok'), await of('failed', 'not-permitted', 'no'), await of('unknown', null, 'frozen')];
  assert.deepEqual(
    outcomes.map(({ exitCode }) => exitCode),
    [0, 1, 5],
  );
  assert.match(outcomes[1]!.text, /FAILED not-permitted bar alfa-eng1: no/);
  assert.match(outcomes[2]!.text, /UNKNOWN/);
});

test('an instance without a service is refused by the leader, and a dry run asks for nothing', async () => {
  const firm = new SimulatedFirm();
  const base = contextOf(firm, { terminal: new FakeTerminal({ interactive: false, answers: [] }) });
  const refused = await orderServiceCommand(base, wish);
  assert.deepEqual([refused.exitCode, /HF-4127/.test(refused.text)], [1, true], refused.text);
  const dry = { ...base, dryRun: true, session: { ...base.session, controllers: readOnly(firm) } };
  const asked = firm.asked.length;
  await assert.rejects(orderServiceCommand(dry, wish), DryRunEnd);
  assert.deepEqual(
    firm.asked.slice(asked).map(({ kind }) => kind),
    ['status'],
  );
});

test('a fence by its service is silent only when that was seen', async () => {
  const fence = (outcome: string) =>
    fenceCommand(contextAnswering({ fence: { brakes: {}, service: { outcome, code: null, reason: 'frozen' } } }), {
      instance,
      lift: false,
      attest: false,
      reason: 'odd',
      yes: true,
    });
  const barred = await fence('ok');
  assert.deepEqual([barred.exitCode, (barred.json as { silent: boolean }).silent], [0, true]);
  const unknown = await fence('unknown');
  assert.deepEqual([unknown.exitCode, (unknown.json as { silent: boolean }).silent], [5, false]);
});
