import type { FencingProof } from '../core/authority/fencing-proof.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Digest, Json } from '../core/base/canonical-json.ts';
import { type InstanceId, type RunId, runId, type WallMs } from '../core/base/ids.ts';
import { sameJson } from '../core/base/same-json.ts';
import { type Brakes, HISTORY_KEPT } from '../core/decision/brakes.ts';
import { type Decision, decide } from '../core/decision/decide.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { Intent } from '../core/decision/intent.ts';
import { proposeRecovery } from '../core/decision/propose.ts';
import { diagnose } from '../core/diagnosis/diagnose.ts';
import type { Diagnosis } from '../core/diagnosis/diagnosis.ts';
import { buildPlan } from '../core/plan/build-plan.ts';
import type { Runbook, RunbookId, StepKind } from '../core/plan/runbook.ts';
import {
  currentStep,
  foldRun,
  isOpen,
  type JournalEntry,
  type RunEvent,
  type RunResult,
  type RunState,
  type StepOutcome,
} from '../core/run/run.ts';
import type { FailoverGroup, Topology } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { keys } from './authority-keys.ts';
import type { AuthorityMirror } from './authority-mirror.ts';
import type { Comparison, Transaction, TransactionOutcome } from './authority-port.ts';
import type { ControllerEffect, ControllerEvidence } from './controller-effects.ts';
import { gatherFacts, isBeingPromoted } from './gather.ts';
import type { Leadership } from './leadership.ts';
import type { CommandOutcome } from './messages.ts';
import { granted, revoked } from './record-change.ts';
import { fencingProofs, ordersFor } from './step-orders.ts';
import { StepWork } from './step-work.ts';
import type { Vantage } from './vantage.ts';

/** What a group's control needs of the controller around it. */
export interface GroupSurroundings {
  readonly topology: Topology;
  readonly mirror: AuthorityMirror;
  readonly vantage: Vantage;
  readonly leadership: Leadership;
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly digest: Digest;
  readonly controller: string;
  emit(effect: ControllerEffect): void;
  transact(
    body: Transaction,
    deadlineMs: number,
    then: (outcome: TransactionOutcome, now: number, wall: WallMs) => void,
  ): void;
}

interface JournalHead {
  readonly number: number;
  readonly run: RunId;
}

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
  #busy = false;
  #dueAt = 0;
  #work: StepWork | null = null;
  #run: { readonly revision: number; readonly state: RunState | null } = { revision: -1, state: null };
  #incidentAt: WallMs | null = null;
  #lastGoodAt: WallMs | null = null;
  #toldDiagnoses = '';
  #toldDecision = '';
  lastDecision: Decision | null = null;
  lastDiagnoses: readonly Diagnosis[] = [];

  constructor(group: FailoverGroup, around: GroupSurroundings) {
    this.group = group;
    this.#around = around;
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
      now,
      wall,
    });
  }

  /** The newest run of the journal, folded; open or ended. */
  run(): RunState | null {
    const { mirror } = this.#around;
    const revision = mirror.revisionOf(keys.journalHead(this.group.id));
    if (this.#run.revision !== revision && this.#journalKnown) {
      const head = mirror.value<JournalHead>(keys.journalHead(this.group.id));
      const entries = head === null ? [] : this.#entriesOf(head.run);
      // A restored authority may show a journal without its beginning. Nothing is promoted on its word (R-INCARNATION); it is no run.
      this.#run = { revision, state: entries[0]?.events[0]?.kind === 'opened' ? foldRun(entries) : null };
    }
    return this.#run.state;
  }

  /** A refused compare-and-set shows the journal's head before the watch brings what was written; until then nothing is decided. */
  get #journalKnown(): boolean {
    const { mirror } = this.#around;
    const head = mirror.value<JournalHead>(keys.journalHead(this.group.id));
    return head === null || mirror.revisionOf(keys.journalEntry(this.group.id, head.number)) > 0;
  }

  #entriesOf(run: RunId): readonly JournalEntry[] {
    return this.#around.mirror
      .below(`journal/${this.group.id}/0`)
      .map(([, stored]) => stored.value as unknown as JournalEntry)
      .filter((entry) => entry.run === run);
  }

  /** One round: look, diagnose, and either drive the run or decide whether one is needed. Only for the leader. */
  work(now: number, wall: WallMs): void {
    if (!this.busy) {
      const facts = this.facts(now, wall);
      this.#diagnose(facts);
      const run = facts.run;
      // A run that a restored authority shows may have ended long ago: nothing is done on its word.
      if (isOpen(run) && facts.authority.incarnationMatches) this.#drive(facts, run, now, wall);
      else this.#consider(facts, now, wall);
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
    this.#evidence('diagnosis', facts, { diagnoses: this.lastDiagnoses as unknown as Json });
  }

  #consider(facts: Facts, now: number, wall: WallMs): void {
    this.#work = null;
    const intent = proposal(facts);
    if (intent === null) {
      this.lastDecision = null;
      this.#toldDecision = '';
      return;
    }
    const decision = this.decideOn(facts, intent);
    this.#tell(facts, decision);
    if (decision.verdict === 'proceed') this.open(facts, decision, now, wall);
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
    this.#evidence('decision', facts, receipt(decision));
  }

  /** Opens a run: the journal entry, the raised epoch and the removed holders are one transaction. */
  open(
    facts: Facts,
    decision: Decision,
    now: number,
    wall: WallMs,
    then?: (result: TransactionOutcome['kind'], run: RunId) => void,
  ): void {
    const { plan, intent } = decision;
    const run = runId(`${this.group.id}-${(facts.record?.epoch ?? 0) + 1}`);
    const before = facts.run;
    const superseding: RunEvent[] = isOpen(before)
      ? [{ kind: 'closed', result: 'superseded', reason: `superseded by ${run}: ${intent.reason}`, at: wall }]
      : [];
    const opened: RunEvent = {
      kind: 'opened',
      run,
      plan,
      automatic: intent.requestedBy === null,
      by: intent.requestedBy ?? decision.approval?.by ?? `policy ${decision.policy}`,
      at: wall,
      detectedAt: this.#incidentAt ?? wall,
      lastGoodAt: this.#lastGoodAt,
      decidedAt: wall,
    };
    this.#tell(facts, decision);
    this.#evidence('plan', facts, { run, plan: plan as unknown as Json });
    this.#work = null;
    const consumed = decision.approval;
    const brakes: Brakes = {
      ...facts.brakes,
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
      now,
      wall,
      (result) => then?.(result, run),
    );
  }

  #drive(facts: Facts, run: RunState, now: number, wall: WallMs): void {
    if (this.#superseded(facts, run, now, wall)) return;
    const step = currentStep(run);
    if (step === null) return this.#close(facts, run, 'completed', 'every step is done', [], now, wall);
    const { term } = facts.leadership;
    if (step.state === 'waiting')
      return this.#advance(facts, run, { before: [], events: [], previous: null, brakes: null }, now, wall);
    if (facts.record === null) return;
    if (
      this.#work === null ||
      this.#work.context.run !== run.run ||
      this.#work.context.step !== step.step.id ||
      this.#work.context.term !== term
    )
      this.#work = new StepWork(
        { group: this.group.id, run: run.run, step: step.step.id, term, epoch: facts.record.epoch },
        now,
        step.term !== term || (this.#work === null && step.attempts > 1),
      );
    const verdict = this.#progress(step.step.kind, facts, run, this.#work, now);
    const late = now - this.#work.startedAt > step.step.deadlineMs;
    const lost = candidateLost(facts, run) ?? holderLost(facts, run);
    if (verdict === 'working' && !late && lost === null && !this.#work.refused)
      return this.#send(facts, run, step.step.kind, this.#work, now);
    if (verdict !== 'working')
      return this.#finishStep(facts, run, step.step.id, verdict.outcome, verdict.detail, now, wall);
    const reason =
      lost ??
      (this.#work.refused
        ? `refused: ${this.#work.notes}`
        : `step ${step.step.id} not done within ${step.step.deadlineMs} ms: ${this.#work.notes}`);
    this.#close(
      facts,
      run,
      'failed',
      reason,
      [{ kind: 'step-finished', step: step.step.id, outcome: late ? 'unknown' : 'failed', at: wall, detail: reason }],
      now,
      wall,
    );
  }

  /** A wider need than this run's ends it: the epoch is raised again, so whatever it still has under way is refused. */
  #superseded(facts: Facts, run: RunState, now: number, wall: WallMs): boolean {
    if (run.plan.scope !== 'instance') return false;
    const intent = proposeRecovery(facts);
    if (intent === null || intent.scope !== 'site' || facts.sites.get(run.plan.toSite)?.verdict.state !== 'failed')
      return false;
    const decision = this.decideOn(facts, intent);
    this.#tell(facts, decision);
    if (decision.verdict !== 'proceed') return false;
    this.open(facts, decision, now, wall);
    return true;
  }

  #progress(
    kind: StepKind,
    facts: Facts,
    run: RunState,
    work: StepWork,
    now: number,
  ): 'working' | { readonly outcome: StepOutcome; readonly detail: string } {
    switch (kind) {
      case 'fence': {
        const proofs = fencingProofs(run, facts, work.proofs);
        return proofs === null ? 'working' : { outcome: 'ok', detail: proofsInWords(proofs) };
      }
      case 'freeze-positions':
        return frozenPositions(facts, run);
      case 'residue-check':
        return residue(facts, run, now - work.startedAt);
      case 'barrier':
      case 'promote-components':
      case 'move-traffic':
      case 'validate':
      case 'enable-trading':
        return work.doneWith(ordersFor(kind, run, facts)) ? { outcome: 'ok', detail: work.notes } : 'working';
      case 'revoke':
      case 'grant':
        return { outcome: 'skipped', detail: 'nothing to do' };
    }
  }

  #send(facts: Facts, run: RunState, kind: StepKind, work: StepWork, now: number): void {
    for (const { host, command } of work.next(ordersFor(kind, run, facts), now))
      this.#around.emit({ kind: 'command', host, command });
  }

  #finishStep(
    facts: Facts,
    run: RunState,
    step: RunState['steps'][number]['step']['id'],
    outcome: StepOutcome,
    detail: string,
    now: number,
    wall: WallMs,
  ): void {
    const proofs = step === ('fence' as typeof step) ? fencingProofs(run, facts, this.#work?.proofs ?? []) : null;
    const event: RunEvent = { kind: 'step-finished', step, outcome, at: wall, detail, ...(proofs ? { proofs } : {}) };
    this.#advance(facts, run, { before: [], events: [event], previous: null, brakes: null }, now, wall);
  }

  #close(
    facts: Facts,
    run: RunState,
    result: RunResult,
    reason: string,
    events: readonly RunEvent[],
    now: number,
    wall: WallMs,
  ): void {
    const { record } = facts;
    if (record === null) return;
    const closed: RunEvent = { kind: 'closed', result, reason, at: wall };
    const brakes = { ...facts.brakes, history: finished(facts.brakes, run, result, wall) };
    this.#commit(
      facts,
      run.run,
      [...events, closed],
      { record: { ...record, run: null }, brakes, leases: false, previous: null, before: [] },
      now,
      wall,
    );
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
    now: number,
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
      events.push({ kind: 'step-started', step: step.id, attempt: attempts + 1, at: wall });
      const base: Facts = record === null ? facts : { ...facts, record };
      if (step.kind === 'revoke') {
        record = revoked(base, plan, run.run, this.#around.mirror.incarnation ?? '');
        leases = true;
      } else if (step.kind === 'grant') record = granted(base, plan);
      else if (step.kind === 'fence' && fencingProofs(run, base, [])) {
        const proofs = fencingProofs(run, base, []) ?? [];
        events.push({
          kind: 'step-finished',
          step: step.id,
          outcome: 'ok',
          at: wall,
          proofs,
          detail: proofsInWords(proofs),
        });
        continue;
      } else if (step.kind === 'freeze-positions' && frozenPositions(base, run) !== 'working') {
        const verdict = frozenPositions(base, run) as Exclude<ReturnType<typeof frozenPositions>, 'working'>;
        events.push({
          kind: 'step-finished',
          step: step.id,
          outcome: verdict.outcome,
          at: wall,
          detail: verdict.detail,
        });
        continue;
      } else {
        if (step.kind === 'move-traffic') record = { ...(base.record as GroupRecord), traffic: plan.toSite };
        if (step.kind === 'enable-trading') record = { ...(base.record as GroupRecord), tradingEnabled: true };
        break;
      }
      events.push({ kind: 'step-finished', step: step.id, outcome: 'ok', at: wall });
    }
    this.#commit(
      facts,
      run.run,
      events,
      { record, brakes: change.brakes, leases, previous: change.previous, before: change.before },
      now,
      wall,
      then,
    );
  }

  #commit(
    facts: Facts,
    run: RunId,
    events: readonly RunEvent[],
    change: {
      readonly record: GroupRecord | null;
      readonly brakes: Brakes | null;
      readonly leases: boolean;
      readonly previous: RunId | null;
      readonly before: readonly RunEvent[];
    },
    now: number,
    wall: WallMs,
    then?: (result: TransactionOutcome['kind']) => void,
  ): void {
    const { mirror, leadership, controller } = this.#around;
    const { id } = this.group;
    const head = mirror.value<JournalHead>(keys.journalHead(id));
    const compare: Comparison[] = [
      leadership.comparison(mirror),
      { key: keys.journalHead(id), revision: mirror.revisionOf(keys.journalHead(id)) },
    ];
    const put: { key: string; value: Json }[] = [];
    let number = head?.number ?? 0;
    const append = (of: RunId, what: readonly RunEvent[]) => {
      number += 1;
      const entry: JournalEntry = {
        number,
        run: of,
        term: leadership.term,
        epoch: (change.record ?? facts.record)?.epoch ?? (0 as never),
        controller,
        events: what,
      };
      put.push({ key: keys.journalEntry(id, number), value: entry as unknown as Json });
    };
    if (change.previous !== null && change.before.length > 0) append(change.previous, change.before);
    append(run, events);
    put.push({ key: keys.journalHead(id), value: { number, run } });
    if (change.record) {
      compare.push({ key: keys.group(id), revision: facts.recordRevision });
      put.push({ key: keys.group(id), value: change.record as unknown as Json });
    }
    if (change.brakes) {
      compare.push({ key: keys.brakes(id), revision: mirror.revisionOf(keys.brakes(id)) });
      put.push({ key: keys.brakes(id), value: change.brakes as unknown as Json });
    }
    if (change.leases && change.record)
      for (const component of Object.keys(change.record.grants)) {
        const key = keys.lease(id, component as never);
        if (change.record.grants[component as never]?.holder === null)
          compare.push({ key, revision: mirror.revisionOf(key) });
      }
    this.#busy = true;
    const remove = this.#prunable(run);
    this.#around.transact(
      { compare, put, ...(remove.length > 0 ? { remove } : {}) },
      this.#around.topology.timing.stepDeadlineMs,
      (outcome, at, wallAt) => {
        this.#busy = false;
        if (outcome.kind === 'committed') {
          mirror.change([...put, ...remove.map((key) => ({ key, value: null }))], outcome.revision, at);
          this.#journalled(facts, run, events, change.record);
          then?.('committed');
          if (leadership.leading(mirror)) this.work(at, wallAt);
        } else {
          if (outcome.kind === 'unknown') this.#around.emit({ kind: 'reload-authority' });
          then?.(outcome.kind);
        }
      },
    );
    void now;
    void wall;
  }

  /** Entries of runs before the last one: controllers have them in their own history. */
  #prunable(run: RunId): string[] {
    const last = this.run()?.run;
    return this.#around.mirror
      .below(`journal/${this.group.id}/0`)
      .filter(([, stored]) => {
        const entry = stored.value as unknown as JournalEntry;
        return entry.run !== run && entry.run !== last;
      })
      .map(([key]) => key);
  }

  #journalled(facts: Facts, run: RunId, events: readonly RunEvent[], record: GroupRecord | null): void {
    const epoch = record?.epoch ?? facts.record?.epoch ?? null;
    for (const event of events) {
      const kind =
        event.kind === 'opened'
          ? 'run-opened'
          : event.kind === 'closed'
            ? event.result === 'superseded'
              ? 'run-superseded'
              : 'run-closed'
            : event.kind;
      this.#emit(kind, facts, run, epoch, event as unknown as Json);
      if (event.kind === 'step-finished') {
        for (const proof of event.proofs ?? [])
          this.#emit('fencing-proof', facts, run, epoch, proof as unknown as Json);
        if (event.step === 'revoke')
          this.#emit('epoch-raised', facts, run, epoch, { epoch, from: facts.record?.epoch ?? null });
        if (event.step === 'grant')
          this.#emit('grant', facts, run, epoch, { grants: (record?.grants ?? {}) as unknown as Json });
      }
    }
  }

  #evidence(kind: string, facts: Facts, data: Json): void {
    this.#emit(kind, facts, facts.run?.result === null ? facts.run.run : null, facts.record?.epoch ?? null, data);
  }

  #emit(kind: string, facts: Facts, run: RunId | null, epoch: ControllerEvidence['epoch'], data: Json): void {
    this.#around.emit({
      kind: 'evidence',
      entry: { kind, group: this.group.id, run, epoch, term: facts.leadership.term, data },
    });
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
    return now + (this.lastDiagnoses.length > 0 || this.lastDecision !== null ? 100 : 500);
  }

  /** Something is being journalled, or was by another leader and is not known here yet. */
  get busy(): boolean {
    return this.#busy || !this.#journalKnown;
  }
}

/** Without loss where that is possible; with it only where a person has accepted one, and then R-DATA asks which. */
function proposal(facts: Facts): Intent | null {
  const lossless = proposeRecovery(facts);
  if (lossless === null || lossless.missing.length === 0) return lossless;
  const accepted = facts.brakes.approvals.some(
    (approval) => approval.acceptsLoss !== null && facts.wallMs < approval.until,
  );
  return (accepted ? proposeRecovery(facts, true) : null) ?? lossless;
}

const proofsInWords = (proofs: readonly FencingProof[]): string =>
  proofs.map((proof) => `${proof.scope}: ${proof.method}`).join(', ') || 'nobody had to be fenced';

/** A receipt: what was seen, what every rule said, what was chosen and what not. */
export function receipt(decision: Decision): Json {
  const { intent, plan, rules, verdict, policy, reason, approval, overridden } = decision;
  return {
    verdict,
    reason,
    policy,
    digest: plan.digest,
    trigger: intent.trigger,
    scope: intent.scope,
    fromSite: intent.fromSite,
    toSite: intent.toSite,
    moves: intent.moves as unknown as Json,
    missing: intent.missing as unknown as Json,
    rejected: intent.rejected as unknown as Json,
    lossBound: plan.predicted.lossBound as unknown as Json,
    rules: rules as unknown as Json,
    approval: approval as unknown as Json,
    overridden,
  };
}

function finished(brakes: Brakes, run: RunState, result: RunResult, at: WallMs): Brakes['history'] {
  const demoted = run.plan.moves.flatMap((move) => (move.from === null || move.from === move.to ? [] : [move.from]));
  return [
    ...brakes.history,
    {
      run: run.run,
      automatic: run.automatic,
      scope: run.plan.scope,
      runbook: run.plan.runbook,
      // The clocks of two leaders may differ by more than a run takes; then nothing is known.
      ...(at > run.decidedAt ? { durationMs: at - run.decidedAt } : {}),
      endedAt: at,
      demoted,
      result,
      acknowledged: false,
    },
  ].slice(-HISTORY_KEPT);
}

/** The chosen one failed while the run was on its way: it cannot be finished as planned. */
function candidateLost(facts: Facts, run: RunState): string | null {
  for (const move of run.plan.moves) {
    const known = facts.instances.get(move.to);
    const host = known ? facts.hosts.get(known.instance.host) : undefined;
    if (host?.verdict.state === 'failed') return `${move.to} is lost: ${host.verdict.evidence.join('; ')}`;
  }
  return null;
}

/** A component that this run is not about to promote has lost its holder meanwhile: the next decision looks at all of it. */
function holderLost(facts: Facts, run: RunState): string | null {
  for (const grant of Object.values(facts.record?.grants ?? {})) {
    if (grant.holder === null || isBeingPromoted(run, grant.component)) continue;
    const known = facts.instances.get(grant.holder);
    if (known?.verdict.state === 'failed')
      return `${grant.holder} failed meanwhile: ${known.verdict.evidence.join('; ')}`;
  }
  return null;
}

/** Every candidate still fits; its log end is written down. The old holder itself has no log end to read while it is stopped. */
function frozenPositions(
  facts: Facts,
  run: RunState,
): 'working' | { readonly outcome: StepOutcome; readonly detail: string } {
  const notes: string[] = [];
  for (const move of run.plan.moves) {
    const known = facts.instances.get(move.to);
    if (!known?.fresh || known.observation === null) return 'working';
    const { position } = known.observation;
    notes.push(`${move.to} at ${position ? `${position.generation}/${position.sequence}` : 'its own log end'}`);
  }
  return { outcome: 'ok', detail: notes.join(', ') };
}

const RESIDUE_WITHIN_MS = 1000;

/** Looks for what a run leaves behind. What cannot be seen is named, not passed over. */
function residue(
  facts: Facts,
  run: RunState,
  elapsedMs: number,
): 'working' | { readonly outcome: StepOutcome; readonly detail: string } {
  const { instance } = indexOf(facts.topology);
  const moved = new Set(run.plan.moves.map((move) => move.component));
  const left: string[] = [];
  const unseen: string[] = [];
  for (const [id, known] of facts.instances) {
    if (!moved.has(known.instance.component)) continue;
    const holder = facts.record?.grants[instance.get(id)!.component]?.holder;
    if (id === holder) continue;
    if (!known.fresh) unseen.push(id);
    else if (known.observation?.role === 'primary') left.push(id);
  }
  if (left.length > 0 && elapsedMs < RESIDUE_WITHIN_MS) return 'working';
  if (left.length > 0) return { outcome: 'failed', detail: `still primary: ${left.join(', ')}` };
  return {
    outcome: 'ok',
    detail: unseen.length > 0 ? `nothing left; could not look at ${unseen.join(', ')}` : 'nothing left',
  };
}
