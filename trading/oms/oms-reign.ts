import { ContractError } from '../control/contract.ts';
import type { ReignTerms, ServiceReign } from '../control/leased-service.ts';
import type { Address } from '../load/line-connection.ts';
import type { VenueAccess } from './open-order-check.ts';
import { type DatabaseAddress, OrderStore, type StorePosition } from './order-store.ts';
import { Persister } from './persister.ts';
import type { ReaderPass } from './reader-pass.ts';
import type { StoppedMark } from './stopped-mark.ts';

export interface OmsOptions {
  readonly instance: string;
  readonly stream: string;
  readonly dataDir: string;
  readonly engines: readonly Address[];
  /** Shown to engines that remove entries. */
  readonly readerPass?: ReaderPass | undefined;
  /** Asked by `reconcile`. */
  readonly venues: readonly VenueAccess[];
  readonly database: DatabaseAddress;
  readonly databaseDeadlineMs: number;
  /** Further behind the engine than this it is not well. */
  readonly lagWarnMs: number;
  /** That it was told to stop accepting. */
  readonly stopped: StoppedMark;
}

/**
 * What order management does in one epoch: it brings what the engine releases into the database, only while its lease runs, and only while
 * the database holds no newer writer epoch. It keeps no state of its own.
 */
export class OmsReign implements ServiceReign {
  readonly #lagWarnMs: number;
  readonly persister: Persister;

  private constructor(options: OmsOptions, terms: ReignTerms, store: OrderStore) {
    const { stopped, lagWarnMs } = options;
    const accepting = !stopped.holdsFor(terms.epoch);
    if (accepting) stopped.clear();
    this.#lagWarnMs = lagWarnMs;
    this.persister = new Persister(
      {
        ...options,
        epoch: terms.epoch,
        accepting,
        mayCommit: terms.mayRelease,
        onChanged: terms.onChanged,
        onStale: (epoch) => terms.onStale(epoch, 'the database'),
      },
      store,
    );
  }

  static async open(options: OmsOptions, terms: ReignTerms): Promise<OmsReign> {
    const { database, stream, instance: holder, databaseDeadlineMs: deadlineMs } = options;
    const store = await OrderStore.open({ database, stream, epoch: terms.epoch, holder, deadlineMs });
    return new OmsReign(options, terms, store);
  }

  get position(): StorePosition {
    return this.persister.position;
  }

  get ready(): boolean {
    return this.persister.databaseReachable;
  }

  get problem(): string | null {
    const { databaseReachable, problem, feedConnected, accepting, lagMs, lagEntries } = this.persister;
    if (!databaseReachable) return `the database is not reachable: ${problem ?? 'connecting'}`;
    if (problem !== null) return problem;
    if (!feedConnected) return 'no engine of this site delivers its released entries';
    if (!accepting) return 'it was told to stop accepting';
    return lagMs > this.#lagWarnMs ? `${lagEntries} entries, ${lagMs} ms behind the engine` : null;
  }

  get figures(): Readonly<Record<string, number | null>> {
    return this.persister.figures;
  }

  wake(): void {
    this.persister.wake();
  }

  async drain(): Promise<void> {
    const { persister } = this;
    if (!(await persister.caughtUp(drainDeadlineMs)))
      throw new ContractError('not-ready', `the database still lacks ${persister.lagEntries} entries`);
  }

  dryRun(): Promise<number> {
    return this.persister.dryRun();
  }

  close(): void {
    this.persister.close();
  }
}

/** Below the time within which a driver wants an answer. */
const drainDeadlineMs = 1000;
