import { describeError } from '../base/coded-error.ts';
import { readKeeperConfig } from './keeper-config.ts';
import { KeeperServer } from './keeper-server.ts';

/** `holdfast-node trading/positions/main.ts CONFIG.json`: prints one `listening` line; runs until SIGTERM. */
const main = async (): Promise<void> => {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: trading/positions/main.ts CONFIG.json');
  const server = new KeeperServer(readKeeperConfig(file));
  const port = await server.listen();
  process.on('SIGTERM', () => process.exit(0));
  process.stdout.write(`${JSON.stringify({ t: 'listening', pid: process.pid, positions: port })}\n`);
};

main().catch((error: unknown) => {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
});
