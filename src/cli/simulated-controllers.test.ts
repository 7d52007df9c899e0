import type { Json } from '../core/base/canonical-json.ts';
import type { SiteId } from '../core/base/ids.ts';
import type { Person } from '../core/operator/operator-request.ts';
import { drawShape, type Shape } from '../sim/build-topology.ts';
import { FAULTS } from '../sim/faults.ts';
import { Random } from '../sim/random.ts';
import { World } from '../sim/world.ts';
import { HoldfastError } from '../wire/holdfast-error.ts';
import { loadRunbooks } from '../wire/load-runbooks.ts';
import type { ApiEvent, HistoryEntry, OperatorAnswer, OperatorRequest } from '../wire/operator-api.ts';
import type { CommandContext } from './command-context.ts';
import type { Controllers } from './connect/session.ts';
import type { Terminal } from './terminal.ts';

const runbooks = loadRunbooks();
const never = () => false;

/** The simulator's idea of UTC at its moment 0. */
const epochMs = 1_700_000_000_000;

/** Two serving sites and a witness, quick lease, with these differences. */
export function shapeWith(change: Partial<Shape>): Shape {
  const drawn = drawShape(new Random(7));
  return {
    ...drawn,
    servingSites: 2,
    enginesPerSite: 2,
    archive: true,
    sitePolicy: 'approval',
    instancePolicy: 'automatic',
    afterPeerLoss: 'degrade',
    coolDownMs: 20_000,
    maxRunsPerCoolDown: 6,
    rttMs: 8,
    plannedMove: { approval: false, ticket: false, noticeMs: 0, watchMs: 60_000, outsideMarketHours: false },
    ...change,
  };
}

/**
 * The operator API over a simulated firm: the real controllers answer, time passes only while somebody asks or follows, and
 * every status is a real projection.
 */
export class SimulatedFirm implements Controllers {
  readonly world: World;
  readonly names: readonly string[];
  person: Person = { name: 'ada', role: 'admin' };
  readonly asked: OperatorRequest[] = [];
  readonly #history: HistoryEntry[] = [];
  readonly #answers = new Map<number, OperatorAnswer>();
  readonly #tapped = new WeakSet<object>();
  #tickets = 1_000_000;

  /** Started, activated at the first site, serving, under load for `settleMs`. */
  constructor(options: { readonly seed?: number; readonly shape?: Partial<Shape>; readonly settleMs?: number } = {}) {
    this.world = new World({ seed: options.seed ?? 11, runbooks, shape: shapeWith(options.shape ?? {}) });
    this.names = this.world.controllers.map(({ site }) => site);
    const { authority } = this.world;
    const before = authority.onCommit;
    authority.onCommit = (changes, revision) => {
      for (const { key, value } of changes)
        if (!key.startsWith('lease/') && key !== 'leader-renewal')
          this.#history.push({
            number: this.#history.length + 1,
            at: Math.floor(this.nowMs),
            revision,
            key,
            value: (value ?? null) as Json,
          });
      before(changes, revision);
    };
    this.world.start();
    this.world.load(true);
    this.pass(options.settleMs ?? 6000);
  }

  get nowMs(): number {
    return epochMs + this.world.queue.now;
  }

  pass(ms: number): void {
    this.world.queue.runUntil(this.world.queue.now + ms, never);
  }

  /** Until it holds, in simulated time. */
  passUntil(what: string, holds: () => boolean, withinMs = 30_000): void {
    const until = this.world.queue.now + withinMs;
    while (!holds()) {
      if (this.world.queue.now >= until) throw new Error(`${what}: not within ${withinMs} simulated ms`);
      this.pass(50);
    }
  }

  /** The active site loses its power; returns what gives it back. */
  loseActiveSite(): () => void {
    return FAULTS['site power'](this.world) ?? (() => {});
  }

  async ask(
    request: OperatorRequest,
    options: { readonly deadlineMs?: number; readonly only?: string } = {},
  ): Promise<OperatorAnswer> {
    this.asked.push(request);
    const until = this.world.queue.now + (options.deadlineMs ?? 10_000);
    const read = ['status', 'runs', 'replication', 'rpo', 'network'].includes(request.kind);
    for (;;) {
      const running = this.world.controllers.filter((controller) => controller.running && controller.core !== null);
      const leading = running.filter((controller) => controller.leading);
      const named = running.filter(({ site }) => site === options.only);
      const target = options.only !== undefined ? named[0] : (leading[0] ?? (read ? running[0] : undefined));
      if (running.length === 0 || (options.only !== undefined && target === undefined)) throw nobody();
      if (target !== undefined) {
        const answer = this.#deliver(target.site, request, until);
        if (answer !== null) return answer;
        throw nobody();
      }
      if (this.world.queue.now >= until) return { kind: 'not-leading', leader: null };
      this.pass(100);
    }
  }

  #deliver(site: SiteId, request: OperatorRequest, until: number): OperatorAnswer | null {
    const controller = this.world.controllers.find((each) => each.site === site);
    const core = controller?.core;
    if (!controller || !core) return null;
    if (!this.#tapped.has(core)) {
      this.#tapped.add(core);
      const step = core.step.bind(core);
      core.step = (event, now, wall) => {
        const effects = step(event, now, wall);
        for (const effect of effects) if (effect.kind === 'answer') this.#answers.set(effect.ticket, effect.answer);
        return effects;
      };
    }
    this.#tickets += 1;
    const ticket = this.#tickets;
    controller.deliver({ kind: 'operator', request, person: this.person, ticket });
    this.world.queue.runUntil(until, () => this.#answers.has(ticket));
    return this.#answers.get(ticket) ?? null;
  }

  history(query: {
    readonly controller: string;
    readonly after?: number;
    readonly limit?: number;
    readonly prefix?: string;
  }): Promise<readonly HistoryEntry[]> {
    const { after = 0, limit = 500, prefix = '' } = query;
    const controller = this.world.controllers.find(({ site }) => site === query.controller);
    if (!controller?.running) return Promise.reject(nobody());
    return Promise.resolve(
      this.#history.filter(({ number, key }) => number > after && key.startsWith(prefix)).slice(0, limit),
    );
  }

  async follow(options: {
    readonly onEvent: (event: ApiEvent, controller: string) => void;
    readonly onGap?: (reason: string) => void;
    readonly signal: AbortSignal;
  }): Promise<void> {
    while (!options.signal.aborted) {
      this.pass(100);
      try {
        const answer = await this.ask({ kind: 'status' });
        if (answer.kind === 'ok')
          options.onEvent({ event: 'status', at: this.nowMs, status: answer.result }, 'somebody');
      } catch {
        options.onGap?.('nobody answers');
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): void {}
}

const nobody = () =>
  new HoldfastError({
    code: 'HF-3102',
    attempted: 'ask the controllers',
    found: 'none answered in time',
    next: 'check that a controller runs',
  });

/** A terminal that remembers, and answers what it is told to. */
export class FakeTerminal implements Terminal {
  readonly interactive: boolean;
  readonly redraws: boolean;
  readonly columns = 80;
  readonly lines = 24;
  output = '';
  errors = '';
  readonly questions: string[] = [];
  readonly #answers: (string | null)[];

  constructor(options: { readonly interactive?: boolean; readonly answers?: readonly (string | null)[] } = {}) {
    this.interactive = options.interactive ?? false;
    this.redraws = this.interactive;
    this.#answers = [...(options.answers ?? [])];
  }
  out(text: string): void {
    this.output += text;
  }
  err(text: string): void {
    this.errors += text;
  }
  ask(question: string): Promise<string | null> {
    this.questions.push(question);
    return Promise.resolve(this.#answers.shift() ?? null);
  }
}

export function contextOf(
  firm: SimulatedFirm,
  options: { readonly terminal?: Terminal; readonly json?: boolean; readonly signal?: AbortSignal } = {},
): CommandContext {
  return {
    session: { controllers: firm, person: firm.person, firm: 'simulated' },
    terminal: options.terminal ?? new FakeTerminal(),
    json: options.json ?? false,
    group: null,
    nowMs: () => firm.nowMs,
    signal: options.signal ?? new AbortController().signal,
  };
}
