import { join } from 'node:path';
import { describeError } from '../base/coded-error.ts';
import { type ControlServer, startControlServer } from '../control/control-server.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { readMarketDataConfig } from './market-data-config.ts';
import { MarketDataInstance } from './market-data-instance.ts';

/** `holdfast-node trading/market-data/main.ts CONFIG.json`: prints one `listening` line; hears the feeds from then on; runs until SIGTERM. */
const main = async (): Promise<void> => {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: trading/market-data/main.ts CONFIG.json');
  const config = readMarketDataConfig(file);
  const epochs = EpochStore.open(join(config.dataDir, 'epoch.json'));
  let server: ControlServer | null = null;
  const service = new MarketDataInstance({
    instance: config.instance,
    venues: config.venues,
    epochs,
    statusChanged: () => server?.statusChanged(),
  });
  const publish = await service.port.listen(config.publish);
  server = await startControlServer({
    ...config.control,
    instance: config.instance,
    component: 'market-data',
    version: '1',
    epochs,
    handlers: service.handlers,
    holds: () => false,
  });
  service.listen();
  process.on('SIGTERM', () => process.exit(0));
  process.stdout.write(`${JSON.stringify({ t: 'listening', pid: process.pid, control: server.port, publish })}\n`);
};

main().catch((error: unknown) => {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
});
