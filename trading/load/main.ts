import { setPriority } from 'node:os';
import { describeError } from '../base/coded-error.ts';
import { readLoadConfig } from './config.ts';
import { Generator } from './generator.ts';

/** A measuring instrument should not wait for what it measures. An ordinary user may not; then the reports say what that cost. */
const preferThisProcess = (): void => {
  try {
    setPriority(-10);
  } catch {
    // Not permitted.
  }
};

/** `holdfast-node trading/load/main.ts CONFIG.json`: prints one `listening` line, then runs until `stop` or SIGTERM. */
const main = async (): Promise<void> => {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: trading/load/main.ts CONFIG.json');
  preferThisProcess();
  const generator = new Generator(readLoadConfig(file), (failure) => {
    if (failure !== null) process.stderr.write(`${describeError(failure)}\n`);
    process.exit(failure === null ? 0 : 1);
  });
  await generator.start();
  process.on('SIGTERM', () => void generator.stop());
  process.stdout.write(
    `${JSON.stringify({ t: 'listening', pid: process.pid, control: generator.controlPort, run: generator.run })}\n`,
  );
};

main().catch((error: unknown) => {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
});
