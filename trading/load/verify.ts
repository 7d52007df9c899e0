import { join } from 'node:path';
import { describeError } from '../base/coded-error.ts';
import { compareCommits, compareTrades, compareWithPersisted, type PersistedSnapshot } from './compare-database.ts';
import { compareWithEngine, compareWithVenue, type EngineSnapshot } from './compare-orders.ts';
import { type Fronts, readLoadConfig } from './config.ts';
import { ConfigNode } from './config-node.ts';
import { frontsNow } from './fronts-now.ts';
import { LedgerReader } from './ledger-reader.ts';
import { type CanaryRow, commitLedgerName, type LedgerRecord, orderLedgerName } from './ledger-record.ts';
import { CommitLedgerView, OrderLedgerView } from './ledger-view.ts';
import { VenueView } from './venue-view.ts';
import {
  attempt,
  type FoundDifferences,
  joined,
  type Read,
  readOrNull,
  type UnknownResolved,
  type Verification,
  verdictOf,
} from './verification.ts';
import {
  openDatabase,
  readCanaries,
  readEngine,
  readPersisted,
  readVenue,
  type VenueAddress,
} from './verify-sources.ts';

export interface VerifierOptions {
  readonly ledgerDir: string;
  readonly fronts: Fronts;
  /** null: there is no exchange to ask; what it would have shown is then not claimed. */
  readonly venue: VenueAddress | null;
  /** Name under which order management keeps its position; null: there is none to check. */
  readonly stream: string | null;
  /** For one answer of any source. */
  readonly deadlineMs: number;
  /** How long order management may take to catch up with the engine. */
  readonly catchUpMs: number;
}

interface Sources {
  readonly engine: Read<EngineSnapshot>;
  readonly canaries: Read<readonly CanaryRow[]>;
  /** null: not to be checked. */
  readonly persisted: Read<PersistedSnapshot> | null;
  /** The exchange's count of stale writes; the rest is in the view. */
  readonly venue: Read<number | null> | null;
}

interface LedgerRecords {
  readonly orders: readonly LedgerRecord[];
  readonly commits: readonly LedgerRecord[];
}

const NOTHING_MORE: LedgerRecords = { orders: [], commits: [] };

/**
 * Compares what clients were told with what the firm has: the ledgers with the engine, the exchange and PostgreSQL, both ways.
 * It may run while orders flow: sources are read in such an order that what an earlier one has must be in a later one. Ledgers
 * and the drop copy are read only once; each further call continues where the last one ended.
 */
export class Verifier {
  readonly #options: VerifierOptions;
  readonly #orderReader: LedgerReader;
  readonly #commitReader: LedgerReader;
  readonly #orders = new OrderLedgerView();
  readonly #commits = new CommitLedgerView();
  readonly #venue = new VenueView();

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#orderReader = new LedgerReader(join(options.ledgerDir, orderLedgerName));
    this.#commitReader = new LedgerReader(join(options.ledgerDir, commitLedgerName));
  }

  /** Never rejects: what cannot be read makes the verdict `inconclusive`, with the reason. */
  async verify(): Promise<Verification> {
    const startedAt = performance.now();
    const ledger = await attempt('the ledger', () => this.#readLedgers(this.#orders, this.#commits));
    const sources = await this.#readSources();
    const tail = await attempt('the end of the ledger', () => this.#readTail());
    const late = readOrNull(tail) ?? NOTHING_MORE;
    // Acknowledgements are compared as they were before the sources were read; what the sources have must have been sent by now.
    for (const record of late.orders) if (record.k === 'replace') this.#orders.noteReplace(record);
    const compared = this.#compare(sources, ledger.kind === 'read');
    this.#apply(late);
    const neverSent = this.#neverSent(sources, tail.kind === 'read');
    const found: FoundDifferences = {
      ...compared.found,
      ordersNeverSent: neverSent.orders,
      commitsNeverSent: neverSent.commits,
    };
    const reasons = [ledger, ...Object.values(sources), tail].flatMap((each) =>
      each?.kind === 'unread' ? [each.reason] : [],
    );
    for (const setting of this.#commits.weakened)
      reasons.push(`commits were acknowledged with less than was asked for: ${setting}`);
    const { counts, unknownResolved } = compared;
    const elapsedMs = Math.round(performance.now() - startedAt);
    return { verdict: verdictOf(found, reasons), reasons, elapsedMs, ...counts, ...found, unknownResolved };
  }

  /** Record by record: those of hours would not fit into memory beside what they amount to. */
  async #readLedgers(orders: Pick<OrderLedgerView, 'apply'>, commits: Pick<CommitLedgerView, 'apply'>): Promise<void> {
    await this.#orderReader.read((record) => orders.apply(record));
    await this.#commitReader.read((record) => commits.apply(record));
  }

  async #readTail(): Promise<LedgerRecords> {
    const found = { orders: [] as LedgerRecord[], commits: [] as LedgerRecord[] };
    await this.#readLedgers(
      { apply: (record) => void found.orders.push(record) },
      { apply: (record) => void found.commits.push(record) },
    );
    return found;
  }

  #apply({ orders, commits }: LedgerRecords): void {
    for (const record of orders) this.#orders.apply(record);
    for (const record of commits) this.#commits.apply(record);
  }

  async #readSources(): Promise<Sources> {
    const { deadlineMs, stream, catchUpMs, venue } = this.#options;
    const reached = frontsNow(this.#options.fronts);
    await reached.known(deadlineMs);
    const fronts = reached.now();
    const requestIds = [...this.#orders.orders.values()].flatMap((order) => (order.target === null ? [] : [order.id]));
    const engine = await attempt('the engine', () => readEngine({ fronts, requestIds, deadlineMs }));
    const end = readOrNull(engine)?.end ?? 0;
    const opened = await attempt('the database', () => openDatabase(fronts, deadlineMs));
    const client = readOrNull(opened);
    const unread = opened.kind === 'unread' ? opened : null;
    const canaries = unread ?? (await attempt('the committed rows', () => readCanaries(client!)));
    const persisted =
      stream === null
        ? null
        : (unread ?? (await attempt('the persisted orders', () => readPersisted(client!, { stream, end, catchUpMs }))));
    await client?.end().catch(() => {});
    const copy =
      venue === null ? null : await attempt('the drop copy', () => readVenue({ venue, view: this.#venue, deadlineMs }));
    return { engine, canaries, persisted, venue: copy };
  }

  #compare(sources: Sources, ledgerRead: boolean): Compared {
    const engine = readOrNull(sources.engine);
    const stored = sources.persisted === null ? null : readOrNull(sources.persisted);
    const venue = sources.venue?.kind === 'read' ? this.#venue : null;
    const rows = readOrNull(sources.canaries);
    const atEngine = engine === null || !ledgerRead ? null : compareWithEngine(this.#orders, engine);
    const atVenue = venue === null || !ledgerRead ? null : compareWithVenue(this.#orders, engine, venue);
    const trades = venue === null || stored === null ? null : compareTrades(stored, venue);
    const inDatabase = engine === null || stored === null ? null : compareWithPersisted(engine, stored, this.#orders);
    const commits = rows === null || !ledgerRead ? null : compareCommits(this.#commits, rows);
    // What is not to be checked contributes nothing; what could not be checked makes a list unknown.
    const venueParts = <Item>(part: readonly Item[] | undefined): readonly Item[] | null =>
      part ?? (sources.venue === null ? [] : null);
    const tradeParts = <Item>(part: readonly Item[] | undefined): readonly Item[] | null =>
      part ?? (sources.venue === null || sources.persisted === null ? [] : null);
    const storedParts = <Item>(part: readonly Item[] | undefined): readonly Item[] | null =>
      part ?? (sources.persisted === null ? [] : null);
    return {
      found: {
        ordersLost: joined(atEngine?.lost ?? null, venueParts(atVenue?.lost)),
        ordersDuplicated: joined(atEngine?.duplicated ?? null, venueParts(atVenue?.duplicated)),
        ordersAltered: joined(atEngine?.altered ?? null, venueParts(atVenue?.altered)),
        executionsLost: joined(venueParts(atVenue?.executionsLost), tradeParts(trades?.executionsLost)),
        executionsDuplicated: joined(venueParts(atVenue?.executionsDuplicated)),
        executionsAltered: joined(venueParts(atVenue?.executionsAltered), tradeParts(trades?.executionsAltered)),
        staleWritesAccepted: sources.venue === null ? null : readOrNull(sources.venue),
        persistedMissing: joined(storedParts(inDatabase?.missing)),
        persistedAltered: joined(storedParts(inDatabase?.altered)),
        persistedBreaks: joined(storedParts(stored?.breaks)),
        commitsLost: commits?.lost ?? null,
        commitsDuplicated: commits?.duplicated ?? null,
        commitsAltered: commits?.altered ?? null,
      },
      counts: ledgerRead
        ? this.#counts()
        : { ordersSent: null, ordersAcked: null, commitsSent: null, commitsAcked: null },
      unknownResolved: {
        ordersPresent: atEngine?.unknownPresent ?? null,
        ordersAbsent: atEngine?.unknownAbsent ?? null,
        commitsPresent: commits?.unknownPresent ?? null,
        commitsAbsent: commits?.unknownAbsent ?? null,
      },
    };
  }

  #counts(): Counts {
    let ordersAcked = 0;
    let commitsAcked = 0;
    for (const { outcome } of this.#orders.orders.values()) if (outcome === 'acked') ordersAcked += 1;
    for (const { outcome } of this.#commits.commits.values()) if (outcome === 'acked') commitsAcked += 1;
    return { ordersSent: this.#orders.orders.size, ordersAcked, commitsSent: this.#commits.commits.size, commitsAcked };
  }

  #neverSent(
    sources: Sources,
    ledgerRead: boolean,
  ): { readonly orders: string[] | null; readonly commits: string[] | null } {
    const unsent = (ids: Iterable<string> | undefined): string[] | null =>
      ids === undefined || !ledgerRead ? null : [...ids].filter((id) => !this.#orders.orders.has(id));
    const stored = sources.persisted === null ? [] : readOrNull(sources.persisted)?.orders.map(({ id }) => id);
    const traded =
      sources.venue === null ? [] : sources.venue.kind === 'read' ? this.#venue.accepted.keys() : undefined;
    const orders = joined(
      unsent(readOrNull(sources.engine)?.orders.map(({ id }) => id)),
      unsent(stored),
      unsent(traded),
    );
    const rows = readOrNull(sources.canaries);
    return {
      orders: orders === null ? null : [...new Set(orders)],
      commits:
        rows === null || !ledgerRead ? null : rows.flatMap(({ id }) => (this.#commits.commits.has(id) ? [] : [id])),
    };
  }
}

type Counts = Pick<Verification, 'ordersSent' | 'ordersAcked' | 'commitsSent' | 'commitsAcked'>;

interface Compared {
  readonly found: Omit<FoundDifferences, 'ordersNeverSent' | 'commitsNeverSent'>;
  readonly counts: Counts;
  readonly unknownResolved: UnknownResolved;
}

/**
 * What to verify, from the generator's own configuration file with two optional additions: `venue {host, port, firm, password?}` and `stream`
 * (`engine` when absent, null for a firm without order management).
 */
export const readVerifierOptions = (file: string): VerifierOptions => {
  const { ledgerDir, fronts } = readLoadConfig(file);
  const root = ConfigNode.read(file);
  const venue = root.optional('venue');
  return {
    ledgerDir,
    fronts,
    venue: venue === null ? null : { ...venue.address(), firm: venue.string('firm'), ...passwordOf(venue) },
    stream: root.isNull('stream') ? null : root.has('stream') ? root.string('stream') : 'engine',
    deadlineMs: root.number('verifyDeadlineMs', 3000),
    catchUpMs: root.number('verifyCatchUpMs', 10_000),
  };
};

const passwordOf = (venue: ConfigNode) => (venue.has('password') ? { password: venue.string('password') } : {});

const exitCodes = { met: 0, missed: 1, inconclusive: 5 } as const;

/** `holdfast-node trading/load/verify.ts CONFIG.json`: prints one JSON object; exit code 0 met, 1 missed, 2 usage, 5 inconclusive. */
const main = async (): Promise<void> => {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: trading/load/verify.ts CONFIG.json');
  const verification = await new Verifier(readVerifierOptions(file)).verify();
  process.stdout.write(`${JSON.stringify(verification, null, 2)}\n`);
  process.exitCode = exitCodes[verification.verdict];
};

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = 2;
  });
}
