import { join } from 'node:path';
import type { EpochStore } from '../control/epoch-store.ts';
import { Engine } from './engine.ts';
import type { EngineConfig } from './engine-config.ts';
import { JournalRetention } from './journal-retention.ts';
import { recoverJournal } from './recover-journal.ts';
import { StandbyCheckpoints } from './standby-checkpoints.ts';
import { fixSessionNames } from './venue/fix-venue-config.ts';

/** Recovers journal and state, and listens on the orders and replication ports; closed. */
export const startEngine = async (options: {
  readonly config: EngineConfig;
  readonly epochs: EpochStore;
  readonly onStatusChanged: () => void;
  readonly onFailure: (error: Error) => void;
  /** Something that people should know and that changes nothing. */
  readonly onWarning: (text: string) => void;
}): Promise<Engine> => {
  const { config, epochs, onStatusChanged, onWarning } = options;
  const places = { journal: join(config.dataDir, 'journal'), checkpoints: join(config.dataDir, 'checkpoints') };
  const { journal, replayed } = await recoverJournal({
    ...options,
    ...places,
    sync: config.sync,
    segmentBytes: config.segmentBytes,
    fixSessions: fixSessionNames(config.venues),
    onDurable: () => engine?.onDurable(),
  });
  replayed.state.reserve(config.reserveOrders);
  const retention = new JournalRetention({ settings: config.retention, journal, onWarning });
  const checkpoints = new StandbyCheckpoints({
    ...places,
    instance: config.instance,
    everyEntries: config.checkpointEveryEntries,
    from: replayed.from,
    newestHash: () => replayed.state.hashes.newest,
    onTaken: (covered) => retention.consider(covered),
    onWarning,
  });
  const engine: Engine | null = new Engine({
    config,
    epochs,
    journal,
    replayed,
    checkpoints,
    retention,
    onStatusChanged,
    onWarning,
  });
  await engine.orders.listen(config.orders);
  await engine.replication.listen(config.replication);
  return engine;
};
