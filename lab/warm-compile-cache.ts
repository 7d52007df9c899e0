import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceScripts } from './service-files.ts';

/**
 * Every process of a lab runs TypeScript sources. Without a warm cache each of them loads the transpiler, some 12 MB of private memory
 * and 60 ms of processor time, for itself. So each program is run once, without arguments: it says how it is used and ends,
 * and Node leaves what it compiled in the cache. That is what has run, no more, and it stays as it was written first.
 */
const programs: readonly string[] = [
  'src/agent/main.ts',
  'src/controller/main.ts',
  'src/agent/warden/main.ts',
  'src/adapters/lab-authority/main.ts',
  'trading/engine/main.ts',
  'trading/front/main.ts',
  'trading/oms/main.ts',
  'trading/venue/main.ts',
  'trading/load/main.ts',
  'trading/load/verify.ts',
  'lab/net/main.ts',
  ...Object.values(serviceScripts),
];

/** A client of etcd is loaded by agents and controllers that are told to use one. */
const machinePrograms: readonly string[] = ['src/adapters/etcd/etcd-authority.ts', 'lab/netns/open-namespaces.ts'];

/**
 * What the first take-over of a lab must not have to compile while clients wait: decisions and plans of controllers and agents in a
 * few simulated worlds, and a take-over between two engines. Runs before the programs, which find most of their code there then.
 */
const rehearsals: readonly (readonly string[])[] = [
  ['src/sim/main.ts', '--seeds', '6', '--first', '1', '--no-variants'],
  ['trading/testing/rehearsal.ts'],
];

/** Where Node keeps compiled sources for the lab's processes. */
export const compileCacheOf = (root: string): string =>
  process.env['NODE_COMPILE_CACHE'] ?? join(root, '.holdfast', 'compile-cache');

/**
 * Dozens of small processes share a few processors: a young generation of 4 MB, and no helper threads for collecting it (measured: a
 * seventh less processor time while nothing happens). What was compiled is kept, also what has not run for long. The old generation is
 * not collected before it holds 20 MB: left to itself Node does that first at 10 MB, which is where a standby's heap arrives in the
 * moment in which it takes over.
 */
const sharedNodeArgs: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  '--single-threaded-gc',
  '--no-flush-bytecode',
  '--initial-old-space-size=20',
];

const yieldingNodeArgs: readonly string[] = [
  ...sharedNodeArgs,
  `--require=${join(import.meta.dirname, 'yield-compilers.cjs')}`,
];

/** Agents and controllers do little, until they do it once and at once: optimizing code would only compete with what it is for. */
const controlPlaneNodeArgs: readonly string[] = [...yieldingNodeArgs, '--no-opt', '--no-maglev'];

/**
 * A process has ended only when its last thread has, which then gives its memory back: an engine whose compilers come last also dies
 * last, while clients wait for its successor (measured beside two busy processes: 30 ms instead of 13).
 */
const diesAtOnce = (script: string): boolean => script === 'trading/engine/main.ts';

/**
 * How Node is started for a program of the lab.
 * Flags are part of what a cached compilation is valid for: processes must be started with those of the run that filled the cache.
 * @param script path from the project's root
 */
export const labNodeArgs = (script: string): readonly string[] => {
  if (script.startsWith('src/')) return controlPlaneNodeArgs;
  return diesAtOnce(script) ? sharedNodeArgs : yieldingNodeArgs;
};

const TOGETHER = 2;
const WITHIN_MS = 30_000;

/** Fills the cache if the sources or Node changed since it was filled. Failing is no harm: processes then compile for themselves. */
export async function warmCompileCache(root: string): Promise<void> {
  await fill(root, 'holdfast-stamp', [rehearsals, programs.map((program) => [program])]);
}

/** The same for what only labs of machines load. */
export async function warmMachineCache(root: string): Promise<void> {
  await warmCompileCache(root);
  await fill(root, 'holdfast-machines-stamp', [machinePrograms.map((program) => [program])]);
}

async function fill(root: string, name: string, rounds: readonly (readonly (readonly string[])[])[]): Promise<void> {
  const cache = compileCacheOf(root);
  const stamp = `${process.version} ${newestSource(root)}`;
  const stampFile = join(cache, name);
  if (readOrEmpty(stampFile) === stamp) return;
  mkdirSync(cache, { recursive: true });
  for (const runs of rounds) await runAll(root, cache, runs);
  writeFileSync(stampFile, stamp);
}

async function runAll(root: string, cache: string, runs: readonly (readonly string[])[]): Promise<void> {
  const waiting = [...runs];
  const work = async () => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) await runOnce(root, cache, run);
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
}

function runOnce(root: string, cache: string, [program = '', ...args]: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: cache };
    const child = spawn(process.execPath, [...labNodeArgs(program), join(root, program), ...args], {
      env,
      stdio: 'ignore',
      timeout: WITHIN_MS,
    });
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

function newestSource(root: string): number {
  let newest = 0;
  for (const room of ['src', 'trading', 'lab'].filter((each) => existsSync(join(root, each))))
    for (const entry of readdirSync(join(root, room), { recursive: true, withFileTypes: true }))
      if (entry.isFile() && entry.name.endsWith('.ts'))
        newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return Math.floor(newest);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
