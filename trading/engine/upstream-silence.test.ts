import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { UpstreamSilence } from './upstream-silence.ts';

const limitMs = 100;
const nextLookMs = 50;

/** A standby whose clock moves only when told, and while it sleeps. */
class Standby {
  readonly told: number[] = [];
  readonly slept: number[] = [];
  readonly near: [boolean, number][] = [];
  nowMs = 1000;
  heardAtMs: number | null = 1000;
  readonly silence: UpstreamSilence;
  readonly #timers: TestContext['mock']['timers'];

  constructor(context: TestContext) {
    this.#timers = context.mock.timers;
    this.#timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    this.silence = new UpstreamSilence({
      limitMs,
      heardAtMs: () => this.heardAtMs,
      tell: () => this.told.push(this.nowMs),
      nearly: (isNear) => this.near.push([isNear, this.nowMs]),
      clock: {
        nowMs: () => this.nowMs,
        sleep: (forMs) => {
          this.slept.push(forMs);
          this.nowMs += forMs;
        },
      },
    });
  }

  lookAt(nowMs: number): void {
    this.nowMs = nowMs;
    this.silence.look(nowMs, nextLookMs);
  }

  /** Timers that are due then fire, `lateMs` late. */
  pass(ms: number, lateMs = 0): void {
    this.nowMs += ms + lateMs;
    this.#timers.tick(ms);
  }

  /** What is to be done after everything that came was read. */
  turn(): void {
    this.#timers.tick(0);
  }
}

test('silence is told at its limit and no later, though timers know whole milliseconds only: the last 2 ms are slept through', (context) => {
  const standby = new Standby(context);
  standby.heardAtMs = 1000.25;
  standby.lookAt(1060);
  // 40.25 ms are left: the timer leaves the last 2, and is late.
  standby.pass(38.25, 0.75);
  assert.deepEqual([standby.slept, standby.told], [[1.25], [1100.25]]);
  standby.heardAtMs = 1140;
  standby.lookAt(1200);
  standby.pass(38);
  assert.deepEqual(
    [standby.slept, standby.told],
    [
      [1.25, 2],
      [1100.25, 1240],
    ],
  );
});

test('what came while it slept is read before anybody looks again, and then nothing is told', (context) => {
  const standby = new Standby(context);
  standby.lookAt(1098.5);
  assert.deepEqual(standby.slept, [1.5]);
  standby.heardAtMs = 1099;
  standby.turn();
  assert.deepEqual(standby.told, []);
});

test('a silence that a later look will see in time is left to that', (context) => {
  const standby = new Standby(context);
  standby.lookAt(1040);
  standby.pass(60);
  assert.deepEqual([standby.slept, standby.told], [[], []]);
  standby.lookAt(1047);
  assert.deepEqual(standby.slept, []);
});

test('looks that come while it waits or sleeps do not make it wait or sleep twice', (context) => {
  const standby = new Standby(context);
  standby.lookAt(1060);
  standby.pass(10);
  standby.lookAt(1070);
  standby.pass(28);
  assert.deepEqual([standby.slept, standby.told], [[2], [1100]]);
  standby.lookAt(1198.5);
  standby.lookAt(1199);
  assert.deepEqual(standby.slept, [2, 1.5]);
});

test('silence that lasts is told again each time its limit passes, and not between', (context) => {
  const standby = new Standby(context);
  for (const nowMs of [1105, 1130, 1150, 1205, 1210, 1305]) standby.lookAt(nowMs);
  assert.deepEqual(standby.told, [1105, 1205, 1305]);
});

test('who follows nobody is never told that anybody is silent', (context) => {
  const standby = new Standby(context);
  standby.heardAtMs = null;
  for (const nowMs of [1000, 1100, 5000]) standby.lookAt(nowMs);
  standby.pass(1000);
  assert.deepEqual([standby.slept, standby.told], [[], []]);
});

test('nothing is told after it was stopped, whether it was waiting or had slept', (context) => {
  const standby = new Standby(context);
  standby.lookAt(1060);
  standby.lookAt(1061);
  standby.silence.stop();
  standby.pass(60);
  assert.deepEqual([standby.slept, standby.told], [[], []]);
  standby.heardAtMs = standby.nowMs;
  standby.lookAt(standby.nowMs + limitMs - 1);
  standby.silence.stop();
  standby.turn();
  assert.deepEqual([standby.slept, standby.told], [[1], []]);
});

test('that silence is near is said once, before the last 2 ms are slept through, and that it is not when the upstream was heard', (context) => {
  const standby = new Standby(context);
  standby.lookAt(1060);
  standby.pass(38);
  assert.deepEqual([standby.near, standby.told], [[[true, 1098]], [1100]]);
  standby.lookAt(1150);
  assert.equal(standby.near.length, 1);
  standby.heardAtMs = 1160;
  standby.lookAt(1170);
  assert.deepEqual(standby.near.at(-1), [false, 1170]);
});

test('who follows nobody any more expects nothing', (context) => {
  const standby = new Standby(context);
  standby.lookAt(1099);
  standby.heardAtMs = null;
  standby.lookAt(1150);
  assert.deepEqual(standby.near, [
    [true, 1099],
    [false, 1150],
  ]);
});
