import { canonicalJson } from '../../core/base/canonical-json.ts';
import { causeText } from '../../wire/holdfast-error.ts';
import { onlyGroup } from '../choose-group.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { readKnowledge, readOutlooks } from '../read-knowledge.ts';
import type { Knowledge, Outlook } from '../view/knowledge.ts';
import { statusScreen } from '../view/status-screen.ts';
import { parseStatus } from '../view/status-view.ts';
import { elapsedText } from '../view/time-text.ts';
import { type StatusOptions, staleness, summaryOf } from './status.ts';

const outlookEveryMs = 5000;
const starredForMs = 5000;
const tickMs = 1000;

/**
 * Follows the status stream until Ctrl-C (0) or until nothing fresh came for `maxAgeMs` (5). On a terminal the screen is drawn
 * anew with every event, and the last one stays; otherwise one JSON line is written per change.
 */
export async function watchCommand(context: CommandContext, options: StatusOptions): Promise<CommandOutcome> {
  const watch = new Watch(context, options, await readKnowledge(context.session.controllers, context.group));
  return watch.run();
}

class Watch {
  readonly #context: CommandContext;
  readonly #options: StatusOptions;
  readonly #stars = new Stars();
  #knowledge: Knowledge;
  #outlooks: Readonly<Record<string, Outlook>>;
  #outlooksAt: number;
  #asking = false;
  #heardAt = performance.now();
  #gap: string | null = null;
  #told = '';

  constructor(context: CommandContext, options: StatusOptions, first: Knowledge) {
    this.#context = context;
    this.#options = options;
    this.#knowledge = first;
    this.#outlooks = first.outlooks;
    this.#outlooksAt = performance.now();
  }

  async run(): Promise<CommandOutcome> {
    const { controllers } = this.#context.session;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#context.signal]);
    const { promise: stale, resolve: foundStale } = Promise.withResolvers<ExitCode>();
    this.#show();
    const timer = setInterval(() => {
      if (this.#staleMs() !== null) return foundStale(exitCodes.unknown);
      if (this.#context.terminal.redraws) this.#show();
    }, tickMs);
    const following = controllers
      .follow({
        signal,
        onEvent: (event) => {
          this.#heardAt = performance.now();
          this.#gap = null;
          if (event.event === 'status') this.#take(event.status);
        },
        onGap: (reason) => {
          this.#gap = reason;
        },
      })
      .then(() => exitCodes.ok);
    const exitCode = await Promise.race([stale, following]);
    clearInterval(timer);
    stop.abort();
    const staleMs = this.#staleMs();
    if (exitCode === exitCodes.ok || staleMs === null) return { exitCode: exitCodes.ok, text: '', json: null };
    const line = `STALE   HF-8009 nothing fresh for ${elapsedText(staleMs)}${this.#gap === null ? '' : `: ${this.#gap}`}`;
    return {
      exitCode,
      text: this.#piped ? '' : `${line}\n`,
      json: this.#piped
        ? { stale: true, ageMs: Math.round(Math.min(staleMs, 1e12)), reason: this.#gap, exitCode }
        : null,
    };
  }

  get #piped(): boolean {
    return this.#context.json || !this.#context.terminal.redraws;
  }

  #take(raw: Knowledge['raw']): void {
    const status = onlyGroup(parseStatus(raw), this.#context.group);
    this.#knowledge = { ...this.#knowledge, status, raw, receivedMsAgo: 0, outlooks: this.#outlooks };
    this.#show();
    if (performance.now() - this.#outlooksAt > outlookEveryMs) void this.#refreshOutlooks();
  }

  async #refreshOutlooks(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.#outlooks = await readOutlooks(this.#context.session.controllers, this.#knowledge.status);
    } catch (cause) {
      const why = causeText(cause).split('\n')[0] ?? 'no answer';
      this.#outlooks = Object.fromEntries(
        this.#knowledge.status.groups.map(({ group }) => [group, { kind: 'not-asked', why }]),
      );
    } finally {
      this.#outlooksAt = performance.now();
      this.#asking = false;
    }
  }

  #staleMs(): number | null {
    return staleness({ ...this.#knowledge, receivedMsAgo: performance.now() - this.#heardAt }, this.#options.maxAgeMs);
  }

  #show(): void {
    const { terminal } = this.#context;
    const knowledge = { ...this.#knowledge, receivedMsAgo: performance.now() - this.#heardAt };
    const summary = summaryOf(knowledge);
    if (this.#piped) {
      const told = canonicalJson(summary);
      if (told === this.#told) return;
      this.#told = told;
      terminal.out(`${JSON.stringify({ at: new Date(knowledge.status.at).toISOString(), ...summary })}\n`);
      return;
    }
    const lines = statusScreen(knowledge, {
      columns: Math.max(80, terminal.columns),
      lines: Math.max(24, terminal.lines) - 1,
      changed: this.#stars.see(summary, performance.now()),
    });
    terminal.out(`\u001b[H\u001b[J${lines.join('\n')}\n`);
  }
}

/** Remembers which cells changed a moment ago. */
class Stars {
  readonly #cells = new Map<string, { readonly value: string; readonly changedAt: number | null }>();

  see(summary: ReturnType<typeof summaryOf>, nowMs: number): ReadonlySet<string> {
    for (const group of summary.groups) {
      for (const [site, state] of Object.entries(group.sites)) this.#cell(`${site} state`, state, nowMs);
      for (const site of Object.keys(group.sites)) this.#cell(`${site} role`, String(site === group.activeSite), nowMs);
      for (const [component, holder] of Object.entries(group.holders))
        this.#cell(`${component} holder`, holder ?? '', nowMs);
    }
    const recent = [...this.#cells].filter(
      ([, cell]) => cell.changedAt !== null && nowMs - cell.changedAt < starredForMs,
    );
    return new Set(recent.map(([name]) => name));
  }

  #cell(name: string, value: string, nowMs: number): void {
    const before = this.#cells.get(name);
    if (before === undefined) this.#cells.set(name, { value, changedAt: null });
    else if (before.value !== value) this.#cells.set(name, { value, changedAt: nowMs });
  }
}
