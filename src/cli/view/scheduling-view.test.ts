import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulingShortfalls, schedulingText } from './scheduling-view.ts';
import type { GroupView, HostSchedulingView, HostView } from './status-view.ts';

const host = (scheduling: HostSchedulingView): HostView => ({
  host: 'nyc-1',
  site: 'nyc',
  state: 'healthy',
  connected: true,
  observers: [],
  scheduling,
});
const seen = (asked: HostSchedulingView['asked'], agent: 'real-time' | 'raised' | 'ordinary', engine: typeof agent) =>
  host({
    asked,
    processes: [
      { process: 'agent', class: agent },
      { process: 'engine-1', class: engine },
    ],
  });
const shortfalls = (one: HostView) => schedulingShortfalls({ hosts: [one] } as unknown as GroupView);

test('what the topology asks for and the kernel did not give is said, process by process', () => {
  assert.deepEqual(shortfalls(seen('real-time', 'raised', 'ordinary')), [
    'nyc-1: the topology asks for real-time, the kernel has agent raised, engine-1 ordinary',
  ]);
});

test('what serves is not missed as real-time', () => {
  assert.deepEqual(shortfalls(seen('real-time', 'real-time', 'raised')), []);
});

test('where nothing is asked for, nothing is missed', () => {
  assert.deepEqual(shortfalls(seen(null, 'ordinary', 'ordinary')), []);
});

test('a host whose agent has not said is unknown, never ordinary', () => {
  assert.equal(schedulingText(host({ asked: null, processes: [] })), '? unknown');
  assert.equal(schedulingText(seen(null, 'real-time', 'raised')), 'raised to real-time');
});
