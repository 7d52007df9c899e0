import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Topology } from '../src/core/topology/topology.ts';
import { chooseBlock } from './choose-block.ts';
import type { GroundEvent } from './ground.ts';
import { GroundClient } from './ground-client.ts';
import type { GroundProblem } from './ground-protocol.ts';
import type { LabDirectory } from './lab-directory.ts';
import { LabError, type LabErrorCode } from './lab-error.ts';
import { keyMarker } from './lab-processes.ts';
import { layOut } from './layout.ts';
import type { GroundConfig } from './net/main.ts';
import type { KernelFacts } from './netns/kernel-facts.ts';
import { createToken } from './pki.ts';
import { labMarker } from './process-table.ts';
import { writeDurably } from './processes.ts';
import { lastLines, textAfter, waitFor } from './wait.ts';
import { compileCacheOf, labNodeArgs } from './warm-compile-cache.ts';

const controlDeadlineMs = 5_000;

export interface GroundWish {
  readonly topology: Topology;
  readonly block?: number | null;
  readonly insideSite?: 'direct' | 'relayed';
  readonly rerouteMs?: number;
  /** A lab of network namespaces, made with what this kernel has; absent = loopback. */
  readonly namespaces?: KernelFacts;
}

/**
 * Starts the process that holds a lab's network and processes, in the first block of addresses that it gets all of. It outlives
 * the caller.
 */
export async function startGround(
  directory: LabDirectory,
  options: GroundWish,
  progress: (event: GroundEvent) => void,
): Promise<{ readonly client: GroundClient; readonly block: number }> {
  createToken(directory.groundTokenFile);
  const token = readFileSync(directory.groundTokenFile, 'utf8').trim();
  const tried: number[] = [];
  for (;;) {
    const block = chooseBlock(options.topology, { wanted: options.block ?? null, seed: directory.id, tried });
    tried.push(block);
    const config: GroundConfig = {
      labId: directory.id,
      directory: directory.path,
      registryFile: directory.registryFile,
      eventFile: directory.eventFile,
      tokenFile: directory.groundTokenFile,
      topology: options.topology,
      block,
      insideSite: options.insideSite ?? 'direct',
      rerouteMs: options.rerouteMs ?? 300,
      namespaces: options.namespaces ?? null,
    };
    await writeDurably(directory.groundFile, JSON.stringify(config));
    const problem = await spawnGround(directory);
    if (problem === null) {
      const { control } = layOut(options.topology, { block });
      const client = await GroundClient.connect(control, { token, deadlineMs: controlDeadlineMs, onEvent: progress });
      return { client, block };
    }
    // Somebody took an address of the block after it was looked at: another lab coming up at the same moment.
    if (problem.code === 'HF-7001' && options.block == null && tried.length < 20) continue;
    if (problem.code === 'HF-7000') throw new Error(`the ground could not start: ${problem.found}`);
    throw new LabError({ ...problem, code: problem.code as LabErrorCode });
  }
}

/** Null when it runs. */
async function spawnGround(directory: LabDirectory): Promise<GroundProblem | null> {
  const logFile = directory.logOf('ground');
  const before = textAfter(logFile, 0).length;
  const log = openSync(logFile, 'a', 0o600);
  const started = { key: 'ground', pid: null, startTicks: null, startedAt: new Date().toISOString() };
  await writeDurably(
    directory.registryFile,
    JSON.stringify({ lab: directory.id, entries: [started], sharedMemory: [] }),
  );
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    [labMarker]: directory.id,
    [keyMarker]: 'ground',
    NODE_COMPILE_CACHE: compileCacheOf(directory.root),
  };
  for (const name of ['NODE_TEST_CONTEXT', 'NODE_V8_COVERAGE', 'NODE_CHANNEL_FD']) delete env[name];
  const child = spawn(process.execPath, [...labNodeArgs('lab/net/main.ts'), groundScript, directory.groundFile], {
    cwd: directory.path,
    env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  let ended = child.pid === undefined;
  child.on('exit', () => {
    ended = true;
  });
  child.on('error', () => {
    ended = true;
  });
  const output = () => textAfter(logFile, before);
  await waitFor('the ground', () => ended || /^ready$/m.test(output()), 30_000);
  if (!ended) return null;
  const line = output()
    .split('\n')
    .find((candidate) => candidate.startsWith('{"code"'));
  if (line !== undefined) return JSON.parse(line) as GroundProblem;
  const found = `it ended (exit ${child.exitCode ?? child.signalCode}): ${lastLines(logFile, 8)}`;
  return { code: 'HF-7005', attempted: 'start the ground', found, next: `read ${logFile}` };
}

const groundScript = join(import.meta.dirname, 'net', `main${import.meta.filename.endsWith('.ts') ? '.ts' : '.js'}`);
