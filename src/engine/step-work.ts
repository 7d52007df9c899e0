import type { FencingProof } from '../core/authority/fencing-proof.ts';
import type { Epoch, GroupId, HostId, RunId, StepId, Term } from '../core/base/ids.ts';
import type { Command, CommandOutcome } from './messages.ts';
import type { StepOrder } from './step-order.ts';

/** `absent`: the target offers no such action; that is certain, and nothing was done. */
type TargetState = 'idle' | 'asked' | 'confirming' | 'done' | 'refused' | 'absent';

interface Target {
  order: StepOrder;
  state: TargetState;
  attempt: number;
  askedAt: number;
  retryAt: number;
  /** An attempt has ended without success: certain or not. */
  tried: boolean;
  proof: FencingProof | null;
  note: string;
}

export interface StepContext {
  readonly group: GroupId;
  readonly run: RunId;
  readonly step: StepId;
  readonly term: Term;
  readonly epoch: Epoch;
}

const ANSWER_WITHIN_MS = 1500;
const RETRY_AFTER_MS = 60;

const isUnproved = ({ awaited }: StepOrder, state: TargetState): string =>
  awaited === undefined || state === 'done' ? '' : 'unproved, ';

const inWords = ({ order, note, state }: Target): string =>
  `${order.target}: ${isUnproved(order, state)}${note || state}`;

const isAction = ({ order }: StepOrder): boolean => order.kind === 'perform' && order.action.kind === 'act';

/**
 * The orders of the step that is being worked on. An order without an answer is unknown: it is confirmed before it is
 * repeated, where it can be. A repeat carries the same key, so its target does nothing twice.
 */
export class StepWork {
  readonly context: StepContext;
  readonly startedAt: number;
  readonly #targets = new Map<string, Target>();
  /** True when an earlier leader began this step: everything that it asked is unknown. */
  readonly #resumed: boolean;
  #failures = 0;

  constructor(context: StepContext, startedAt: number, resumed: boolean) {
    this.context = context;
    this.startedAt = startedAt;
    this.#resumed = resumed;
  }

  get proofs(): readonly FencingProof[] {
    return [...this.#targets.values()].flatMap((target) => (target.proof ? [target.proof] : []));
  }

  get notes(): string {
    return [...this.#targets.values()].map(inWords).join('; ');
  }

  /** What was tried, waited for, and has not succeeded, with why. */
  get unproved(): readonly string[] {
    return [...this.#targets.values()].filter(({ order, state }) => isUnproved(order, state) !== '').map(inWords);
  }

  get refused(): boolean {
    return [...this.#targets.values()].some((target) => target.state === 'refused' && target.order.required);
  }

  /** Every order that must be done is done. */
  doneWith(orders: readonly StepOrder[]): boolean {
    const oneOf = Map.groupBy(orders, (order) => order.oneOf);
    oneOf.delete(undefined);
    return (
      orders.every((order) => !order.required || this.#ended(order)) &&
      orders.every((order) => !order.awaited || this.#ended(order) || this.#targets.get(order.target)?.tried) &&
      [...oneOf.values()].every((some) => some.some((order) => this.#ended(order)))
    );
  }

  #ended({ target }: StepOrder): boolean {
    const { state } = this.#targets.get(target) ?? {};
    return state === 'done' || state === 'absent';
  }

  /** Nobody who was asked has such an action. */
  absentWith(orders: readonly StepOrder[]): boolean {
    return orders.every((order) => this.#targets.get(order.target)?.state === 'absent');
  }

  /** What to send now so that these orders get done. */
  next(orders: readonly StepOrder[], now: number): readonly { readonly host: HostId; readonly command: Command }[] {
    const sending: { host: HostId; command: Command }[] = [];
    for (const order of orders) {
      let target = this.#targets.get(order.target);
      if (!target) {
        if (order.inSequence && !this.#earlierDone(orders, order)) break;
        target = {
          order,
          state: this.#resumed && order.confirm ? 'confirming' : 'idle',
          attempt: 0,
          askedAt: Number.NEGATIVE_INFINITY,
          retryAt: now,
          tried: false,
          proof: null,
          note: '',
        };
        this.#targets.set(order.target, target);
      }
      target.order = order;
      if (target.state === 'asked' && now - target.askedAt > (order.answerWithinMs ?? ANSWER_WITHIN_MS)) {
        target.state = order.confirm ? 'confirming' : 'idle';
        target.note = 'no answer in time: unknown';
        target.tried = true;
        target.askedAt = Number.NEGATIVE_INFINITY;
        target.retryAt = now;
      }
      if (now < target.retryAt || (target.state === 'confirming' && now - target.askedAt <= ANSWER_WITHIN_MS)) continue;
      if (target.state === 'idle') sending.push({ host: order.host, command: this.#ask(target, now) });
      else if (target.state === 'confirming') sending.push({ host: order.host, command: this.#confirm(target, now) });
    }
    return sending;
  }

  #earlierDone(orders: readonly StepOrder[], order: StepOrder): boolean {
    return orders
      .slice(0, orders.indexOf(order))
      .every((earlier) => this.#targets.get(earlier.target)?.state === 'done');
  }

  #ask(target: Target, now: number): Command {
    target.state = 'asked';
    target.attempt += 1;
    target.askedAt = now;
    return this.#command(target, this.#key(target.order), target.order.order);
  }

  #confirm(target: Target, now: number): Command {
    const { confirm } = target.order;
    target.attempt += 1;
    target.askedAt = now;
    return this.#command(target, `${this.#key(target.order)}?${target.attempt}`, {
      kind: 'confirm',
      instance: confirm!.instance,
      condition: confirm!.condition,
    });
  }

  #command(target: Target, key: string, order: Command['order']): Command {
    const { group, run, step, term, epoch } = this.context;
    const deadlineMs = order.kind === 'perform' ? (target.order.answerWithinMs ?? ANSWER_WITHIN_MS) : ANSWER_WITHIN_MS;
    return { key, group, run, step, term, epoch, attempt: target.attempt, deadlineMs, order };
  }

  #key(order: StepOrder): string {
    return `${this.context.run}/${this.context.step}/${order.target}`;
  }

  answered({ key, outcome, proof }: CommandOutcome, now: number): void {
    const [base, confirmation] = key.split('?');
    const target = [...this.#targets.values()].find((each) => this.#key(each.order) === base);
    if (!target || target.state === 'done' || target.state === 'absent') return;
    // Agents answer every controller: somebody older asked for the same thing and was turned away. Ours is still under way.
    if (outcome.kind === 'refused' && outcome.code === 'stale-term') return;
    if (confirmation !== undefined) return this.#confirmed(target, outcome, now);
    switch (outcome.kind) {
      case 'ok':
        target.state = 'done';
        target.proof = proof;
        target.note = Object.entries(outcome.detail)
          .map(([name, value]) => `${name} ${value}`)
          .join(', ');
        return;
      case 'refused':
        // Its agent has not read the record of this run yet.
        target.tried ||= outcome.code !== 'no-grant';
        target.state = outcome.code === 'no-grant' ? 'idle' : 'refused';
        target.note = outcome.reason;
        target.retryAt = now + RETRY_AFTER_MS;
        return;
      case 'failed':
        if (outcome.code === 'unknown-method' && isAction(target.order)) {
          target.state = 'absent';
          target.note = outcome.reason;
          return;
        }
        this.#failures += 1;
        target.tried = true;
        target.state = 'idle';
        target.note = `${outcome.code}: ${outcome.reason}`;
        target.retryAt = now + RETRY_AFTER_MS * Math.min(8, this.#failures);
        return;
      case 'unknown':
        target.tried = true;
        target.state = target.order.confirm ? 'confirming' : 'idle';
        target.note = `unknown: ${outcome.reason}`;
        target.askedAt = Number.NEGATIVE_INFINITY;
        target.retryAt = now + RETRY_AFTER_MS;
    }
  }

  #confirmed(target: Target, outcome: CommandOutcome['outcome'], now: number): void {
    if (target.state !== 'confirming') return;
    if (outcome.kind === 'ok') {
      target.state = 'done';
      target.note = 'confirmed: it had been done';
      return;
    }
    if (outcome.kind === 'refused') {
      target.state = 'refused';
      target.note = outcome.reason;
      return;
    }
    target.state = outcome.kind === 'failed' ? 'idle' : 'confirming';
    target.askedAt = Number.NEGATIVE_INFINITY;
    target.retryAt = now + RETRY_AFTER_MS;
  }

  nextWakeAt(now: number): number {
    let wake = now + 200;
    for (const target of this.#targets.values())
      if (target.state === 'idle' || target.state === 'confirming')
        wake = Math.min(wake, Math.max(now + 5, target.retryAt));
    return wake;
  }
}
