import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monoNowNs } from './mono-clock.ts';
import { Pulse } from './pulse.ts';

const nowMs = () => Number(monoNowNs()) / 1e6;

test('two pulses of one interval beat together, at whole multiples of the host’s clock', async () => {
  const beats = new Map<string, { readonly round: number; readonly turn: number }[]>([
    ['a', []],
    ['b', []],
  ]);
  let turn = 0;
  const turns = setInterval(() => {
    turn += 1;
  }, 10);
  const { promise, resolve } = Promise.withResolvers<void>();
  const pulse = (who: string) =>
    new Pulse({
      everyMs: () => 40,
      beat: () => {
        beats.get(who)!.push({ round: Math.floor(nowMs() / 40), turn });
        if ([...beats.values()].every((each) => each.length >= 5)) resolve();
      },
    });
  const a = pulse('a');
  await new Promise((then) => setTimeout(then, 13));
  const b = pulse('b');
  await promise;
  a.stop();
  b.stop();
  clearInterval(turns);
  // In one multiple; or, where the machine let them run late, between the same two ticks of another timer.
  for (const b of beats.get('b')!.slice(0, 3))
    assert.ok(beats.get('a')!.some((a) => a.round === b.round || Math.abs(a.turn - b.turn) <= 1));
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
