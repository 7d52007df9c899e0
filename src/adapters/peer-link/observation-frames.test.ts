import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observationOf } from '../../../test/builders/facts.ts';
import { instanceId } from '../../core/base/ids.ts';
import { Fields } from '../../wire/fields.ts';
import { parseObservation } from './observation-frames.ts';

const sent = (value: unknown) => parseObservation(Fields.of(JSON.parse(JSON.stringify(value)), 'observation'));
const seen = observationOf(instanceId('alfa-proxy'), false);

test('whom a server leads to comes over the link as it was said: an instance, nobody, or somewhere else', () => {
  const leads = { orders: instanceId('alfa-front'), fix: null, drop: 'elsewhere' } as const;
  assert.deepEqual(sent({ ...seen, leads }), { ...seen, leads });
});

test('what says nothing of whom it leads to still says nothing of it', () => {
  assert.equal('leads' in sent(seen), false);
});

test('where a Redis is in its stream comes over the link as it was said', () => {
  const stream = { primary: true, history: 'ab', offset: 9, before: { history: 'cd', offset: 7 } };
  const left = { history: 'ef', offset: 8, endedWithinMs: 640 };
  for (const each of [stream, { ...stream, before: null }, { ...stream, endedWithinMs: 640 }, { ...stream, left }])
    assert.deepEqual(sent({ ...seen, stream: each }), { ...seen, stream: each });
});

test('what a divergent tail was decoded to comes over the link, and a tail that was not decoded without it', () => {
  const divergence = { file: 'q/manifest.json', from: 9, count: 3 };
  const list = { digest: 'ab', entries: 2, inconclusive: 1 };
  assert.deepEqual(sent({ ...seen, divergence: { ...divergence, list } }).divergence, { ...divergence, list });
  assert.deepEqual(sent({ ...seen, divergence }).divergence, divergence);
});
