import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byDeadline, Shell, type ShellClock } from './shell.ts';

interface Effect {
  readonly name: string;
  readonly joins?: boolean;
  readonly durable?: boolean;
  readonly urgent?: boolean;
  readonly passes?: boolean;
}

/** A clock that moves only when told. */
class HandClock implements ShellClock {
  now = 0;
  readonly #alarms = new Set<{ readonly at: number; readonly then: () => void }>();

  monoMs = () => this.now;
  wallMs = () => this.now;
  after = (delayMs: number, then: () => void) => {
    const alarm = { at: this.now + delayMs, then };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  };

  get alarms(): number {
    return this.#alarms.size;
  }

  advance(ms: number): void {
    this.now += ms;
    for (const alarm of [...this.#alarms].filter((each) => each.at <= this.now)) {
      this.#alarms.delete(alarm);
      alarm.then();
    }
  }
}

function shellOf(react: (event: string, now: number) => readonly Effect[], wakeEveryMs = 1000) {
  const clock = new HandClock();
  const begun: string[] = [];
  const failures: unknown[] = [];
  const disk = new Map<string, { resolve: () => void; reject: (cause: unknown) => void }>();
  const shell: Shell<string, Effect> = new Shell<string, Effect>({
    core: { step: react, nextWakeAt: (now) => now + wakeEveryMs },
    clock,
    tick: 'tick',
    begin: (effect) => {
      begun.push(effect.name);
      if (effect.durable !== true) return undefined;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      disk.set(effect.name, { resolve, reject });
      return promise;
    },
    joins: (effect) => effect.joins === true,
    passes: (effect) => effect.passes === true,
    overtakes: (effect) => effect.urgent === true,
    voids: (waiting) => waiting.name === 'promote',
    dropped: (effect) => shell.give(`dropped ${effect.name}`),
    failed: (cause) => failures.push(cause),
  });
  return { shell, clock, begun, failures, disk };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('S3: an answer leaves only after what it relies on is on disk, and events are handled meanwhile', async () => {
  const handled: string[] = [];
  const { shell, begun, disk } = shellOf((event) => {
    handled.push(event);
    return event === 'command'
      ? [{ name: 'persist', durable: true }, { name: 'answer' }]
      : [{ name: `after ${event}` }];
  });
  shell.give('command');
  shell.give('report');
  await settled();
  assert.deepEqual(handled, ['command', 'report']);
  assert.deepEqual(begun, ['persist']);
  disk.get('persist')?.resolve();
  await settled();
  assert.deepEqual(begun, ['persist', 'answer', 'after report']);
});

test('S3: evidence of one decision shares one wait for the disk, and the command waits for all of it', async () => {
  const { shell, begun, disk } = shellOf(() => [
    { name: 'seen', durable: true, joins: true },
    { name: 'decided', durable: true, joins: true },
    { name: 'command' },
    { name: 'done', durable: true, joins: true },
  ]);
  shell.give('look');
  await settled();
  assert.deepEqual(begun, ['seen', 'decided']);
  disk.get('decided')?.resolve();
  await settled();
  assert.deepEqual(begun, ['seen', 'decided'], 'the earlier one is not on disk yet');
  disk.get('seen')?.resolve();
  await settled();
  assert.deepEqual(begun, ['seen', 'decided', 'command', 'done']);
});

test('S3: what relies on no disk of ours begins in its turn and waits for none; what is behind it joins, or waits', async () => {
  const { shell, begun, disk } = shellOf(() => [
    { name: 'seen', durable: true, joins: true },
    { name: 'answer' },
    { name: 'command', passes: true },
    { name: 'transact', passes: true },
    { name: 'done', durable: true, joins: true },
  ]);
  shell.give('look');
  await settled();
  assert.deepEqual(begun, ['seen', 'command', 'transact'], 'an answer waits, and so does what was asked for after it');
  disk.get('seen')?.resolve();
  await settled();
  assert.deepEqual(begun, ['seen', 'command', 'transact', 'answer', 'done']);
});

test('S3: what does not join begins only when nothing durable is under way', async () => {
  const { shell, begun, disk } = shellOf(() => [
    { name: 'alone', durable: true },
    { name: 'joining', durable: true, joins: true },
    { name: 'alone again', durable: true },
  ]);
  shell.give('look');
  await settled();
  assert.deepEqual(begun, ['alone']);
  disk.get('alone')?.resolve();
  await settled();
  assert.deepEqual(begun, ['alone', 'joining']);
  disk.get('joining')?.resolve();
  await settled();
  assert.deepEqual(begun, ['alone', 'joining', 'alone again']);
});

test('S1: an event that an effect causes is handled after the present one, never inside it', () => {
  const order: string[] = [];
  const clock = new HandClock();
  const shell: Shell<string, string> = new Shell<string, string>({
    core: {
      step: (event) => {
        order.push(`step ${event}`);
        return event === 'first' ? ['effect one', 'effect two'] : [];
      },
      nextWakeAt: (now) => now + 1000,
    },
    clock,
    tick: 'tick',
    begin: (effect) => {
      order.push(effect);
      if (effect === 'effect one') shell.give('caused');
      return undefined;
    },
    failed: () => assert.fail('nothing failed'),
  });
  shell.give('first');
  assert.deepEqual(order, ['step first', 'effect one', 'effect two', 'step caused']);
});

test('S4: a kill does not wait for a stuck disk, and voids the promotion that has not begun', async () => {
  const { shell, begun, disk } = shellOf((event) => {
    if (event === 'promote') return [{ name: 'persist', durable: true }, { name: 'promote' }, { name: 'answer' }];
    if (event === 'lease ran out') return [{ name: 'kill', urgent: true }];
    return event === 'dropped promote' ? [{ name: 'promotion was overtaken' }] : [];
  });
  shell.give('promote');
  shell.give('lease ran out');
  await settled();
  assert.deepEqual(begun, ['persist', 'kill']);
  disk.get('persist')?.resolve();
  await settled();
  assert.deepEqual(begun, ['persist', 'kill', 'answer', 'promotion was overtaken']);
});

test('S6: one timer, for when the core wants to be woken', () => {
  const ticks: number[] = [];
  const { shell, clock } = shellOf((event, now) => {
    if (event === 'tick') ticks.push(now);
    return [];
  }, 50);
  shell.start();
  assert.equal(clock.alarms, 1);
  shell.give('something else');
  assert.equal(clock.alarms, 1);
  clock.advance(49);
  assert.deepEqual(ticks, [0]);
  clock.advance(1);
  assert.deepEqual(ticks, [0, 50]);
  assert.equal(clock.alarms, 1);
});

test('S7: what the core throws ends the shell; nothing begins afterwards', async () => {
  const { shell, begun, failures, clock } = shellOf((event) => {
    if (event === 'bug') throw new Error('assertion failed');
    return [{ name: event }];
  });
  shell.give('before');
  shell.give('bug');
  shell.give('after');
  await settled();
  assert.deepEqual(begun, ['before']);
  assert.equal(failures.length, 1);
  assert.equal(clock.alarms, 0);
});

test('S7: what cannot be written ends the shell before anything that relies on it begins', async () => {
  const { shell, begun, failures, disk } = shellOf(() => [{ name: 'evidence', durable: true }, { name: 'command' }]);
  shell.give('decide');
  disk.get('evidence')?.reject(new Error('disk full'));
  await settled();
  assert.deepEqual(begun, ['evidence']);
  assert.equal(String(failures[0]), 'Error: disk full');
});

test('ending waits for the durable effect under way and begins nothing else', async () => {
  const { shell, begun, disk } = shellOf(() => [{ name: 'persist', durable: true }, { name: 'answer' }]);
  shell.give('command');
  let ended = false;
  const ending = shell.end().then(() => {
    ended = true;
  });
  await settled();
  assert.equal(ended, false);
  disk.get('persist')?.resolve();
  await ending;
  assert.deepEqual(begun, ['persist']);
});

test('a call that does not end by its deadline is unknown, and so is one that throws', async () => {
  const clock = new HandClock();
  const late = (reason: string) => `unknown: ${reason}`;
  const stuck = byDeadline(clock, { deadlineMs: 100, late }, () => new Promise<string>(() => {}));
  clock.advance(100);
  assert.equal(await stuck, 'unknown: no answer within 100 ms');
  assert.equal(
    await byDeadline(clock, { deadlineMs: 100, late }, () => Promise.reject(new Error('cut off'))),
    'unknown: cut off',
  );
  assert.equal(
    await byDeadline(clock, { deadlineMs: 100, late }, () => {
      throw new Error('at once');
    }),
    'unknown: at once',
  );
  assert.equal(clock.alarms, 0);
});
