import { join } from 'node:path';
import type { EpochStore } from '../control/epoch-store.ts';
import { Journal } from '../journal/journal.ts';
import { newestCheckpoint } from './checkpoint.ts';
import { Engine } from './engine.ts';
import type { EngineConfig } from './engine-config.ts';
import { ReplayedState } from './replayed-state.ts';
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
  const { config, epochs, onStatusChanged, onFailure, onWarning } = options;
  const places = { journal: join(config.dataDir, 'journal'), checkpoints: join(config.dataDir, 'checkpoints') };
  const checkpoint = newestCheckpoint(places.checkpoints, { onDamaged: ({ message }) => onWarning(message) });
  const replayed = new ReplayedState(checkpoint, fixSessionNames(config.venues));
  const journal: Journal = await Journal.open(
    {
      directory: places.journal,
      sync: config.sync,
      onFailure,
      onDurable: () => engine?.onDurable(),
    },
    (block) => replayed.apply(block),
  );
  if (!replayed.fits(journal)) {
    onWarning(`${checkpoint?.file} is of another journal and was not used`);
    await replayed.rebuild(journal);
  }
  const checkpoints = new StandbyCheckpoints({
    ...places,
    instance: config.instance,
    everyEntries: config.checkpointEveryEntries,
    from: replayed.from,
    newestHash: () => replayed.state.hashes.newest,
    onWarning,
  });
  const engine: Engine | null = new Engine({
    config,
    epochs,
    journal,
    replayed,
    checkpoints,
    onStatusChanged,
    onWarning,
  });
  await engine.orders.listen(config.orders);
  await engine.replication.listen(config.replication);
  return engine;
};
