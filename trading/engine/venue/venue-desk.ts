import type { InterlockStatus } from '../../control/contract.ts';
import type { WireReport } from '../../venue-protocol/answers.ts';
import type { OrderState } from '../order-state.ts';
import type { ItemSink } from '../release-queue.ts';
import type { Market } from './market.ts';
import type { FateProof, Takeover } from './takeover.ts';
import type { EngineVenueConfig } from './venue-config.ts';
import { type ReignHooks, VenuePost } from './venue-post.ts';
import type { VenueReport, VenueSession, VenueSessionEvents } from './venue-session.ts';

/** What a reign does with what its exchanges say. */
export interface VenueReign extends ReignHooks {
  readonly epoch: number;
  report(venue: VenuePost, report: VenueReport): void;
  refused(id: string, code: string): void;
  /** Lets out what may go. */
  release(): void;
}

export interface VenueDeskOptions {
  readonly configs: readonly EngineVenueConfig[];
  readonly open: (config: EngineVenueConfig, events: VenueSessionEvents) => VenueSession;
  readonly state: () => OrderState;
  readonly mayConnect: () => boolean;
  readonly onChanged: () => void;
  readonly onSuperseded: (epoch: number | null, venue: string) => void;
  readonly onWarning: (text: string) => void;
}

/** Of a symbol whose exchange was not looked up yet. */
const UNKNOWN = -2;

/** All exchanges of an engine: which symbol is traded where, their sessions, and whether new risk may go there. */
export class VenueDesk implements Market {
  readonly posts: readonly VenuePost[];
  readonly #options: VenueDeskOptions;
  readonly #byNumber: (VenuePost | undefined)[] = [];
  readonly #bySymbol = new Map<string, VenuePost>();
  readonly #others: VenuePost | null;
  #numbers = new Int16Array(256).fill(UNKNOWN);
  #reign: VenueReign | null = null;

  constructor(options: VenueDeskOptions) {
    this.#options = options;
    this.posts = options.configs.map((config) => {
      const post: VenuePost = new VenuePost(
        config,
        options.open(
          config,
          this.#eventsOf(() => post),
        ),
      );
      for (const symbol of config.symbols) this.#bySymbol.set(symbol, post);
      return post;
    });
    this.#others = this.posts.find(({ config }) => config.symbols.length === 0) ?? null;
  }

  /** Whether a reign may begin within milliseconds. Nothing while there is one. */
  expect(isNear: boolean): void {
    if (this.#reign !== null) return;
    for (const { session } of this.posts) {
      if (isNear) session.prepare();
      else session.stop();
    }
  }

  /** Called when the reign's numbers of the exchanges are in the journal. */
  begin(reign: VenueReign): void {
    this.#reign = reign;
    this.#byNumber.length = 0;
    this.#numbers.fill(UNKNOWN);
    for (const post of this.posts) {
      post.begin(reign.state.venues.numberOf(post.config.name));
      this.#byNumber[post.number] = post;
      post.session.start(reign.epoch);
    }
  }

  end(): void {
    const takeover = this.#reign?.takeover;
    // What is still in doubt is the next reign's; that it was is said.
    if (takeover?.unwritten === true) this.#keep(takeover);
    this.#reign = null;
    for (const post of this.posts) {
      post.session.stop();
      post.lost('the reign is over');
    }
  }

  tick(nowMs: number): void {
    for (const post of this.posts) post.tick(nowMs);
  }

  /** After each release: what is in doubt goes again as soon as it may. */
  advance(): void {
    const reign = this.#reign;
    if (reign === null) return;
    for (const post of this.posts) post.advance(reign);
  }

  /**
   * Nothing is to be waited for by a promotion: each exchange has answered, or waits for what replicas must confirm first. One that
   * cannot be reached does not hold up the others.
   */
  get decided(): boolean {
    const waiting = this.posts.filter((post) => !post.interlock.answeredAll && !post.waitsForRelease);
    if (waiting.length === 0) return true;
    return waiting.length < this.posts.length && waiting.every(({ hasFailed, session }) => hasFailed && !session.ready);
  }

  get settled(): boolean {
    return this.posts.every(({ interlock }) => interlock.clear);
  }

  /** For the status: all exchanges together. */
  get interlock(): InterlockStatus {
    const views = this.posts.map(({ config, interlock }) => ({ name: config.name, view: interlock.view }));
    const isOpen = views.every(({ view }) => view.state === 'open');
    const perSymbol: Record<string, string> = {};
    for (const { name, view } of views)
      for (const [symbol, why] of view.held)
        perSymbol[symbol === -1 ? `not known here, ${name}` : this.#options.state().name(symbol)] = why;
    return {
      state: isOpen ? 'open' : views.every(({ view }) => view.state === 'closed') ? 'closed' : 'settling',
      waitingFor: views.flatMap(({ name, view }) => view.waitingFor.map((what) => `${name}: ${what}`)),
      perSymbol,
    };
  }

  get ready(): boolean {
    return this.posts.every(({ session }) => session.ready);
  }

  get missed(): number {
    return this.posts.reduce((sum, { session }) => sum + session.missed, 0);
  }

  /** Where an order or request goes; null when its exchange is none of this engine's. */
  sinkOf(venue: number): ItemSink | null {
    return this.#byNumber[venue]?.session ?? null;
  }

  venueOf(symbol: number): number {
    if (symbol >= this.#numbers.length) this.#widen(symbol);
    const known = this.#numbers[symbol]!;
    if (known !== UNKNOWN) return known;
    const venue = this.venueOfName(this.#options.state().name(symbol));
    this.#numbers[symbol] = venue;
    return venue;
  }

  venueOfName(symbol: string): number {
    return (this.#bySymbol.get(symbol) ?? this.#others)?.number ?? -1;
  }

  refusal(venue: number, symbol: number): 'venue-unavailable' | 'not-settled' | null {
    const interlock = this.#byNumber[venue]?.interlock;
    if (interlock === undefined) return 'venue-unavailable';
    if (interlock.permits(symbol)) return null;
    return interlock.open ? 'not-settled' : 'venue-unavailable';
  }

  idBytes(venue: number): number {
    return this.#byNumber[venue]?.session.idBytes ?? 0;
  }

  symbolBytes(venue: number): number {
    return this.#byNumber[venue]?.session.symbolBytes ?? 0;
  }

  /** A report about this order or request was journalled. */
  reported(post: VenuePost, item: number, report: WireReport): void {
    const takeover = this.#reign?.takeover;
    if (takeover?.awaits(item) === true) {
      const by = post.session.ready ? 'report-after-resend' : 'missed-report';
      takeover.note(item, { by, report: report.n });
    }
    this.#settled(post, item);
  }

  /** It was settled without a report: by a refusal of the session, or by the engine itself. */
  settledBy(venue: number, item: number, proof: FateProof): void {
    const post = this.#byNumber[venue];
    this.#reign?.takeover.note(item, proof);
    if (post !== undefined) this.#settled(post, item);
  }

  #eventsOf(post: () => VenuePost): VenueSessionEvents {
    const { state, mayConnect, onChanged, onSuperseded } = this.#options;
    return {
      state,
      mayConnect,
      lastReport: () => state().venues.lastReport(post().number),
      onReport: (report) => this.#reign?.report(post(), report),
      onReady: (proof) => {
        post().ready(proof, this.#reign?.takeover ?? null);
        this.#reign?.release();
        onChanged();
      },
      onDown: (why) => {
        post().lost(why);
        onChanged();
      },
      onSuperseded: (epoch) => onSuperseded(epoch, post().config.name),
      onRefused: (id, code) => this.#reign?.refused(id, code),
      onAnswers: (answers) => {
        const reign = this.#reign;
        if (reign === null) return;
        post().answered(answers, reign.state, (symbol) => this.venueOf(symbol) === post().number);
        post().advance(reign);
        this.#settleIfClear(reign.takeover);
        onChanged();
      },
    };
  }

  #settled(post: VenuePost, item: number): void {
    const reign = this.#reign;
    if (reign === null || !post.settled(reign.state, item)) return;
    this.#settleIfClear(reign.takeover);
    if (post.interlock.answeredAll) this.#options.onChanged();
  }

  #settleIfClear(takeover: Takeover): void {
    if (takeover.settledAfterMs !== null || !this.settled) return;
    takeover.settle(() => this.#keep(takeover));
  }

  #keep(takeover: Takeover): void {
    takeover.keep().catch((error: Error) => this.#options.onWarning(`no report of the takeover: ${error.message}`));
  }

  #widen(symbol: number): void {
    const wider = new Int16Array(Math.max(symbol + 1, this.#numbers.length * 2)).fill(UNKNOWN);
    wider.set(this.#numbers);
    this.#numbers = wider;
  }
}
