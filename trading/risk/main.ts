import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../base/coded-error.ts';
import { TokenFile } from '../base/token-file.ts';
import { ContractError } from '../control/contract.ts';
import { type ControlServer, startControlServer } from '../control/control-server.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { LeasedService } from '../control/leased-service.ts';
import { beginReign } from '../oms/begin-reign.ts';
import { raiseWriterEpochOnly } from '../oms/writer-epoch.ts';
import { recoveryActions } from './recovery-actions.ts';
import { readRiskConfig } from './risk-config.ts';
import { riskPort } from './risk-port.ts';
import { RiskReign } from './risk-reign.ts';
import { writerEpochTable, writerName } from './schema.ts';

/** `holdfast-node trading/risk/main.ts CONFIG.json`; trading/README.md shows one. Prints one `listening` line; starts closed. */
const main = async (): Promise<void> => {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: trading/risk/main.ts CONFIG.json');
  const config = readRiskConfig(file);
  const token = new TokenFile(config.tokenFile);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const epochs = EpochStore.open(join(config.dataDir, 'epoch.json'));
  let server: ControlServer | null = null;
  let reign: RiskReign | null = null;
  const reigning = (): RiskReign => {
    if (reign === null || service.reign !== reign) throw new ContractError('not-ready', 'it is not primary');
    return reign;
  };
  const service: LeasedService = new LeasedService({
    epochs,
    actions: recoveryActions(reigning),
    statusChanged: () => server?.statusChanged(),
    open: async (terms) => {
      reign = await beginReign(() => RiskReign.open(config, terms));
      return reign;
    },
    fenceReceivers: async (epoch) => {
      const outcome = await raiseWriterEpochOnly({
        table: writerEpochTable,
        name: writerName,
        database: config.database,
        epoch,
        holder: config.instance,
        deadlineMs: fenceDeadlineMs,
      });
      return outcome === 'not-a-receiver' ? {} : { database: outcome };
    },
  });
  const port = riskPort({
    instance: config.instance,
    token,
    reign: () => (service.reign === reign ? reign : null),
  });
  const risk = await port.listen(config.listen);
  server = await startControlServer({
    ...config.control,
    tokenFile: config.controlTokenFile,
    instance: config.instance,
    component: 'risk-engine',
    version: '1',
    epochs,
    handlers: service.handlers,
    holds: () => service.holds,
  });
  process.on('SIGTERM', () => process.exit(0));
  process.stdout.write(`${JSON.stringify({ t: 'listening', pid: process.pid, control: server.port, risk })}\n`);
};

const fenceDeadlineMs = 250;

main().catch((error: unknown) => {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
});
