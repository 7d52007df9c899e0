import { join } from 'node:path';
import { describeError } from '../base/coded-error.ts';
import { type ControlServer, startControlServer } from '../control/control-server.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { Front } from './front.ts';
import { readFrontConfig } from './front-config.ts';

try {
  const config = readFrontConfig(process.argv[2]);
  const epochs = EpochStore.open(join(config.dataDir, 'epoch.json'));
  let control: ControlServer | null = null;
  const front = await Front.start({ config, epochs, onStatusChanged: () => control?.statusChanged() });
  control = await startControlServer({
    ...config.control,
    tokenFile: config.tokenFile,
    instance: config.instance,
    component: 'front',
    version: '1',
    epochs,
    handlers: front.handlers(),
    // No lease, no epoch of its own: nobody takes over from a front.
    holds: () => false,
  });
  process.stdout.write(
    `${JSON.stringify({ t: 'listening', pid: process.pid, instance: config.instance, control: control.port, services: front.ports })}\n`,
  );
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
}
