import { availableParallelism } from 'node:os';
import { actsFor, playUncounted, settle } from '../lab/demo/acts.ts';
import type { Platform } from '../lab/demo/platform.ts';
import { EvidenceWatch, type NearMiss, type Suspicion } from './wrong-failovers-evidence.ts';
import { type FreezeSeen, judge, type RunSeen } from './wrong-failovers-judge.ts';
import type { Nearness, Outcome, Withdrawn } from './wrong-failovers-outcome.ts';
import { type Delays, Surroundings } from './wrong-failovers-surroundings.ts';

const GOAL_MS = 600;
const LOOKS_EVERY_MS = 1000;
const USAGE_EVERY_MS = 60_000;
/** An hour of a thousand orders a second takes minutes to compare. */
const COUNTED_WITHIN_MS = 900_000;
/** Beyond the time that was asked for: what runs while it ends. */
const SURPLUS_S = 600;
/** Of what led to a run, this much is shown. */
const LED_TO_IT_MS = 1500;
/** Evidence is written after what it speaks of. */
const WRITTEN_WITHIN_MS = 250;

/** Watches a platform that runs, under load, for so long, and freezes its engine now and then. */
export async function observe(options: {
  readonly platform: Platform;
  readonly minutes: number;
  readonly load: number;
  readonly freezes: number;
  readonly say: (line: string) => void;
}): Promise<Outcome> {
  const { minutes, load } = options;
  const surroundings = new Surroundings({ load, deadlineS: minutes * 60 + SURPLUS_S });
  try {
    return await new Watch(options, surroundings).all();
  } finally {
    surroundings.close();
  }
}

class Watch {
  readonly #options: Parameters<typeof observe>[0];
  readonly #platform: Platform;
  readonly #surroundings: Surroundings;
  readonly #evidence: EvidenceWatch;
  readonly #begunAt = performance.now();
  readonly #freezes: FreezeSeen[] = [];
  readonly #told = new Set<string>();
  readonly #nearest = new Map<string, Nearness>();
  readonly #problems: string[] = [];
  readonly #usage = new Usage();
  #delays: Delays = { busyNotRunMs: 0, lateMs: 0, firstLateMs: 0 };
  #steadyPauseMs: number | null = null;
  #usageAt = 0;
  #leaseBoundMs = 0;

  constructor(options: Parameters<typeof observe>[0], surroundings: Surroundings) {
    this.#options = options;
    this.#platform = options.platform;
    this.#surroundings = surroundings;
    const { directory, topology } = options.platform.context;
    this.#evidence = new EvidenceWatch(directory.evidenceChains(topology), Date.now());
  }

  async all(): Promise<Outcome> {
    const { minutes, freezes, say } = this.#options;
    const first = await this.#platform.until('there is a record', ({ record }) => (record ? null : 'none'), 10_000);
    this.#leaseBoundMs = first.leaseBoundMs;
    const epochFrom = first.record!.epoch;
    const everyMs = (minutes * 60_000) / Math.max(1, freezes);
    await this.#platform.mark('steady');
    for (let n = 1; n <= freezes; n += 1) {
      await this.#steadyUntil((n - 0.5) * everyMs);
      await this.#freeze(n);
    }
    await this.#steadyUntil(minutes * 60_000);
    await this.#noteSteady();
    const lastedMs = performance.now() - this.#begunAt;
    const last = await this.#platform
      .until('there is a record', ({ record }) => (record ? null : 'none'), 30_000)
      .catch((error: unknown) => void this.#problems.push(`the last look: ${textOf(error)}`));
    this.#look();
    await this.#measureUsage();
    const cpu = this.#usage.shares(this.#surroundings.busyCpuMs, lastedMs);
    const ended = this.#surroundings.ended;
    this.#surroundings.close();
    say('comparing ledgers and platform');
    const counted = await this.#count();
    const judged = judge({
      runs: this.#evidence.runs,
      freezes: this.#freezes,
      standstills: this.#surroundings.standstills,
      epochFrom,
      epochTo: last?.record?.epoch ?? epochFrom,
      goalMs: GOAL_MS,
      stops: this.#surroundings.stopped,
    });
    const { wrong, verdict } = judged;
    const lost = counted.startsWith('missed');
    const { stopped } = this.#surroundings;
    if (stopped > 0)
      this.#problems.push(`watchers were stopped and continued ${stopped} times: nobody saw what happened meanwhile`);
    const blind = last === undefined || ended > 0;
    return {
      verdict: lost ? 'missed' : blind && verdict === 'met' ? 'inconclusive' : verdict,
      minutes: lastedMs / 60_000,
      load: this.#options.load,
      processors: availableParallelism(),
      privileged: process.getuid?.() === 0,
      goalMs: GOAL_MS,
      leaseBoundMs: this.#leaseBoundMs,
      wrong: wrong.map((each) => ({ ...each, recorded: each.run === null ? [] : this.#ledTo(each.run) })),
      freezes: judged.freezes,
      runs: this.#evidence.runs,
      withdrawn: summed(this.#evidence.allSuspicions.filter((each) => this.#outside(each.fromMs))),
      nearest: [...this.#nearest.values()].toSorted((a, b) => b.gapMs / b.boundMs - a.gapMs / a.boundMs).slice(0, 5),
      byThemselves: counts(this.#evidence.nearMisses.filter(({ atMs }) => this.#outside(atMs))),
      steadyPauseMs: this.#steadyPauseMs,
      delays: this.#delays,
      standstills: this.#surroundings.standstills,
      cpu,
      busyEnded: ended,
      counted,
      problems: this.#problems,
    };
  }

  /** Until so long after the beginning; looks all the time. */
  async #steadyUntil(afterMs: number): Promise<void> {
    for (;;) {
      const leftMs = this.#begunAt + afterMs - performance.now();
      this.#look();
      await this.#noteNearest();
      if (performance.now() - this.#usageAt > USAGE_EVERY_MS) await this.#measureUsage();
      if (leftMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(LOOKS_EVERY_MS, leftMs)));
    }
  }

  /** Reads on, and says at once what nobody asked for. */
  #look(): void {
    this.#evidence.read();
    const { busyNotRunMs, lateMs, firstLateMs } = this.#surroundings.takeDelays();
    this.#delays = {
      busyNotRunMs: Math.max(this.#delays.busyNotRunMs, busyNotRunMs),
      lateMs: Math.max(this.#delays.lateMs, lateMs),
      firstLateMs: Math.max(this.#delays.firstLateMs, firstLateMs),
    };
    for (const run of this.#evidence.runs) {
      if (this.#told.has(run.run)) continue;
      this.#told.add(run.run);
      if (!this.#outside(run.openedAtMs)) continue;
      this.#options.say(`WRONG ${run.run}: ${run.trigger}, and nothing was broken`);
      for (const line of this.#ledTo(run)) this.#options.say(`  ${line}`);
    }
  }

  #ledTo = (run: RunSeen): readonly string[] =>
    this.#evidence.recorded(run.detectedAtMs - LED_TO_IT_MS, run.openedAtMs + WRITTEN_WITHIN_MS);

  #outside = (atMs: number): boolean =>
    !this.#freezes.some((freeze) => atMs >= freeze.atMs && atMs <= freeze.settledAtMs);

  async #freeze(n: number): Promise<void> {
    const { say } = this.#options;
    const name = `freeze-${n}`;
    await this.#noteSteady();
    const act = actsFor(this.#platform).find((each) => each.name === 'engine-freeze')!;
    let instance = '';
    let atMs: number | null = null;
    let outageMs: number | null = null;
    let problem: string | null = null;
    try {
      const { flow } = await playUncounted(
        this.#platform,
        {
          ...act,
          perform: async (group) => {
            const done = await act.perform(group);
            instance = done.what.split(' ')[0]!;
            atMs = done.brokenAtMs;
            return done;
          },
        },
        () => {},
      );
      outageMs = flow.outageMs;
    } catch (error) {
      problem = textOf(error);
      if (atMs !== null) outageMs = (await this.#platform.flow(act.name).catch(() => null))?.outageMs ?? null;
      await settle(this.#platform, () => {}).catch(() => {});
    }
    this.#freezes.push({
      name,
      instance,
      atMs: atMs ?? Date.now(),
      settledAtMs: Date.now(),
      outageMs,
      problem: atMs === null ? `could not be planted: ${problem}` : problem,
    });
    say(`${name} ${instance}: ${outageMs ?? '?'} ms${problem === null ? '' : ` (${problem})`}`);
    await this.#platform.mark('steady').catch((error: unknown) => void this.#problems.push(textOf(error)));
  }

  async #noteSteady(): Promise<void> {
    const flow = await this.#platform.flow('steady').catch(() => null);
    if (flow?.outageMs != null) this.#steadyPauseMs = Math.max(this.#steadyPauseMs ?? 0, flow.outageMs);
  }

  /** An agent says with each report how near its instance came to being called silent. */
  async #noteNearest(): Promise<void> {
    const group = await this.#platform.group().catch(() => null);
    for (const { instance, observation } of group?.instances ?? []) {
      const { longestGapMs, silenceBoundMs } = observation?.figures ?? {};
      if (longestGapMs === undefined || silenceBoundMs === undefined) continue;
      const known = this.#nearest.get(instance);
      if (known === undefined || longestGapMs / silenceBoundMs > known.gapMs / known.boundMs)
        this.#nearest.set(instance, { instance, gapMs: longestGapMs, boundMs: silenceBoundMs });
    }
  }

  async #measureUsage(): Promise<void> {
    this.#usageAt = performance.now();
    const usage = await this.#platform.usage().catch(() => null);
    if (usage !== null) this.#usage.add(usage.processes);
  }

  async #count(): Promise<string> {
    try {
      const { verdict, reasons, ordersAcked, commitsAcked } = await this.#platform.verify(COUNTED_WITHIN_MS);
      return `${verdict}, ${ordersAcked} orders and ${commitsAcked} commits${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`;
    } catch (error) {
      return `not done: ${textOf(error)}`;
    }
  }
}

/** Processor time by name, over processes that come and go. */
class Usage {
  readonly #last = new Map<string, number>();
  readonly #sums = new Map<string, number>();
  #began = false;

  add(processes: readonly { readonly name: string; readonly cpuMs: number }[]): void {
    for (const { name, cpuMs } of processes) {
      const before = this.#last.get(name) ?? (this.#began ? 0 : cpuMs);
      // One that was started anew begins at nothing.
      const since = cpuMs >= before ? cpuMs - before : cpuMs;
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + since);
      this.#last.set(name, cpuMs);
    }
    this.#began = true;
  }

  shares(busyCpuMs: number, lastedMs: number): { readonly who: string; readonly share: number }[] {
    const all = [...this.#sums].map(([who, ms]) => ({ who, share: ms / lastedMs }));
    const labShare = all.reduce((sum, { share }) => sum + share, 0);
    return [
      { who: 'busy processes', share: busyCpuMs / lastedMs },
      { who: 'lab', share: labShare },
      ...all.toSorted((a, b) => b.share - a.share).slice(0, 6),
    ];
  }
}

const counts = (nearMisses: readonly NearMiss[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...Map.groupBy(nearMisses, ({ kind }) => kind)].map(([kind, all]) => [kind, all.length]));

function summed(suspicions: readonly Suspicion[]): Withdrawn[] {
  const lasted = ({ fromMs, untilMs }: Suspicion) => (untilMs ?? Date.now()) - fromMs;
  return [...Map.groupBy(suspicions, ({ about }) => about)].map(([about, all]) => {
    const longest = all.toSorted((a, b) => lasted(b) - lasted(a))[0]!;
    return { kind: longest.kind, about, count: all.length, longestMs: lasted(longest), summary: longest.summary };
  });
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
