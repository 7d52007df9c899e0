import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcEntry } from '../process/proc-entry.ts';
import { HostProcesses } from './host-processes.ts';

const entry = (pid: number, command: string, state = 'S'): ProcEntry => ({
  pid,
  command,
  state,
  parentPid: 1,
  session: pid,
  startTicks: pid,
  terminal: 0,
});
const patroni = entry(10, 'patroni');
const postmaster = entry(11, 'postgres');

/** A host whose processes a test changes. */
class Host {
  entries: readonly ProcEntry[] = [];
  readable = true;
  lists = 0;
  words: Readonly<Record<number, readonly string[]>> = {};
  readonly processes = new HostProcesses({
    list: () => {
      this.lists += 1;
      return this.readable ? this.entries : null;
    },
    words: (pid) => this.words[pid] ?? [],
    isAlive: ({ pid }) => this.entries.some((each) => each.pid === pid),
  });

  with(...entries: readonly ProcEntry[]) {
    this.entries = [entry(1, 'init'), entry(2, 'node'), ...entries];
    return this.processes.state;
  }
}

test('ended is only what was seen together before', () => {
  const host = new Host();
  assert.equal(host.with(), 'never-seen');
  assert.equal(host.with(patroni), 'running');
  assert.equal(host.with(), 'never-seen', 'PostgreSQL was not seen: it may be hidden');
  assert.equal(host.with(patroni, postmaster), 'running');
  assert.equal(host.with(), 'ended');
  assert.equal(host.with(entry(20, 'patroni')), 'running', 'it was started again');
});

test('a single process of either is enough to be running, an orphaned one of PostgreSQL too', () => {
  const host = new Host();
  host.with(patroni, postmaster, entry(12, 'postgres'));
  assert.equal(host.with(entry(12, 'postgres')), 'running');
  assert.equal(host.with(entry(31, 'postmaster')), 'running');
  assert.equal(host.with(patroni), 'running');
  assert.equal(host.with(entry(12, 'postgres', 'Z')), 'ended', 'a zombie executes nothing');
});

test('Patroni is known by what Python was told to run, and nobody else is', () => {
  const host = new Host();
  host.with(patroni, postmaster);
  host.words = { 40: ['python3', '-m', 'patroni', '/etc/patroni.yml'], 41: ['python3', '/opt/patroni-exporter.py'] };
  assert.equal(host.with(entry(40, 'python3')), 'running');
  assert.equal(host.with(entry(41, 'python3')), 'ended');
  assert.equal(host.with(entry(42, 'vi')), 'ended');
});

test('nobody lists all processes while one that was seen is alive', () => {
  const host = new Host();
  host.with(patroni, postmaster);
  const before = host.lists;
  for (let look = 0; look < 5; look += 1) host.with(postmaster);
  assert.equal(host.lists, before);
  assert.equal(host.processes.listed(), 'running');
  assert.equal(host.lists, before + 1);
});

test('a list in which somebody could not be read proves nothing', () => {
  const host = new Host();
  host.with(patroni, postmaster);
  host.readable = false;
  assert.equal(host.with(), 'running');
  host.readable = true;
  assert.equal(host.with(), 'ended');
});
