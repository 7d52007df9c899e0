import type { GroupRecord } from '../core/authority/group-record.ts';
import { nextBeat } from '../core/base/beat.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { InstanceId, RunId, StepId, Term, WallMs } from '../core/base/ids.ts';
import { sameJson } from '../core/base/same-json.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import { type Decision, decide } from '../core/decision/decide.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { Intent } from '../core/decision/intent.ts';
import { afterMove, duringMove } from '../core/decision/planned-brakes.ts';
import { proposeByItself, proposeRecovery } from '../core/decision/propose.ts';
import { finished } from '../core/decision/run-history.ts';
import { diagnose } from '../core/diagnosis/diagnose.ts';
import type { Diagnosis } from '../core/diagnosis/diagnosis.ts';
import { buildPlan } from '../core/plan/build-plan.ts';
import type { Step } from '../core/plan/recovery-plan.ts';
import {
  currentStep,
  foldRun,
  hasMoved,
  isOpen,
  type RunEvent,
  type RunResult,
  type RunState,
  type StepOutcome,
  type StepState,
} from '../core/run/run.ts';
import type { FailoverGroup } from '../core/topology/topology.ts';
import { answeredByFacts } from './answered-by-facts.ts';
import type { TransactionOutcome } from './authority-port.ts';
import { receipt } from './decision-receipt.ts';
import { DelegateAdoption, delegatesArrived } from './delegate-adoption.ts';
import {
  drained,
  drainFailed,
  nobodyResumes,
  RESUME,
  RESUME_WITHIN_MS,
  resumeOrders,
  targetGone,
} from './drain-step.ts';
import { gatherFacts } from './gather.ts';
import type { GroupSurroundings } from './group-surroundings.ts';
import type { CommandOutcome } from './messages.ts';
import { ended, granted, revoked } from './record-change.ts';
import { isBeforeMoving } from './recovery-orders.ts';
import { type JournalChange, nextRunId, RunJournal } from './run-journal.ts';
import type { StepOrder } from './step-order.ts';
import { fencingProofs, ordersFor } from './step-orders.ts';
import {
  acted,
  candidateLost,
  checked,
  completion,
  frozenPositions,
  holderLost,
  proofsInWords,
  residue,
  type StepVerdict,
} from './step-verdicts.ts';
import { StepWork } from './step-work.ts';
import { WriterReplacement } from './writer-replacement.ts';

/**
 * One failover group in the hands of a leading controller.
 *
 * C1 Nothing is commanded before the journal entry that announces it is committed.
 * C2 A change of the group record is made in the same transaction as its journal entry, under the leader's key.
 * C3 At most one transaction of this group is under way; while its outcome is unknown nothing is decided.
 * C4 State is what the authority holds: a new leader folds the same journal and is in the same place.
 */
export class GroupControl {
  readonly group: FailoverGroup;
  readonly #around: GroupSurroundings;
  readonly #idleSince = new Map<InstanceId, number>();
  readonly #laggingSince = new Map<InstanceId, number>();
  readonly #journal: RunJournal;
  readonly #adoption: DelegateAdoption;
  readonly #writers: WriterReplacement;
  #dueAt = 0;
  #work: StepWork | null = null;
  #incidentAt: WallMs | null = null;
  #lastGoodAt: WallMs | null = null;
  #toldDiagnoses = '';
  #toldDecision = '';
  lastDecision: Decision | null = null;
  lastDiagnoses: readonly Diagnosis[] = [];

  constructor(group: FailoverGroup, around: GroupSurroundings) {
    this.group = group;
    this.#around = around;
    this.#journal = new RunJournal(group.id, around);
    this.#adoption = new DelegateAdoption(around);
    this.#writers = new WriterReplacement(around);
  }

  /** Facts as seen from this controller, leading or not. */
  facts(now: number, wall: WallMs): Facts {
    const { topology, mirror, vantage, leadership } = this.#around;
    return gatherFacts({
      topology,
      group: this.group,
      mirror,
      vantage,
      leadership,
      run: this.run(),
      idleSince: this.#idleSince,
      laggingSince: this.#laggingSince,
      now,
      wall,
    });
  }

  /** The newest run of the journal, folded; open or ended. */
  run(): RunState | null {
    return this.#journal.read();
  }

  /** One round: look, diagnose, and either drive the run or decide whether one is needed. Only for the leader. */
  work(now: number, wall: WallMs): void {
    if (!this.busy) {
      const facts = this.facts(now, wall);
      this.#diagnose(facts);
      const { run } = facts;
      const again = (at: number, wallAt: WallMs) => {
        if (this.#leads) this.work(at, wallAt);
      };
      const isAdopting = this.#adoption.work(facts, again) || this.#writers.work(facts, again);
      // A run that a restored authority shows may have ended long ago: nothing is done on its word.
      if (!isAdopting && isOpen(run) && facts.authority.incarnationMatches) this.#drive(facts, run, now, wall);
      else if (!isAdopting) this.#consider(facts, wall);
    }
    this.#dueAt = this.#nextWakeAt(now);
  }

  #diagnose(facts: Facts): void {
    this.lastDiagnoses = diagnose(facts);
    const severe = this.lastDiagnoses.some((diagnosis) =>
      ['PrimaryDown', 'SiteDown', 'NoPrimary'].includes(diagnosis.kind),
    );
    if (!severe) {
      this.#incidentAt = null;
      if (!isOpen(facts.run)) this.#lastGoodAt = facts.wallMs;
    } else this.#incidentAt ??= facts.wallMs;
    const told = JSON.stringify(
      this.lastDiagnoses.map(({ kind, site, host, component, instance }) => [kind, site, host, component, instance]),
    );
    if (told === this.#toldDiagnoses) return;
    this.#toldDiagnoses = told;
    this.#journal.evidence('diagnosis', facts, { diagnoses: this.lastDiagnoses as unknown as Json });
  }

  #consider(facts: Facts, wall: WallMs): void {
    this.#work = null;
    const intent = proposeByItself(facts);
    if (intent === null) {
      this.lastDecision = null;
      this.#toldDecision = '';
      return;
    }
    const decision = this.decideOn(facts, intent);
    this.#tell(facts, decision);
    if (decision.verdict === 'proceed') this.open(facts, decision, wall);
  }

  decideOn(facts: Facts, intent: Intent, overrides: readonly string[] = []): Decision {
    const { runbooks, digest } = this.#around;
    const plan = buildPlan(intent, facts, runbooks.get(intent.runbook)!, digest);
    return decide({ facts, intent, plan, overrides });
  }

  /** A receipt for every decision that differs from the last one, also for those not to act. */
  #tell(facts: Facts, decision: Decision): void {
    this.lastDecision = decision;
    const told = JSON.stringify([
      decision.verdict,
      decision.plan.digest,
      decision.rules.map((result) => result.outcome),
    ]);
    if (told === this.#toldDecision) return;
    this.#toldDecision = told;
    this.#journal.evidence('decision', facts, receipt(decision));
  }

  /** Opens a run: the journal entry, the raised epoch and the removed holders are one transaction. */
  open(
    facts: Facts,
    decision: Decision,
    wall: WallMs,
    then?: (result: TransactionOutcome['kind'], run: RunId) => void,
  ): void {
    const { plan, intent } = decision;
    const run = nextRunId(facts);
    const by = intent.requestedBy ?? decision.approval?.by ?? `policy ${decision.policy}`;
    const before = facts.run;
    const superseding: RunEvent[] = isOpen(before)
      ? [{ kind: 'closed', result: 'superseded', reason: `superseded by ${run}: ${intent.reason}`, at: wall }]
      : [];
    const opened: RunEvent = {
      kind: 'opened',
      run,
      plan,
      automatic: intent.requestedBy === null,
      by,
      at: wall,
      detectedAt: this.#incidentAt ?? wall,
      lastGoodAt: this.#lastGoodAt,
      decidedAt: wall,
    };
    this.#tell(facts, decision);
    this.#journal.evidence('plan', facts, { run, plan: plan as unknown as Json });
    this.#work = null;
    const consumed = decision.approval;
    const brakes: Brakes = {
      ...duringMove(facts.brakes, { run, plan, by, at: wall }),
      approvals: facts.brakes.approvals.filter((approval) => approval !== consumed && wall < approval.until),
      history: isOpen(before) ? finished(facts.brakes, before, 'superseded', wall) : facts.brakes.history,
    };
    const fresh = foldRun([
      { number: 0, run, term: facts.leadership.term, epoch: 0 as never, controller: '', events: [opened] },
    ])!;
    this.#advance(
      facts,
      fresh,
      {
        before: superseding,
        events: [opened],
        previous: isOpen(before) ? before.run : null,
        brakes: sameJson(brakes, facts.brakes) ? null : brakes,
      },
      wall,
      (result) => then?.(result, run),
    );
  }

  #drive(facts: Facts, run: RunState, now: number, wall: WallMs): void {
    if (this.#superseded(facts, run, wall)) return;
    const step = currentStep(run);
    if (step === null) return this.#close(facts, run, 'completed', completion(facts, run), [], wall);
    if (run.abandoned !== null) return this.#resume(facts, run, run.abandoned, now, wall);
    if (step.state === 'waiting')
      return this.#advance(facts, run, { before: [], events: [], previous: null, brakes: null }, wall);
    if (facts.record === null) return;
    const work = this.#workOn(facts, run, step.step.id, step.term, step.attempts, now);
    const verdict = this.#progress(step.step, facts, run, work, now);
    const late = now - work.startedAt > step.step.deadlineMs;
    const unmoved = isBeforeMoving(step.step) && !hasMoved(run);
    const lost = candidateLost(facts, run) ?? holderLost(facts, run) ?? (unmoved ? targetGone(run, facts) : null);
    if (verdict === 'working' && !late && lost === null && !work.refused)
      return this.#send(ordersFor(step.step, run, facts), work, now);
    if (verdict !== 'working' && !(unmoved && lost !== null))
      return this.#finishStep(facts, run, step.step.id, verdict.outcome, verdict.detail, wall);
    if (unmoved) return this.#notDrained(facts, run, step, { late, lost, work }, wall);
    const reason =
      lost ??
      (work.refused
        ? `refused: ${work.notes}`
        : `step ${step.step.id} not done within ${step.step.deadlineMs} ms: ${work.notes}`);
    this.#close(
      facts,
      run,
      'failed',
      reason,
      [{ kind: 'step-finished', step: step.step.id, outcome: late ? 'unknown' : 'failed', at: wall, detail: reason }],
      wall,
    );
  }

  /** Orders of this step go on where they are; of one that another leader began nothing is known. */
  #workOn(facts: Facts, run: RunState, step: StepId, begunIn: Term | null, attempts: number, now: number): StepWork {
    const { term } = facts.leadership;
    const { context } = this.#work ?? {};
    if (this.#work === null || context?.run !== run.run || context.step !== step || context.term !== term)
      this.#work = new StepWork(
        { group: this.group.id, run: run.run, step, term, epoch: facts.record!.epoch },
        now,
        begunIn !== term || (this.#work === null && attempts > 1),
      );
    return this.#work;
  }

  /** Nothing was revoked yet: the run goes on without, or is given up. */
  #notDrained(
    facts: Facts,
    run: RunState,
    step: StepState,
    why: Parameters<typeof drainFailed>[1],
    wall: WallMs,
  ): void {
    const { kind, detail } = drainFailed(step, why, run, facts);
    if (kind === 'go-on') return this.#finishStep(facts, run, step.step.id, 'unknown', detail, wall);
    const events: RunEvent[] = [
      { kind: 'step-finished', step: step.step.id, outcome: 'failed', at: wall, detail },
      { kind: 'abandoned', reason: detail, at: wall },
    ];
    this.#commit(facts, run.run, { events, record: null, brakes: null, leases: false, previous: null, before: [] });
  }

  /** An abandoned run ends when new risk is taken again; where nobody can confirm that, the record says so and the engine's agent follows it. */
  #resume(facts: Facts, run: RunState, reason: string, now: number, wall: WallMs): void {
    if (facts.record === null) return;
    const work = this.#workOn(facts, run, RESUME, facts.leadership.term, 0, now);
    const orders = resumeOrders(run, facts);
    const resumed = orders.length > 0 && work.doneWith(orders);
    const hopeless = work.refused || nobodyResumes(orders, facts) || now - work.startedAt > RESUME_WITHIN_MS;
    if (!resumed && !hopeless) return this.#send(orders, work, now);
    if (orders.length === 0) return this.#close(facts, run, 'failed', `given up: ${reason}`, [], wall);
    const said = resumed ? 'trading was resumed' : `trading was not confirmed to resume: ${work.notes}`;
    this.#close(facts, run, 'failed', `given up: ${reason}; ${said}`, [], wall);
  }

  /** A wider need than this run's ends it: the epoch is raised again, so whatever it still has under way is refused. */
  #superseded(facts: Facts, run: RunState, wall: WallMs): boolean {
    if (run.plan.scope !== 'instance') return false;
    const intent = proposeRecovery(facts);
    if (intent === null || intent.scope !== 'site' || facts.sites.get(run.plan.toSite)?.verdict.state !== 'failed')
      return false;
    const decision = this.decideOn(facts, intent);
    this.#tell(facts, decision);
    if (decision.verdict !== 'proceed') return false;
    this.open(facts, decision, wall);
    return true;
  }

  #progress(step: Step, facts: Facts, run: RunState, work: StepWork, now: number): StepVerdict {
    switch (step.kind) {
      case 'fence': {
        const proofs = fencingProofs(run, facts, work.proofs);
        if (proofs === null || !work.doneWith(ordersFor(step, run, facts))) return 'working';
        return { outcome: 'ok', detail: [proofsInWords(proofs), ...work.unproved].join('; ') };
      }
      case 'freeze-positions':
        return frozenPositions(facts, run);
      case 'residue-check':
        return residue(facts, run, now - work.startedAt);
      case 'drain':
        return drained(run, facts, work);
      case 'promote-components':
        if (!delegatesArrived(run, facts)) return 'working';
        return work.doneWith(ordersFor(step, run, facts)) ? { outcome: 'ok', detail: work.notes } : 'working';
      case 'barrier':
      case 'move-traffic':
      case 'validate':
      case 'enable-trading':
      case 'restart':
        return work.doneWith(ordersFor(step, run, facts)) ? { outcome: 'ok', detail: work.notes } : 'working';
      case 'act':
        return acted(ordersFor(step, run, facts), work);
      case 'check':
        return checked(facts, now - work.startedAt);
      case 'revoke':
      case 'grant':
        return { outcome: 'skipped', detail: 'nothing to do' };
    }
  }

  #send(orders: readonly StepOrder[], work: StepWork, now: number): void {
    for (const { host, command } of work.next(orders, now)) this.#around.emit({ kind: 'command', host, command });
  }

  #finishStep(facts: Facts, run: RunState, step: StepId, outcome: StepOutcome, detail: string, wall: WallMs): void {
    const proofs = step === ('fence' as typeof step) ? fencingProofs(run, facts, this.#work?.proofs ?? []) : null;
    const event: RunEvent = { kind: 'step-finished', step, outcome, at: wall, detail, ...(proofs ? { proofs } : {}) };
    this.#advance(facts, run, { before: [], events: [event], previous: null, brakes: null }, wall);
  }

  #close(
    facts: Facts,
    run: RunState,
    result: RunResult,
    reason: string,
    events: readonly RunEvent[],
    wall: WallMs,
  ): void {
    const { record } = facts;
    if (record === null) return;
    const closed: RunEvent = { kind: 'closed', result, reason, at: wall };
    const { watchMs } = this.group.plannedMove;
    const after = afterMove(facts.brakes, run, { result, at: wall, watchMs });
    const brakes = { ...after, history: finished(facts.brakes, run, result, wall) };
    this.#commit(facts, run.run, {
      events: [...events, closed],
      record: ended(facts, record, run, result),
      brakes,
      leases: false,
      previous: null,
      before: [],
    });
  }

  /**
   * Journals what ended and what begins next, and with it the record change that the next step is. Steps that are nothing but a
   * record change begin and end in the same entry; so do those whose question the facts already answer.
   */
  #advance(
    facts: Facts,
    run: RunState,
    change: {
      readonly before: readonly RunEvent[];
      readonly events: readonly RunEvent[];
      readonly previous: RunId | null;
      readonly brakes: Brakes | null;
    },
    wall: WallMs,
    then?: (result: TransactionOutcome['kind']) => void,
  ): void {
    const events = [...change.events];
    const done = new Set(events.flatMap((event) => (event.kind === 'step-finished' ? [event.step] : [])));
    let record: GroupRecord | null = null;
    let leases = false;
    const { plan } = run;
    for (const { step, state, attempts } of run.steps) {
      if (state === 'finished' || done.has(step.id)) continue;
      const base: Facts = record === null ? facts : { ...facts, record };
      const riskRefused = step.kind === 'drain' && attempts === 0 && base.record?.tradingEnabled === false;
      const started = { kind: 'step-started', step: step.id, attempt: attempts + 1, at: wall } as const;
      events.push(riskRefused ? { ...started, riskRefused } : started);
      if (step.kind === 'revoke') {
        record = revoked(base, plan, run.run, this.#around.mirror.incarnation ?? '');
        leases = true;
      } else if (step.kind === 'grant') record = granted(base, plan);
      else {
        const answer = answeredByFacts(step.kind, run, base);
        if (answer !== null) {
          events.push({ kind: 'step-finished', step: step.id, at: wall, ...answer });
          continue;
        }
        // What is taken in from here on is refused; the engine is told next.
        if (step.kind === 'drain') record = { ...(base.record as GroupRecord), run: run.run, tradingEnabled: false };
        if (step.kind === 'move-traffic') record = { ...(base.record as GroupRecord), traffic: plan.toSite };
        if (step.kind === 'enable-trading') record = { ...(base.record as GroupRecord), tradingEnabled: true };
        break;
      }
      events.push({ kind: 'step-finished', step: step.id, outcome: 'ok', at: wall });
    }
    const { brakes, previous, before } = change;
    this.#commit(facts, run.run, { events, record, brakes, leases, previous, before }, then);
  }

  #commit(facts: Facts, run: RunId, change: JournalChange, then?: (outcome: TransactionOutcome['kind']) => void): void {
    this.#journal.commit(facts, run, change, (outcome, now, wall) => {
      then?.(outcome);
      if (outcome === 'committed' && this.#leads) this.work(now, wall);
    });
  }

  get #leads(): boolean {
    return this.#around.leadership.leading(this.#around.mirror);
  }

  answered(outcome: CommandOutcome, now: number): void {
    this.#work?.answered(outcome, now);
  }

  /** When the passing of time alone asks for another look. */
  get dueAt(): number {
    return this.#dueAt;
  }

  #nextWakeAt(now: number): number {
    if (this.busy) return now + 500;
    if (this.#work !== null) return this.#work.nextWakeAt(now);
    // Events ask for a look at once; what only the passing of time changes is looked for more often while something is wrong.
    return nextBeat(now, this.lastDiagnoses.length > 0 || this.lastDecision !== null ? 100 : 500);
  }

  /** Something is being journalled, or was by another leader and is not known here yet. */
  get busy(): boolean {
    return this.#journal.busy || this.#adoption.busy || this.#writers.busy;
  }
}
