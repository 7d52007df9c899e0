import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Journal } from '../trading/journal/journal.ts';
import type { BenchOptions } from './bench-options.ts';
import { type Measurement, type Round, summarize } from './measurement.ts';
import { RECORDS_PER_ORDER, writeWorkload } from './workload.ts';

const root = join(import.meta.dirname, '..');
const RECORDS_PER_BLOCK = 64;

/** Milliseconds from `spawn` to the first line on stdout. */
const untilFirstLine = (args: readonly string[]): Promise<{ readonly ms: number; readonly line: string }> =>
  new Promise((resolve, reject) => {
    const startedAt = process.hrtime.bigint();
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let line: string | null = null;
    let ms = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (line !== null) return;
      ms = Number(process.hrtime.bigint() - startedAt) / 1e6;
      line = text;
      child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('exit', (code) => (line === null ? reject(new Error(`it ended with ${code}`)) : resolve({ ms, line })));
  });

/** An engine's process from its start to its open ports, with a journal of 100,000 orders in 1 M records. */
export const recoveryBench = async ({ directory, rounds, scale }: BenchOptions): Promise<Measurement[]> => {
  const orders = Math.round(100_000 * scale);
  const dataDir = join(directory, 'engine');
  mkdirSync(dataDir, { recursive: true });
  const onFailure = (error: Error): never => {
    throw error;
  };
  const journal = await Journal.open(
    { directory: join(dataDir, 'journal'), sync: 'none', onDurable: () => {}, onFailure },
    () => {},
  );
  writeWorkload(journal, orders, RECORDS_PER_BLOCK);
  journal.close();
  writeFileSync(join(directory, 'token'), 'a-token-for-benchmarks\n', { mode: 0o600 });
  const config = join(directory, 'engine.json');
  writeFileSync(
    config,
    JSON.stringify({
      instance: 'engine',
      dataDir: 'engine',
      control: { port: 0, tokenFile: 'token' },
      orders: { port: 0 },
      replication: { port: 0 },
      venue: { port: 9, firm: 'BENCH' },
    }),
  );
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const bare = await untilFirstLine(['-e', 'console.log(1)']);
    const recovered = await untilFirstLine([join(root, 'trading/engine/main.ts'), config]);
    measured.push({ value: recovered.ms, floor: bare.ms });
  }
  rmSync(dataDir, { recursive: true, force: true });
  return [
    summarize({
      name: 'recovery-process',
      unit: 'ms',
      goal: { of: 'value', is: 'at most', bound: 2000 },
      rounds: measured,
      note: `${orders} orders, ${orders * RECORDS_PER_ORDER} records, without a checkpoint; floor = an empty Node process`,
    }),
  ];
};
