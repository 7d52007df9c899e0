import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monoNowNs } from './mono-clock.ts';
import { Pulse } from './pulse.ts';

const nowMs = () => Number(monoNowNs()) / 1e6;

test('two pulses of one interval beat together, at whole multiples of the host’s clock', async () => {
  const beats = new Map<string, number[]>([
    ['a', []],
    ['b', []],
  ]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const pulse = (who: string) =>
    new Pulse({
      everyMs: () => 40,
      beat: () => {
        beats.get(who)!.push(nowMs());
        if ([...beats.values()].every((each) => each.length >= 3)) resolve();
      },
    });
  const a = pulse('a');
  await new Promise((then) => setTimeout(then, 13));
  const b = pulse('b');
  await promise;
  a.stop();
  b.stop();
  const round = (at: number) => Math.floor(at / 40);
  for (const at of beats.get('b')!) assert.ok(beats.get('a')!.some((other) => round(other) === round(at)));
});

test('a pulse that has become quicker does not wait for the slow beat that was due', async () => {
  let everyMs = 60_000;
  const { promise, resolve } = Promise.withResolvers<void>();
  const pulse = new Pulse({ everyMs: () => everyMs, beat: resolve });
  everyMs = 20;
  pulse.hurry();
  await promise;
  pulse.stop();
});
