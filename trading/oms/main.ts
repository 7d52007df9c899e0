import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../base/coded-error.ts';
import { ContractError } from '../control/contract.ts';
import { type ControlServer, startControlServer } from '../control/control-server.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { LeasedService } from '../control/leased-service.ts';
import { parseDatabase } from '../load/config.ts';
import { ConfigNode } from '../load/config-node.ts';
import { beginReign } from './begin-reign.ts';
import { type OmsOptions, OmsReign } from './oms-reign.ts';
import type { VenueAccess } from './open-order-check.ts';
import { raiseEpochOnly } from './order-store.ts';
import { QueryDesk } from './query-desk.ts';
import { QueryServer } from './query-server.ts';
import { readReaderPass } from './reader-pass.ts';
import { recoveryActions } from './recovery-actions.ts';
import { StoppedMark } from './stopped-mark.ts';

/**
 * `holdfast-node trading/oms/main.ts CONFIG.json`. Configuration: `instance`, `dataDir`, `control {host, port, tokenFile}`,
 * `engines [{host, port}]` (the site's own, orders ports), `database {host, port, user, passwordFile, database, others? [{host, port}]}`, and optionally
 * `stream` (default `engine`), `readerTokenFile` (where engines remove entries), `databaseDeadlineMs` (default 5000), `lagWarnMs` (default 5000), `queries {host, port}` and `venues [{name, host, port, firm,
 * password?}]` (line ports, for `reconcile`). Prints one `listening` line; starts closed.
 */
const main = async (): Promise<void> => {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: trading/oms/main.ts CONFIG.json');
  const config = ConfigNode.read(file);
  const dataDir = config.path('dataDir');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const epochs = EpochStore.open(join(dataDir, 'epoch.json'));
  const database = parseDatabase(config.child('database'));
  const stream = config.has('stream') ? config.string('stream') : 'engine';
  const instance = config.string('instance');
  const options: OmsOptions = {
    instance,
    dataDir,
    venues: config.has('venues') ? config.children('venues').map(parseVenue) : [],
    lagWarnMs: config.number('lagWarnMs', 5000),
    stream,
    readerPass: readReaderPass(config),
    engines: config.children('engines').map((each) => each.address()),
    database,
    databaseDeadlineMs: config.number('databaseDeadlineMs', 5000),
    stopped: new StoppedMark(join(dataDir, 'stopped.json')),
  };
  let server: ControlServer | null = null;
  let reign: OmsReign | null = null;
  const reigning = () => (reign !== null && service.reign === reign ? reign : null);
  const service: LeasedService = new LeasedService({
    epochs,
    actions: recoveryActions(options, () => {
      const persister = reigning()?.persister;
      if (persister === undefined) throw new ContractError('not-ready', 'it is not primary');
      return persister;
    }),
    statusChanged: () => server?.statusChanged(),
    open: async (terms) => {
      reign = await beginReign(() => OmsReign.open(options, terms));
      return reign;
    },
    fenceReceivers: async (epoch) => {
      const outcome = await raiseEpochOnly({ database, epoch, holder: instance, deadlineMs: fenceDeadlineMs });
      return outcome === 'not-a-receiver' ? {} : { database: outcome };
    },
  });
  /** Null unless this instance is primary and its lease runs. */
  const lag = () => {
    const persister = service.mayRelease ? reigning()?.persister : undefined;
    return persister === undefined ? null : { lagEntries: persister.lagEntries, lagMs: persister.lagMs };
  };
  const control = config.child('control');
  server = await startControlServer({
    ...control.address(),
    tokenFile: control.path('tokenFile'),
    instance,
    component: 'order-management',
    version: '1',
    epochs,
    handlers: service.handlers,
    holds: () => service.holds,
  });
  const desk = new QueryDesk({ database, stream, deadlineMs: config.number('databaseDeadlineMs', 5000) });
  const listen = config.optional('queries')?.address() ?? null;
  const queries = listen === null ? null : await new QueryServer({ listen, desk, lag }).listen();
  process.on('SIGTERM', () => process.exit(0));
  const ports = { control: server.port, ...(queries === null ? {} : { queries }) };
  process.stdout.write(`${JSON.stringify({ t: 'listening', pid: process.pid, ...ports })}\n`);
};

const fenceDeadlineMs = 250;

const parseVenue = (node: ConfigNode): VenueAccess => ({
  ...node.address(),
  name: node.string('name'),
  firm: node.string('firm'),
  password: node.has('password') ? node.string('password') : null,
});

main().catch((error: unknown) => {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
});
