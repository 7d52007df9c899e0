import { describeError } from '../base/coded-error.ts';
import { readVenueConfig } from './venue-config.ts';
import { VenueServer } from './venue-server.ts';

try {
  const server = new VenueServer(readVenueConfig(process.argv.slice(2)));
  const ports = await server.listen();
  process.stdout.write(`${JSON.stringify({ t: 'listening', pid: process.pid, ...ports })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
}
