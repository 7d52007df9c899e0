import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchOptions, elapsedMs } from './bench-options.ts';
import { type Measurement, notMeasured, type Round, summarize } from './measurement.ts';
import { applyAll } from './replay.ts';
import { encodedWorkload, RECORDS_PER_ORDER } from './workload.ts';

const COMPILERS = ['c++', 'g++', 'clang++'];
const NAME = 'core-vs-c++';

/** The peer, compiled; null when there is no compiler. */
const compilePeer = (directory: string): string | null => {
  const binary = join(directory, 'engine-core');
  const source = join(import.meta.dirname, 'peer', 'engine-core.cpp');
  for (const compiler of COMPILERS) {
    try {
      execFileSync(compiler, ['-std=c++17', '-O2', '-o', binary, source], { stdio: 'pipe' });
      return binary;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return null;
};

/** Order state alone: a million records from memory, against the same algorithm in C++ on the same bytes. */
export const coreBench = async ({ directory, rounds, scale }: BenchOptions): Promise<Measurement[]> => {
  const orders = Math.round(100_000 * scale);
  const records = orders * RECORDS_PER_ORDER;
  const pieces = encodedWorkload(orders);
  const peer = compilePeer(directory);
  if (peer === null)
    return [notMeasured({ name: NAME, unit: 'ns/record', goal: null, why: `none of ${COMPILERS.join(', ')} is here` })];
  const file = join(directory, 'records');
  writeFileSync(file, Buffer.concat(pieces));
  applyAll(pieces);
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const [nsText, hash] = execFileSync(peer, [file], { encoding: 'utf8' }).trim().split(' ');
    const applied = elapsedMs(() => applyAll(pieces));
    if (applied.result.hash !== hash)
      throw new Error(`${NAME}: the two amount to different states, ${applied.result.hash} and ${hash}`);
    measured.push({ value: (applied.ms * 1e6) / records, floor: Number(nsText) });
  }
  const note = `${records} records, hash of the state included, and equal; reported, no goal`;
  return [summarize({ name: NAME, unit: 'ns/record', goal: null, rounds: measured, note })];
};
