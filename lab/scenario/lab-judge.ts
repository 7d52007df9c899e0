import type { ComponentId } from '../../src/core/base/ids.ts';
import type { Condition } from '../../src/core/drill/condition.ts';
import { labFaults } from '../cli.ts';
import { lossesOf } from '../demo/assemble-report.ts';
import type { FlowReport, Platform, Verification } from '../demo/platform.ts';
import type { GroupView } from '../demo/status-view.ts';
import { performed, readEvidence, stopsOf } from '../evidence-look.ts';
import { messageOf } from '../lab-error.ts';
import { leaseBoundMs, outageLimitMs, paced } from './pace.ts';
import type { LineVerdict } from './play-result.ts';
import { lookFor, type StatusCondition, type Steady, steadyOf } from './status-condition.ts';
import type { Story } from './story.ts';

export interface Judged {
  readonly verdict: Exclude<LineVerdict, 'done'>;
  readonly found: string;
}

export interface Counted extends Judged {
  readonly counted: Verification | null;
}

/** A look costs the leading controller some milliseconds, also while it is taking over. */
const LOOK_EVERY_MS = 200;
/** Clients send a new order and a cancel at least this often. */
const PASSING_WITHIN_MS = 1500;
/** After an outage the order flow needs a second of successes to call it over. */
const SETTLED_FLOW_WITHIN_MS = 30_000;
const CALM = 'calm';
const HURT = 'hurt';

/** Says whether a condition holds in a lab, from what its controllers, its clients, its ledgers and its evidence say. */
export class LabJudge {
  readonly #platform: Platform;
  readonly #pace: number;
  readonly #story: Story;
  #steady: Steady = { epoch: 0, holders: new Map() };
  #seen: GroupView | null = null;
  #hurt = false;
  /** Of this process's clock: what a controller said before then may be of a time when nothing had happened yet. */
  #knownFrom = 0;
  /** Faults that wait for their step, and restarts under way: what the lab's own list of faults does not have. */
  othersPending: () => number = () => 0;
  /** The last count, as long as nothing was done since; null = none. */
  lastCount: Counted | null = null;
  /** Code of the last answer to a person; null = it was no refusal, or nobody asked. */
  refusal: string | null = null;

  constructor(platform: Platform, pace: number, story: Story) {
    this.#platform = platform;
    this.#pace = pace;
    this.#story = story;
  }

  /** The firm as it is now is what "moved" and "take-over" are counted from. */
  async begin(): Promise<void> {
    const group = await this.#platform.group();
    this.#seen = group;
    this.#steady = steadyOf(group, this.#platform.topology);
    await this.#platform.mark(CALM);
    this.#story.begin(group);
  }

  /** What is so now, a controller knows after the next report, and we after the next look. */
  get knownWithinMs(): number {
    return 2 * this.#platform.topology.timing.reportEveryMs;
  }

  /** Something was done, or ended by itself: what is known of the firm is of before. */
  disturbed(): void {
    this.#knownFrom = performance.now() + this.knownWithinMs;
  }

  /** A fault is in force. The outage is measured from the first one on. */
  async hurt(): Promise<void> {
    this.disturbed();
    if (this.#hurt) return;
    this.#hurt = true;
    await this.#platform.mark(HURT);
  }

  /** What was seen last; null = nothing yet. */
  get seen(): GroupView | null {
    return this.#seen;
  }

  /** Null: no controller told its status. */
  async look(): Promise<GroupView | null> {
    const group = await this.#platform.groupOfLeader().catch(() => null);
    if (group !== null) {
      this.#seen = group;
      this.#story.look(group);
    }
    return group;
  }

  /** Lets time pass, and tells what changes meanwhile. */
  async pass(ms: number): Promise<void> {
    await this.#until(performance.now() + ms, async () => {
      await this.look();
      return null;
    });
  }

  /** Holds as soon as it does; what does not hold within so long has failed. */
  async judge(condition: Condition, withinMs: number): Promise<Judged> {
    const deadline = performance.now() + withinMs;
    switch (condition.kind) {
      case 'refused':
        return judged(this.refusal === condition.code, this.refusal ?? 'nobody was refused');
      case 'faults-over':
        return this.#faultsOver(deadline);
      case 'passing':
        return this.#passing(condition, deadline);
      case 'outage-below':
        return this.#outageBelow(condition.ms);
      case 'nothing-lost':
        return this.nothingLost();
      case 'stopped-first':
        return this.#stoppedFirst(condition.component, deadline);
      default:
        return this.#status(condition, deadline);
    }
  }

  /** What the order flow measured since the first fault; null = nothing was hurt, or it does not answer. */
  async outageMs(): Promise<number | null> {
    if (!this.#hurt) return null;
    return this.#platform.flow(HURT).then(
      ({ outageMs }) => outageMs,
      () => null,
    );
  }

  async nothingLost(): Promise<Counted> {
    this.lastCount = await this.#count();
    return this.lastCount;
  }

  async #count(): Promise<Counted> {
    try {
      const counted = await this.#platform.verify();
      const { verdict, reasons, ordersAcked, commitsAcked, staleWritesAccepted } = counted;
      const wrong = [...reasons, ...lossesOf(counted).map((loss) => `${loss.of} ${loss.how}: ${loss.id}`)];
      const found = `${ordersAcked ?? '?'} orders and ${commitsAcked ?? '?'} commits counted both ways: ${verdict}${wrong.length === 0 ? '' : `, ${wrong.length} wrong: ${wrong.slice(0, 5).join('; ')}`}; stale writes accepted: ${staleWritesAccepted ?? '?'}`;
      return { verdict: VERDICTS[verdict], found, counted };
    } catch (error) {
      return { verdict: 'inconclusive', found: messageOf(error), counted: null };
    }
  }

  async #status(condition: StatusCondition, deadline: number): Promise<Judged> {
    const { topology } = this.#platform;
    const standing = STANDING.includes(condition.kind);
    const clientsKnow = condition.kind === 'served' || condition.kind === 'whole' ? this.#served() : null;
    let found: string | null = null;
    const held = await this.#until(deadline, async () => {
      const asked = performance.now();
      const group = await this.look();
      if (group === null) return null;
      const finding = lookFor(condition, group, { topology, steady: this.#steady });
      const lacking = finding.holds && clientsKnow !== null ? await clientsKnow(group) : null;
      found = lacking ?? finding.found;
      if (standing && asked < this.#knownFrom) return null;
      return finding.holds && lacking === null ? finding.found : null;
    });
    if (held !== null) return { verdict: 'held', found: held };
    return found === null
      ? { verdict: 'inconclusive', found: 'no controller told its status' }
      : { verdict: 'failed', found };
  }

  /** Whether clients are served is for them to say: what they were told since the look before; null = of orders and of commits. */
  #served(): (group: GroupView) => Promise<string | null> {
    let before: FlowReport | null = null;
    return async ({ record }) => {
      if (Object.values(record?.grants ?? {}).some(({ mode }) => mode.kind === 'halted')) return null;
      const [last, now] = [before, await this.#flow()];
      before = now;
      if (last === null) return 'clients are asked at the next look';
      if (acknowledgedOrders(now) === acknowledgedOrders(last))
        return 'clients were told of no new order since the last look';
      return now.commitsAcked === last.commitsAcked ? 'clients were told of no commit since the last look' : null;
    };
  }

  async #faultsOver(deadline: number): Promise<Judged> {
    let found = 'the lab does not answer';
    const held = await this.#until(deadline, async () => {
      await this.look();
      const left = (await labFaults(this.#platform.lab)).length + this.othersPending();
      found = left === 0 ? 'none is left' : `${left} in force or under way`;
      return left === 0 ? found : null;
    });
    if (held !== null) this.disturbed();
    return judged(held !== null, found);
  }

  /** One window of `PASSING_WITHIN_MS` after the other, until one is as it should be. */
  async #passing({ what, passing }: Extract<Condition, { kind: 'passing' }>, deadline: number): Promise<Judged> {
    const windowMs = paced(PASSING_WITHIN_MS, this.#pace);
    for (;;) {
      const before = await this.#flowCounts();
      let sent = 0;
      const acknowledged = await this.#until(performance.now() + windowMs, async () => {
        await this.look();
        const now = await this.#flowCounts();
        sent = now[what].sent - before[what].sent;
        return now[what].acked > before[what].acked ? true : null;
      });
      if ((acknowledged !== null) === passing)
        return {
          verdict: 'held',
          found: passing ? 'one was acknowledged' : `none was acknowledged for ${windowMs} ms`,
        };
      if (performance.now() < deadline) continue;
      if (passing && sent === 0) return { verdict: 'inconclusive', found: `no ${what} were sent for ${windowMs} ms` };
      return {
        verdict: 'failed',
        found: passing ? `none of ${sent} was acknowledged for ${windowMs} ms` : 'one was acknowledged',
      };
    }
  }

  #flow(): Promise<FlowReport> {
    return this.#platform.flow(this.#hurt ? HURT : CALM);
  }

  async #flowCounts() {
    const flow = await this.#flow();
    const { cancelsSent, cancelsAcked } = flow;
    return {
      orders: { sent: flow.ordersSent - cancelsSent, acked: acknowledgedOrders(flow) },
      cancels: { sent: cancelsSent, acked: cancelsAcked },
    };
  }

  async #outageBelow(ms: number): Promise<Judged> {
    if (!this.#hurt) return { verdict: 'inconclusive', found: 'nothing was broken, so nothing was measured' };
    const limitMs = outageLimitMs(ms, this.#pace, leaseBoundMs(this.#platform.topology));
    const flow = await this.#platform.settledFlow(HURT, SETTLED_FLOW_WITHIN_MS);
    const { outageMs, state, lastSuccessAt, resolution } = flow;
    const limits = `the file says ${ms} ms, in this lab ${limitMs} ms`;
    if (outageMs === null) {
      const sinceMs = state === 'ongoing' && lastSuccessAt !== null ? Date.now() - Date.parse(lastSuccessAt) : null;
      if (sinceMs !== null && sinceMs >= limitMs)
        return { verdict: 'failed', found: `none was acknowledged since ${lastSuccessAt}; ${limits}` };
      return { verdict: 'inconclusive', found: `not measured: ${state}; ${limits}` };
    }
    const found = `${Math.round(outageMs)} ms (${Math.round(resolution.atEdgesMs)} ms of it may be the sender's own); ${limits}`;
    if (outageMs < limitMs) return { verdict: 'held', found };
    return { verdict: outageMs - resolution.atEdgesMs < limitMs ? 'inconclusive' : 'failed', found };
  }

  /** On one machine all monotonic clocks are the same one. */
  async #stoppedFirst(component: ComponentId, deadline: number): Promise<Judged> {
    const { topology, context } = this.#platform;
    const old = this.#steady.holders.get(component) ?? null;
    let found = 'the evidence does not say yet that the one stopped and another one was promoted';
    const order = await this.#until(deadline, async () => {
      const group = await this.look();
      const now = group?.record?.grants[component]?.holder ?? null;
      if (old === null || now === null || now === old) {
        found = `${now ?? 'nobody'} holds it`;
        return null;
      }
      const evidence = readEvidence(context.directory, topology);
      const promotedAt = performed(evidence).findLast(
        ({ instance, order: ordered }) => instance === now && ordered === 'promote',
      )?.monoMs;
      // Its agent's decision to end it is not its end.
      const stops = stopsOf(evidence, old).filter(({ how }) => how !== 'self-fenced');
      if (promotedAt === undefined || stops.length === 0) return null;
      const before = stops.find(({ monoMs }) => monoMs < promotedAt);
      return before === undefined
        ? {
            holds: false,
            found: `${old} stopped ${Math.round(stops[0]!.monoMs - promotedAt)} ms after ${now} was promoted`,
          }
        : {
            holds: true,
            found: `${old} stopped (${before.how}) ${Math.round(promotedAt - before.monoMs)} ms before ${now} was promoted`,
          };
    });
    return order === null ? { verdict: 'inconclusive', found } : judged(order.holds, order.found);
  }

  /** What `look` finds first, or null at the deadline; it looks at least once. */
  async #until<Value>(deadline: number, look: () => Promise<Value | null>): Promise<Value | null> {
    for (;;) {
      const found = await look();
      if (found !== null) return found;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return null;
      await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_EVERY_MS, leftMs)));
    }
  }
}

/** These hold while nothing happens, so that what was reported before a fault says nothing about it. */
const STANDING: readonly StatusCondition['kind'][] = ['served', 'whole', 'nothing-wrong'];

/** Replaces included, cancels not. */
const acknowledgedOrders = ({ ordersAcked, cancelsAcked }: FlowReport): number => ordersAcked - cancelsAcked;

const judged = (holds: boolean, found: string): Judged => ({ verdict: holds ? 'held' : 'failed', found });

const VERDICTS = { met: 'held', missed: 'failed', inconclusive: 'inconclusive' } as const satisfies Record<
  Verification['verdict'],
  LineVerdict
>;
