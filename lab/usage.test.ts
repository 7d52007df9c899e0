import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LabProcess } from './lab-processes.ts';
import { measureUsage } from './usage.ts';

const lookedAt = (name: string): LabProcess => ({
  pid: process.pid,
  parent: 1,
  startTicks: 1,
  state: 'S',
  cpuMs: 7,
  hasTerminal: false,
  site: null,
  host: null,
  instance: name,
  key: null,
  title: name,
});

test('who carries the links does other work after each process whose memory it has told', async () => {
  const happened: string[] = [];
  let measured = false;
  const other = () => {
    happened.push('other');
    if (!measured) setImmediate(other);
  };
  setImmediate(other);
  const usage = await measureUsage([lookedAt('one'), lookedAt('two'), lookedAt('one')], [], 5, (read) => {
    happened.push('look');
    return read();
  });
  measured = true;
  assert.equal(happened.filter((what) => what === 'look').length, 4);
  assert.ok(!happened.join(' ').includes('look look'), happened.join(' '));
  assert.deepEqual(usage.processes.map(({ name, count, cpuMs }) => [name, count, cpuMs]).toSorted(), [
    ['ground', 1, 5],
    ['instance/one', 2, 14],
    ['instance/two', 1, 7],
  ]);
  assert.equal(usage.cpuMs, 26);
});
