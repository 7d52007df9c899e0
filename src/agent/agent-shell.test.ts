import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { epoch, groupId, instanceId, term } from '../core/base/ids.ts';
import type { AgentEffect, AgentEvent } from '../engine/agent-effects.ts';
import { type AgentMemory, blankMemory } from '../engine/agent-memory.ts';
import type { CommandOutcome } from '../engine/messages.ts';
import type { ShellClock } from '../engine/shell.ts';
import { AgentMemoryFile } from './agent-memory-file.ts';
import { type AgentPorts, agentShell } from './agent-shell.ts';

const engine = instanceId('engine-a');
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const clock: ShellClock = {
  monoMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, then) => {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};

function shellWith(step: (event: AgentEvent) => readonly AgentEffect[], ports: Partial<AgentPorts> = {}) {
  const events: AgentEvent[] = [];
  const trace: string[] = [];
  const shell = agentShell({
    core: {
      step: (event) => {
        events.push(event);
        return step(event);
      },
      nextWakeAt: (now) => now + 60_000,
    },
    clock,
    saveMemory: async () => void trace.push('saved'),
    authority: { transact: async () => ({ kind: 'refused', reason: 'not in this test' }) },
    drivers: new Map(),
    report: () => void trace.push('report'),
    answer: () => void trace.push('answer'),
    evidence: () => void trace.push('evidence'),
    failed: (cause) => void trace.push(`failed: ${cause}`),
    ...ports,
  });
  return { shell, events, trace };
}

const outcome: CommandOutcome = {
  key: 'k',
  attempt: 1,
  host: 'h' as never,
  outcome: { kind: 'ok', detail: {} },
  proof: null,
  repeated: false,
};
const persist: AgentEffect = { kind: 'persist', memory: blankMemory };

test('what an agent answers is on its disk before the answer leaves', async () => {
  const disk = Promise.withResolvers<void>();
  const { shell, trace } = shellWith((event) => (event.kind === 'tick' ? [persist, { kind: 'answer', outcome }] : []), {
    saveMemory: () => disk.promise,
  });
  shell.start();
  await settled();
  assert.deepEqual(trace, []);
  disk.resolve();
  await settled();
  assert.deepEqual(trace, ['answer']);
  await shell.end();
});

test('a memory that cannot be written ends the agent before it acts on it', async () => {
  const { shell, trace } = shellWith(() => [persist, { kind: 'answer', outcome }], {
    saveMemory: () => Promise.reject(new Error('disk full')),
  });
  shell.start();
  await settled();
  assert.deepEqual(trace, ['failed: Error: disk full']);
});

test('a driver that does not keep its deadline yields unknown', async () => {
  const perform: AgentEffect = {
    kind: 'perform',
    operation: 1,
    instance: engine,
    action: { kind: 'start' },
    deadlineMs: 20,
  };
  const stuck = { perform: () => new Promise<never>(() => {}), confirm: () => new Promise<never>(() => {}) };
  const { shell, events } = shellWith((event) => (event.kind === 'tick' ? [perform] : []), {
    drivers: new Map([[engine, stuck]]),
  });
  shell.start();
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (events.length < 2) return;
      clearInterval(look);
      resolve();
    }, 10);
  });
  assert.equal(events[1]?.kind === 'performed' && events[1].outcome.kind, 'unknown');
  await shell.end();
});

test('a kill passes a promotion that waits for the disk, and the promotion is told that it never began', async () => {
  const promote: AgentEffect = {
    kind: 'perform',
    operation: 1,
    instance: engine,
    action: { kind: 'promote', epoch: epoch(1), leaseUntil: 1 as never, ackSet: [], tradingEnabled: true },
    deadlineMs: 1000,
  };
  const kill: AgentEffect = {
    kind: 'perform',
    operation: 2,
    instance: engine,
    action: { kind: 'kill' },
    deadlineMs: 1000,
  };
  const performed: string[] = [];
  const driver = {
    perform: async (action: { readonly kind: string }) => {
      performed.push(action.kind);
      return { kind: 'ok' as const, detail: {} };
    },
    confirm: async () => 'unknown' as const,
  };
  const { shell, events } = shellWith(
    (event) => (event.kind === 'tick' ? [persist, promote] : event.kind === 'authority-heard' ? [kill] : []),
    { drivers: new Map([[engine, driver]]), saveMemory: () => new Promise(() => {}) },
  );
  shell.start();
  shell.give({ kind: 'authority-heard' });
  await settled();
  assert.deepEqual(performed, ['kill']);
  const answers = events.filter((event) => event.kind === 'performed');
  assert.deepEqual(
    answers.map((event) => [event.operation, event.outcome.kind]),
    [
      [1, 'failed'],
      [2, 'ok'],
    ],
  );
  void shell.end();
});

test('what must not be forgotten is read back as it was, and a file that cannot be read stops the start', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast memory é-'));
  try {
    const path = join(directory, 'memory.log');
    const file = new AgentMemoryFile(path);
    assert.deepEqual(await file.read(), blankMemory);
    const memory: AgentMemory = {
      highest: { [groupId('trading')]: { epoch: epoch(4), term: term(2) } },
      mayWrite: [engine],
      done: [{ key: 'k', outcome: { kind: 'ok', detail: {} }, proof: null }],
    };
    await Promise.all([file.save(blankMemory), file.save(memory)]);
    await file.save(memory);
    await file.close();
    assert.deepEqual(await new AgentMemoryFile(path).read(), memory);
    appendFileSync(path, '{"format":1,"memory":{"hig');
    const next = new AgentMemoryFile(path);
    assert.deepEqual(await next.read(), memory, 'a line that was cut off was never confirmed');
    await next.save(blankMemory);
    await next.close();
    assert.deepEqual(await new AgentMemoryFile(path).read(), blankMemory);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 40));
    await assert.rejects(new AgentMemoryFile(path).read(), /HF-3303/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
