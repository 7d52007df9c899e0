import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { FactsBuilder } from '../../test/builders/facts.ts';
import { siteId } from '../core/base/ids.ts';
import type { NetworkPolicy } from '../core/network/budget.ts';
import { probingHosts } from '../core/network/network-report.ts';
import type { OperatorAnswer } from '../core/operator/operator-request.ts';

const policy: NetworkPolicy = {
  everyMs: 500,
  answerWithinMs: 1000,
  windowMs: 60_000,
  raiseAfterMs: 1000,
  clearAfterMs: 1000,
  budgets: [],
};

function measuring(): ControllerUnderTest {
  const world = new FactsBuilder();
  Object.assign(world.facts.topology, { network: policy });
  return new ControllerUnderTest(world).leads();
}

function asks(
  controller: ControllerUnderTest,
  bytes: number,
  role: 'observer' | 'operator' = 'operator',
): OperatorAnswer {
  controller.effects.length = 0;
  const request = { kind: 'network-test', from: 'alfa', to: 'bravo', bytes } as const;
  controller.step({ kind: 'operator', request, person: { name: 'omar', role }, ticket: 7 });
  const answer = controller.effects.find((effect) => effect.kind === 'answer');
  assert.ok(answer?.kind === 'answer');
  return answer.answer;
}

test('a measurement is ordered from the host that measures for its site, and who asked is evidence first', () => {
  const controller = measuring();
  const answer = asks(controller, 100_000);
  assert.equal(answer.kind, 'ok');
  const kinds = controller.effects.map(({ kind }) => kind).filter((kind) => kind !== 'tell-peers');
  assert.deepEqual(kinds, ['evidence', 'network-test', 'answer']);
  const ordered = controller.effects.find((effect) => effect.kind === 'network-test');
  const prober = probingHosts(controller.core.config.topology).get(siteId('alfa'));
  assert.ok(ordered?.kind === 'network-test');
  assert.deepEqual([ordered.host, ordered.test.to, ordered.test.bytes], [prober?.id, 'bravo', 100_000]);
});

test('beyond its limits, or by an observer, nothing is measured', () => {
  const controller = measuring();
  for (const [bytes, role] of [
    [1, 'operator'],
    [1e9, 'operator'],
    [100_000, 'observer'],
  ] as const) {
    assert.equal(asks(controller, bytes, role).kind, 'refused');
    assert.equal(
      controller.effects.some(({ kind }) => kind === 'network-test'),
      false,
    );
  }
});
