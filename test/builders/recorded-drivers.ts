import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisDriver } from '../../src/adapters/redis-sentinel/driver.ts';
import { SentinelDriver } from '../../src/adapters/redis-sentinel/sentinel-driver.ts';
import { GuardedEpochs } from '../../src/adapters/system/guarded-epochs.ts';
import { nyc, RecordedSet } from './recorded-redis.ts';

/** Drivers of a recorded set. What they store is in a directory that `close` removes. */
export class RecordedDrivers {
  readonly set = new RecordedSet();
  readonly #directory = mkdtempSync(join(tmpdir(), 'redis-driver-'));
  #names = 0;

  /** @param file where it stores epochs: one of its own unless told */
  server(host = nyc.host, file = this.#newName()): RedisDriver {
    return new RedisDriver({
      talk: this.set.talk(host),
      epochs: this.#epochs(file),
      writerPasswordHash: 'a'.repeat(64),
      sentinelUser: 'sentinel',
    });
  }

  sentinel(): SentinelDriver {
    return new SentinelDriver({
      talk: this.set.sentinel,
      peer: ({ host }) => this.set.peer(host),
      set: 'cache',
      epochs: this.#epochs(this.#newName()),
    });
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #epochs(file: string): GuardedEpochs {
    return new GuardedEpochs(join(this.#directory, file));
  }

  #newName(): string {
    this.#names += 1;
    return `epochs-${this.#names}.json`;
  }
}
