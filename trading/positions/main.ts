import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../base/coded-error.ts';
import { type ControlServer, startControlServer } from '../control/control-server.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { type KeeperConfig, readKeeperConfig } from './keeper-config.ts';
import { KeeperInstance } from './keeper-instance.ts';
import { KeeperServer } from './keeper-server.ts';

/** `holdfast-node trading/positions/main.ts CONFIG.json`: prints one `listening` line; runs until SIGTERM. */
const main = async (): Promise<void> => {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: trading/positions/main.ts CONFIG.json');
  const config = readKeeperConfig(file);
  let server: ControlServer | null = null;
  const keeper = new KeeperServer(config, () => server?.statusChanged());
  const positions = await keeper.listen();
  server = await serveContract(config, keeper, () => server?.statusChanged());
  process.on('SIGTERM', () => process.exit(0));
  const control = server === null ? {} : { control: server.port };
  process.stdout.write(`${JSON.stringify({ t: 'listening', pid: process.pid, positions, ...control })}\n`);
};

const serveContract = async (
  { control, instance, checkEveryMs, checkDeadlineMs }: KeeperConfig,
  keeper: KeeperServer,
  statusChanged: () => void,
): Promise<ControlServer | null> => {
  if (control === null) return null;
  mkdirSync(control.dataDir, { recursive: true, mode: 0o700 });
  const epochs = EpochStore.open(join(control.dataDir, 'epoch.json'));
  const { handlers } = new KeeperInstance({ keeper, epochs, checkEveryMs, checkDeadlineMs, statusChanged });
  return startControlServer({
    ...control.address,
    tokenFile: control.tokenFile,
    instance,
    component: 'position-keeper',
    version: '1',
    epochs,
    handlers,
    holds: () => false,
  });
};

main().catch((error: unknown) => {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
});
