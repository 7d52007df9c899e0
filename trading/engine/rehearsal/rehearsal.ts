import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { monoNowNs } from '../../base/mono-clock.ts';
import { EpochStore } from '../../control/epoch-store.ts';
import type { Engine } from '../engine.ts';
import { EngineCommands } from '../engine-commands.ts';
import type { EngineConfig } from '../engine-config.ts';
import { engineStatus } from '../engine-status.ts';
import { rehearseOrders } from './rehearsal-client.ts';
import { RehearsalVenue } from './rehearsal-venue.ts';

/** Starts an engine from a configuration, as the process's own was started. */
export type StartEngine = (options: {
  readonly config: EngineConfig;
  readonly epochs: EpochStore;
  readonly onStatusChanged: () => void;
  readonly onFailure: (error: Error) => void;
  readonly onWarning: (text: string) => void;
}) => Promise<Engine>;

const DEADLINE_MS = 2000;
const LEASE_NS = 60_000_000_000n;

/**
 * One takeover between two engines of this process, in a directory of its own, at an exchange that keeps nothing: every function that a
 * takeover runs has run once before it counts. Nothing of it reaches anybody: it listens for a moment on a loopback address that nobody
 * else uses. `goesOn` is asked between the steps. False = it was given up, which harms nothing.
 */
export const rehearseTakeover = async (options: {
  readonly config: EngineConfig;
  readonly start: StartEngine;
  readonly goesOn: () => boolean;
}): Promise<boolean> => {
  const { config, start, goesOn } = options;
  const directory = join(config.dataDir, 'rehearsal');
  const host = `127.${randomInt(128, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const venue = new RehearsalVenue();
  const engines: Engine[] = [];
  let failed = false;
  await removed(directory);
  try {
    const port = await venue.listen(host);
    const engine = async (instance: string): Promise<Engine> => {
      const dataDir = join(directory, instance);
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const started: Engine = await start({
        config: rehearsalConfig(config, { instance, dataDir, host, port }),
        epochs: EpochStore.open(join(dataDir, 'epoch.json')),
        onStatusChanged: () => {},
        onFailure: () => {
          failed = true;
        },
        onWarning: () => {},
      });
      engines.push(started);
      return started;
    };
    const [a, b] = [await engine('a'), await engine('b')];
    const ordersAt = async (to: Engine, prefix: string): Promise<boolean> => {
      for (const protocol of ['text', 'binary'] as const) {
        const about = {
          host,
          port: to.orders.port,
          protocol,
          prefix: `${prefix}-${protocol}`,
          deadlineMs: DEADLINE_MS,
        };
        if (failed || !goesOn() || !(await rehearseOrders(about))) return false;
      }
      return true;
    };
    await reign(a, { epoch: 1, replica: b, host });
    if (!(await ordersAt(a, 'before'))) return false;
    await reign(b, { epoch: 2, replica: a, host });
    return await ordersAt(b, 'after');
  } finally {
    for (const engine of engines) await engine.close();
    await venue.close();
    await removed(directory);
  }
};

/** Again where something was written meanwhile: a report of a takeover that just ended, perhaps. */
const removed = (directory: string): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 5 });

const rehearsalConfig = (
  config: EngineConfig,
  { instance, dataDir, host, port }: { instance: string; dataDir: string; host: string; port: number },
): EngineConfig => ({
  ...config,
  instance,
  dataDir,
  orders: { host, port: 0 },
  replication: { host, port: 0 },
  replicationTokenFile: null,
  venues: [
    {
      ...{ name: 'rehearsal', host, port, firm: 'R', password: '', symbols: [], heartbeatMs: 1000 },
      ...{ onTakeover: 'keep', fix: null, fencePort: null },
    },
  ],
  limits: { symbols: new Set(), maxPrice: 1, maxQty: 1, maxNotional: 1, maxOpenOrdersPerClient: 1000 },
  risk: null,
  checkpointEveryEntries: 0,
  reserveOrders: 0,
});

/** The engine reigns, and the other one, which an older reign of its own ends, follows it. */
const reign = async (
  engine: Engine,
  { epoch, replica, host }: { readonly epoch: number; readonly replica: Engine; readonly host: string },
): Promise<void> => {
  const [commands, others] = [new EngineCommands(engine).handlers(), new EngineCommands(replica).handlers()];
  for (const each of [replica, engine]) {
    each.epochRaised(epoch, 'rehearsal');
    each.epochs.raise(epoch);
  }
  const { instance } = engine.config;
  const upstream = { instance, address: `${host}:${engine.replication.port}` };
  const terms = { ackSet: [replica.config.instance], tradingEnabled: true, halted: false };
  await commands.promote!({ epoch, leaseUntilNs: monoNowNs() + LEASE_NS, ...terms });
  await others.follow!({ epoch, upstream, mode: 'sync' });
  await engine.waits.until(() => engine.releasing && engine.venues.settled, DEADLINE_MS);
  JSON.stringify([engineStatus(engine), engineStatus(replica)]);
};
