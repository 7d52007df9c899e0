import { join } from 'node:path';
import { Pulse } from '../base/pulse.ts';
import type { ReignTerms, ServiceReign } from '../control/leased-service.ts';
import type { ActDetail } from '../control/recovery-action.ts';
import { PriceFollower } from '../market-data/price-follower.ts';
import type { JournalEntry } from '../oms/journal-entry.ts';
import { StaleWriterError } from '../oms/order-store.ts';
import { StoppedMark } from '../oms/stopped-mark.ts';
import { ApprovalTable } from './approval-table.ts';
import { compareWithEngine } from './engine-comparison.ts';
import { EngineLink } from './engine-link.ts';
import { exposedFigures } from './exposed-figures.ts';
import { ExposureBook } from './exposure-book.ts';
import type { KeptImage } from './exposure-image.ts';
import { beginningOf, continuationOf, ExposureKeep, firstDifference, type Standing } from './exposure-keep.ts';
import { type Author, LimitStore, type RuleVersion, type StoredPositions } from './limit-store.ts';
import { type Rule, RuleBook, type RuleChange, rulesThatDiffer } from './limits.ts';
import { MarketReferences } from './market-reference.ts';
import type { RiskConfig } from './risk-config.ts';
import { RiskRecovery } from './risk-recovery.ts';

interface Wanted {
  readonly change: RuleChange;
  readonly author: Author;
  readonly settle: (version: RuleVersion) => void;
}

/**
 * What a risk engine does in one epoch. It begins in fail-safe: nothing is approved before its exposures, recomputed from the first
 * entry on, are those of the engine, and its positions are those that order management had stored. A kill takes effect at once and
 * is stored after that; every other change takes effect when it is stored.
 */
export class RiskReign implements ServiceReign {
  readonly #config: RiskConfig;
  readonly #terms: ReignTerms;
  readonly #rules: RuleBook;
  #store: LimitStore;
  #book: ExposureBook;
  #link: EngineLink;
  #stored: StoredPositions | null;
  #difference: string | null = null;
  #accepted = false;
  #lost: string | null = null;
  #wanted: Wanted[] = [];
  #working: Promise<unknown> = Promise.resolve();
  #busy = false;
  #storeProblem: string | null = null;
  #reopenTimer: NodeJS.Timeout | null = null;
  #closed = false;
  /** What a recovery plan asks of it, step by step. */
  readonly recovery: RiskRecovery;

  readonly #prices: PriceFollower | null;
  readonly #references: MarketReferences;
  readonly #pulse: Pulse | null;
  readonly #keep: ExposureKeep;
  /** Last entry that was known when this reign began. */
  readonly #begunWith: number;
  readonly #keptUnusable: boolean;
  /** What this book began with: 0 = the first entry. */
  #bookBegunWith: number;
  /** For which book it was looked whether what was kept is of use. */
  #triedFor: ExposureBook | null = null;
  /** What stood before exposures were begun anew. */
  #before: Standing | null = null;
  #impossible: string | null = null;

  private constructor(
    config: RiskConfig,
    terms: ReignTerms,
    store: LimitStore,
    known: { readonly stored: StoredPositions | null; readonly kept: KeptImage | null },
  ) {
    const { stored } = known;
    this.#config = config;
    this.#terms = terms;
    this.#store = store;
    this.#stored = stored;
    this.#rules = RuleBook.of(store.rules.rules);
    this.#prices = config.marketData.length === 0 ? null : new PriceFollower(config.marketData);
    this.#references = new MarketReferences(this.#rules, this.#prices);
    this.recovery = this.#recoveryIn(terms.epoch);
    this.#book = beginningOf(known.kept, stored);
    this.#begunWith = this.#book.through;
    this.#bookBegunWith = this.#begunWith;
    this.#keptUnusable = this.#begunWith === 0 && known.kept !== null;
    this.#keep = new ExposureKeep({
      everyEntries: config.keepEveryEntries,
      keptThrough: this.#begunWith,
      put: (image) => this.#alone(() => this.#store.keepExposures(config.stream, image, terms.mayRelease)),
    });
    this.#link = this.#follow();
    const beat = () => this.#lookAtMarket();
    this.#pulse = this.#prices === null ? null : new Pulse({ everyMs: () => lookAtMarketMs, beat });
  }

  static async open(config: RiskConfig, terms: ReignTerms): Promise<RiskReign> {
    const store = await openStore(config, terms);
    try {
      const stored = await store.storedPositions(config.stream);
      return new RiskReign(config, terms, store, { stored, kept: await store.keptExposures(config.stream) });
    } catch (error) {
      store.close();
      throw error;
    }
  }

  get position(): RuleVersion {
    return this.#store.version;
  }

  get ready(): boolean {
    return !this.#store.closed;
  }

  get rules(): readonly Rule[] {
    return this.#rules.rules;
  }

  get book(): ExposureBook {
    return this.#book;
  }

  get problem(): string | null {
    const stored = this.#storeProblem ?? (this.#store.closed ? 'the connection was lost' : null);
    if (stored !== null) return `limits cannot be changed: ${stored}`;
    const failSafe = this.failSafe;
    if (this.#link.problem !== null) return this.#link.problem;
    return failSafe === null ? (this.#lost ?? this.#link.readerProblem) : `fail-safe: ${failSafe}`;
  }

  /** Why nothing is approved; null = orders within the limits are. */
  get failSafe(): string | null {
    return this.recovery.failSafe ?? this.#doubt;
  }

  /** What speaks against the figures; null = nothing. */
  get #doubt(): string | null {
    const { through, unbooked } = this.#book;
    if (!this.#link.caughtUp) return 'exposures are being recomputed';
    if (this.#accepted) return null;
    if (this.#difference !== null) return this.#difference;
    if (this.#stored !== null && through < this.#stored.sequence)
      return `the database holds entries up to ${this.#stored.sequence}, the engine only up to ${through}`;
    const first = unbooked[0];
    return first === undefined ? null : `entry ${first.seq} fits nothing: ${first.reason}`;
  }

  get figures(): Readonly<Record<string, unknown>> {
    const { through, openOrders, clients, unbooked } = this.#book;
    return {
      activeOrders: openOrders,
      approved: this.failSafe === null && this.#link.problem === null ? 1 : 0,
      through,
      lagEntries: Math.max(0, this.#link.releasedSequence - through),
      clients: clients.length,
      rules: this.#rules.rules.length,
      killed: this.#rules.rules.filter((rule) => rule.killed).length,
      changesWaiting: this.#wanted.length,
      unbooked: unbooked.length,
      ...this.#references.figures,
      begunWith: this.#begunWith,
      keptUnusable: this.#keptUnusable ? 1 : 0,
      messagesSent: this.#link.sent,
    };
  }

  wake(): void {
    this.#link.publish();
    void this.#work();
    if (this.ready && this.#terms.mayRelease())
      this.#keep.putWhatWaits().then(
        () => this.#link.stored(this.#keep.storedThrough),
        (error: unknown) => this.#failed(error),
      );
  }

  /** Resolves when the change is stored, which is not before the lease allows it; never when the reign ends first. */
  change(change: RuleChange, author: Author): Promise<RuleVersion> {
    if (change.killed === true) this.#putRule(this.#rules.after(change));
    return new Promise((settle) => {
      this.#wanted.push({ change, author, settle });
      void this.#work();
    });
  }

  /** A person has looked at the figures and takes them as they are, for this reign; stored in the history of the rules. */
  async acceptFigures(author: Author): Promise<RuleVersion> {
    const killed = this.#rules.firmKilled;
    const found = this.failSafe ?? 'nothing differed';
    const version = await this.change(
      { scope: 'firm', name: '', killed },
      { by: author.by, reason: `figures accepted (${found}): ${author.reason}` },
    );
    this.#accepted = true;
    this.recovery.end();
    this.#link.publish();
    this.#terms.onChanged();
    return version;
  }

  async drain(): Promise<void> {
    const deadline = performance.now() + drainDeadlineMs;
    while (!this.#closed && this.#wanted.length > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  dryRun(): Promise<number> {
    return this.#asked(() => this.#store.dryRun());
  }

  close(): void {
    this.#closed = true;
    if (this.#reopenTimer !== null) clearTimeout(this.#reopenTimer);
    this.#pulse?.stop();
    this.#prices?.close();
    this.#link.close();
    this.#store.close();
    this.#wanted = [];
  }

  #recoveryIn(epoch: number): RiskRecovery {
    return new RiskRecovery({
      epoch,
      mark: new StoppedMark(join(this.#config.dataDir, 'fail-safe.json')),
      tellEngine: () => {
        this.#terms.onChanged();
        return this.#link.heardBy(heardDeadlineMs);
      },
      restoreLimits: () => this.#restoreLimits(),
      startAnew: () => this.#startAnew(),
      impossible: () => this.#impossible,
      caughtUp: () => this.#link.caughtUp && this.#book.through >= this.#link.releasedSequence,
      figures: () => ({ begunWith: this.#bookBegunWith, ...exposedFigures(this.#book) }),
      recount: () => this.#recount(),
      doubt: () => this.#doubt,
      limitsThatDiffer: () => this.#limitsThatDiffer(),
      compareWithEngine: () => {
        const { engines, instance: client } = this.#config;
        return compareWithEngine({ book: this.#book, engines, client, ...comparisonTimes });
      },
      storedPositions: () =>
        this.#stored === null ? null : { count: this.#stored.lots.length, sequence: this.#stored.sequence },
    });
  }

  async #restoreLimits(): Promise<ActDetail> {
    await this.#asked(() => this.#store.reread());
    this.#rules.replaceAll(this.#store.rules.rules.map((rule) => this.#withWaitingKills(rule)));
    for (const { change } of this.#wanted) if (change.killed === true) this.#rules.put(this.#rules.after(change));
    this.#link.replaceTable();
    const { rules } = this.#rules;
    const { sequence } = this.#store.version;
    return { rules: rules.length, killed: rules.filter(({ killed }) => killed).length, version: sequence };
  }

  async #limitsThatDiffer(): Promise<readonly string[]> {
    await this.#asked(() => this.#store.reread());
    const stored = this.#store.rules.rules.map((rule) => this.#withWaitingKills(rule));
    return rulesThatDiffer(stored, this.#rules.rules);
  }

  async #startAnew(): Promise<void> {
    this.#stored = await this.#asked(() => this.#store.storedPositions(this.#config.stream));
    this.#before = this.#standing;
    this.#accepted = false;
    this.#impossible = null;
    this.#difference = null;
    this.#lost = null;
    this.#beginBook();
  }

  get #standing(): Standing {
    const [book, begunWith] = [this.#book, this.#bookBegunWith];
    return { book, begunWith, difference: this.#difference, lost: this.#lost };
  }

  /** Entries that come next are gone at the engine. A book that has none yet begins with what was kept, if that is of use. */
  async #removed(first: number | null): Promise<void> {
    const book = this.#book;
    if (book.through > 0 || this.#triedFor === book || this.#store.closed) return;
    this.#triedFor = book;
    const { stream } = this.#config;
    try {
      const stored = await this.#asked(() => this.#store.storedPositions(stream));
      const kept = await this.#asked(() => this.#store.keptExposures(stream));
      if (this.#closed || this.#book !== book) return;
      this.#stored = stored;
      this.#goOnWith(continuationOf({ kept, stored }, { first, usableTo: this.#keep.usableTo }));
    } catch {
      // It is asked again: the database was not heard.
      if (this.#triedFor === book) this.#triedFor = null;
    }
  }

  #goOnWith(found: ExposureBook | string): void {
    if (typeof found === 'string') {
      this.#impossible = `${this.#link.problem}; what was kept is of no use: ${found}`;
      this.#keep.spoilt();
      const { book, begunWith, difference, lost } = this.#before ?? this.#standing;
      [this.#book, this.#bookBegunWith, this.#difference, this.#lost] = [book, begunWith, difference, lost];
    } else {
      this.#book = found;
      this.#bookBegunWith = found.through;
    }
    this.#link.close();
    this.#link = this.#follow();
    this.#terms.onChanged();
  }

  #recount(): readonly string[] {
    const differed = this.#book.recount();
    this.#link.replaceTable();
    return differed;
  }

  /** What the connection is in the middle of after a failure is not known. */
  async #asked<Result>(body: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#alone(body);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #follow(): EngineLink {
    const { instance, token, engines, readerPass } = this.#config;
    const book = this.#book;
    return new EngineLink({
      instance,
      token,
      engines,
      readerPass,
      after: book.through,
      stored: this.#keep.storedThrough,
      epoch: this.#terms.epoch,
      table: new ApprovalTable(this.#rules, book, this.#references),
      failSafe: () => this.failSafe,
      mayRelease: this.#terms.mayRelease,
      onEntry: (entry) => this.#took(entry),
      onChanged: this.#terms.onChanged,
      onStale: (epoch) => this.#terms.onStale(epoch, 'an engine'),
      onAhead: (engineEnd) => this.#startOver(engineEnd),
      onRemoved: (first) => void this.#removed(first),
    });
  }

  #lookAtMarket(): void {
    if (this.#references.look()) this.#link.publish();
  }

  #took(entry: JournalEntry): void {
    this.#book.apply(entry);
    this.#keep.took(this.#book, () => this.failSafe === null);
    if (this.#stored?.sequence === entry.seq) this.#difference ??= firstDifference(this.#book, this.#stored);
  }

  /** Released entries are missing at the engine: what they said is not vouched for any more. */
  #startOver(engineEnd: number): void {
    const { through } = this.#book;
    if (this.#closed || engineEnd >= through) return;
    this.#lost = `entries ${engineEnd + 1} to ${through} had been released and the engine no longer has them`;
    this.recovery.lost();
    this.#keep.engineEndedAt(engineEnd);
    this.#before = null;
    this.#beginBook();
  }

  #beginBook(): void {
    this.#keep.forget();
    this.#link.close();
    this.#book = new ExposureBook();
    this.#bookBegunWith = 0;
    this.#link = this.#follow();
    this.#terms.onChanged();
  }

  #putRule(rule: Rule): void {
    this.#rules.put(rule);
    this.#link.replaceTable();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (;;) {
        const next = this.#wanted[0];
        if (next === undefined || this.#closed || this.#store.closed || !this.#terms.mayRelease()) return;
        const rule = this.#store.rules.after(next.change);
        const outcome = await this.#alone(() => this.#store.put(rule, next.author, this.#terms.mayRelease));
        if (outcome === 'held') return;
        this.#wanted.shift();
        this.#putRule(this.#withWaitingKills(rule));
        next.settle(this.#store.version);
        this.#terms.onChanged();
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#busy = false;
    }
  }

  /** A kill that is in force and waits to be stored is not undone by an earlier change of the same scope. */
  #withWaitingKills(rule: Rule): Rule {
    const waits = this.#wanted.some(
      ({ change }) => change.killed === true && change.scope === rule.scope && change.name === rule.name,
    );
    return waits ? { ...rule, killed: true } : rule;
  }

  /** One conversation with the database at a time. */
  #alone<Result>(body: () => Promise<Result>): Promise<Result> {
    const done = this.#working.then(body, body);
    this.#working = done.catch(() => {});
    return done;
  }

  #failed(error: unknown): void {
    this.#store.close();
    if (this.#closed || this.#reopenTimer !== null) return;
    if (error instanceof StaleWriterError) {
      this.#terms.onStale(error.epoch, 'the database');
      return;
    }
    this.#storeProblem = error instanceof Error ? error.message : String(error);
    this.#terms.onChanged();
    this.#reopenTimer = setTimeout(() => {
      this.#reopenTimer = null;
      void this.#reopen();
    }, reopenAfterMs);
  }

  /** A change whose outcome is not known is found stored, or is made again: it says what shall be, not by how much. */
  async #reopen(): Promise<void> {
    try {
      const store = await openStore(this.#config, this.#terms);
      if (this.#closed) return store.close();
      this.#store = store;
      this.#storeProblem = null;
      for (const rule of store.rules.rules) this.#rules.put(this.#withWaitingKills(rule));
      this.#link.replaceTable();
      this.#terms.onChanged();
      void this.#work();
    } catch (error) {
      this.#failed(error);
    }
  }
}

const openStore = ({ database, databaseDeadlineMs, instance, initial }: RiskConfig, terms: ReignTerms) =>
  LimitStore.open({
    database,
    epoch: terms.epoch,
    holder: instance,
    deadlineMs: databaseDeadlineMs,
    initial,
    mayCommit: terms.mayRelease,
  });

/** Market data tells changes of 20 ms as one; a reference is a bound, and need not be as new as that. */
const lookAtMarketMs = 100;
const drainDeadlineMs = 1500;
const heardDeadlineMs = 1500;
const comparisonTimes = { settleMs: 2500, deadlineMs: 4000 };
const reopenAfterMs = 50;
