/**
 * Deliberately broken copies of the shipped code, one change each. The checkers know nothing of them; each must be caught within its
 * number of seeds, or by its text scenario. This tests the tests: a variant that slips through is a hole in the checkers or in the faults.
 */
export type Variant = BrokenCode & (CaughtInWorlds | CaughtInScenario);

export interface BrokenCode {
  readonly name: string;
  /** From the project's root. */
  readonly file: string;
  /** Stands in the file exactly once; the test fails when it does not, so a variant cannot rot unseen. */
  readonly find: string;
  readonly replace: string;
  /** What the broken code would do to a firm. */
  readonly why: string;
}

export interface CaughtInWorlds {
  /** Seed that caught it last; tried before all others. With other code it may be another one: `npm run sim -- --variants` tells. */
  readonly caughtAt: number;
  readonly seedsAtMost: number;
  /** Of worlds whose database is under a delegate. */
  readonly delegated?: true;
  /** The same, behind gates. */
  readonly gated?: true;
  /** The same, and the delegate asks before it promotes. */
  readonly asking?: true;
  /** Of worlds whose Redis is lost. */
  readonly lostRedis?: true;
}

/** What worlds hardly ever draw: two faults within half a second, in this order. */
export interface CaughtInScenario {
  /** Of `scenarios/`: on the broken code it does not hold, or is told otherwise. */
  readonly scenario: string;
}

export const VARIANTS: readonly Variant[] = [
  {
    name: 'expiry is not waited for',
    file: 'src/core/authority/fencing.ts',
    find: "if (leftMs > 0) return { kind: 'in', ms: Math.ceil(leftMs), method: 'lease-expired' };",
    replace: '',
    why: 'promotes beside a writer that may still release',
    caughtAt: 47,
    seedsAtMost: 150,
  },
  {
    name: 'the lease lasts longer than it was granted',
    file: 'src/engine/held-lease.ts',
    find: 'this.#sentAt.set(this.#counter, now);',
    replace: 'this.#sentAt.set(this.#counter, now + this.#timing.selfFenceAfterMs);',
    why: 'the holder releases after the successor has been promoted',
    caughtAt: 23,
    seedsAtMost: 150,
  },
  {
    name: 'a missing proof is passed over',
    file: 'src/engine/step-orders.ts',
    find: 'if (!proof || !proofSuffices(component.kind, revokedHolder, proof)) return null;',
    replace: 'if (!proof) continue;',
    why: 'promotes without a fencing proof',
    caughtAt: 47,
    seedsAtMost: 400,
  },
  {
    name: 'the acknowledgement set shrinks before the record',
    file: 'src/engine/ack-set-upkeep.ts',
    find: 'if (lost.length > 0 && this.#shrink(',
    replace:
      'if (lost.length > 0) this.#ask(local, grant, grant.ackSet.filter((member) => !lost.includes(member)), halt, now);\n    if (lost.length > 0 && this.#shrink(',
    why: 'what is acknowledged is not held by everybody who may be promoted',
    caughtAt: 1,
    seedsAtMost: 150,
  },
  {
    name: 'a standby is promotable before the holder waits for it',
    file: 'src/engine/ack-set-upkeep.ts',
    find: 'const joining = sampledSince ? caughtUp.filter((member) => waitsFor.includes(member)) : [];',
    replace: 'const joining = caughtUp;',
    why: 'what is acknowledged is not held by everybody who may be promoted',
    caughtAt: 1,
    seedsAtMost: 50,
  },
  {
    name: 'the new holder waits for nobody',
    file: 'src/engine/record-change.ts',
    find: 'ackSet: [...confirming, ...missing],',
    replace: 'ackSet: [...missing],',
    why: 'the record promises more than the holder keeps',
    caughtAt: 1,
    seedsAtMost: 100,
  },
  {
    name: 'an agent obeys an older epoch',
    file: 'src/engine/agent-core.ts',
    find: "if (epoch < highest.epoch) return 'stale-epoch';",
    replace: '',
    why: 'a late command of an ended run is carried out',
    caughtAt: 43,
    seedsAtMost: 400,
  },
  {
    name: 'an agent obeys an older term',
    file: 'src/engine/agent-core.ts',
    find: "if (term < highest.term) return 'stale-term';",
    replace: '',
    why: 'a deposed leader is obeyed',
    caughtAt: 307,
    seedsAtMost: 400,
  },
  {
    name: 'anybody may be promoted',
    file: 'src/core/decision/candidates.ts',
    find: 'return safe.includes(instance);',
    replace: 'return safe.length >= 0;',
    why: 'an instance that lacks acknowledged writes takes over',
    caughtAt: 6,
    seedsAtMost: 200,
  },
  {
    name: 'a lease is renewed whatever the record says',
    file: 'src/engine/lease-renewal.ts',
    find: '{ key: group, revision: mirror.revisionOf(group) },',
    replace: '',
    why: 'a revoked holder goes on',
    caughtAt: 2,
    seedsAtMost: 300,
  },
  {
    name: 'a report of silence is believed although a renewal came later',
    file: 'src/engine/gather.ts',
    find: 'return lease === null || lease.holder !== instance.id || report.leaseCounter >= lease.counter;',
    replace: 'return true;',
    why: 'an instance that was promoted meanwhile is taken for dead',
    caughtAt: 267,
    seedsAtMost: 1500,
  },
  {
    name: 'a rule that cannot be evaluated passes',
    file: 'src/core/decision/decide.ts',
    find: "const stopping = rules.filter((result) => result.outcome !== 'pass' && !overridden.includes(result.rule));",
    replace:
      "const stopping = rules.filter((result) => result.outcome === 'block' && !overridden.includes(result.rule));",
    why: 'acts on what nobody could look at',
    caughtAt: 5,
    seedsAtMost: 200,
  },
  {
    name: 'an approval is not waited for',
    file: 'src/core/decision/decide.ts',
    find: "verdict: 'ask-approval'",
    replace: "verdict: 'proceed'",
    why: 'runs a plan that nobody approved',
    caughtAt: 17,
    seedsAtMost: 200,
  },
  {
    name: 'the journal does not ask who leads',
    file: 'src/engine/run-journal.ts',
    find: '      leadership.comparison(mirror),\n      { key: keys.journalHead(id), revision',
    replace: '      { key: keys.journalHead(id), revision',
    why: 'a deposed leader goes on writing the journal',
    caughtAt: 195,
    seedsAtMost: 1500,
  },
  {
    name: 'the deadline counts from the answer',
    file: 'src/engine/lease-upkeep.ts',
    find: '    const sentAt = lease.confirmed(counter);\n',
    replace:
      '    const later = lease.sending(now);\n    lease.answered(later);\n    const sentAt = lease.confirmed(later);\n',
    why: 'a renewal whose answer was slow lasts longer than the authority could have granted',
    caughtAt: 3201,
    seedsAtMost: 5000,
  },
  {
    name: 'the time that stopping takes is forgotten',
    file: 'src/core/authority/lease-arithmetic.ts',
    find: 'const holderBoundMs = timing.selfFenceAfterMs + timing.stopWithinMs;',
    replace: 'const holderBoundMs = timing.selfFenceAfterMs;',
    why: 'the successor does not wait for the gate to do its work',
    caughtAt: 204,
    seedsAtMost: 1500,
  },
  {
    name: 'R-FENCE always passes',
    file: 'src/core/decision/rules/fence.ts',
    find: 'else return block(`fence not proven',
    replace: 'else return pass(`fence not proven',
    why: 'a holder is deposed that nothing can prove silent: nobody serves from then on',
    caughtAt: 403,
    seedsAtMost: 600,
  },
  {
    name: 'any gate is proof',
    file: 'src/core/authority/fencing.ts',
    find: 'if (lease.gate === null || !gateBinds(component.kind, lease.gate.kind))',
    replace:
      "if (lease.gate === null) lease = { ...lease, gate: { kind: 'warden', boundMs: 0 } };\n  if (lease.gate === null)",
    why: 'the lease of a database whose gate was gone runs out, and it writes on',
    caughtAt: 403,
    seedsAtMost: 1000,
  },
  {
    name: 'the barrier asks nobody',
    file: 'src/engine/step-orders.ts',
    find: '.filter((host) => facts.hosts.get(host)?.connected || needed.has(host))',
    replace: '.filter((host) => host === undefined)',
    why: 'receivers do not know the new epoch: a thawed database acknowledges with their help',
    caughtAt: 3,
    seedsAtMost: 600,
  },
  {
    name: 'a revocation does not compare the lease',
    file: 'src/engine/run-journal.ts',
    find: 'if (holder === null) compare.push({ key, revision: mirror.revisionOf(key) });',
    replace: 'void key;',
    why: 'a holder whose first renewal the leader has not heard of yet counts as one that never held',
    caughtAt: 4880,
    seedsAtMost: 7500,
  },
  {
    name: 'commanded before it is journalled',
    file: 'src/engine/group-control.ts',
    find: '    this.#commit(facts, run.run, { events, record, brakes,',
    replace: `    const begins = run.steps.find(({ step }) => events.some((event) => event.kind === 'step-started' && event.step === step.id) && !events.some((event) => event.kind === 'step-finished' && event.step === step.id));
    if (begins && record) for (const { host, command } of new StepWork({ group: this.group.id, run: run.run, step: begins.step.id, term: facts.leadership.term, epoch: record.epoch }, 0, false).next(ordersFor(begins.step.kind, run, { ...facts, record }), 0)) this.#around.emit({ kind: 'command', host, command });
    this.#commit(facts, run.run, { events, record, brakes,`,
    why: 'after a crash nobody knows what was asked of whom',
    caughtAt: 1,
    seedsAtMost: 50,
  },
  {
    name: 'who may write is not remembered',
    file: 'src/engine/agent-core.ts',
    find: '    local.reign += 1;\n    this.#rememberWriters();',
    replace: '    local.reign += 1;',
    why: 'an agent that crashed and came back vouches for the silence of a living primary',
    caughtAt: 51,
    seedsAtMost: 600,
  },
  {
    name: 'an epoch is given out twice',
    file: 'src/engine/record-change.ts',
    find: 'const epoch = ((before?.epoch ?? 0) + 1) as Epoch;',
    replace: 'const epoch = (before?.epoch ?? 1) as Epoch;',
    why: 'receivers cannot tell the old holder from the new one',
    caughtAt: 1,
    seedsAtMost: 50,
  },
  {
    name: 'a run is opened over a run',
    file: 'src/core/decision/rules/run.ts',
    find: 'if (!isOpen(facts.run)) return',
    replace: 'if (facts.run === null || facts.run.run !== null) return',
    why: 'a run is pushed aside by one that is not wider',
    caughtAt: 24,
    seedsAtMost: 400,
  },
  {
    name: 'the silence of one observer is enough',
    file: 'src/core/health/verdict.ts',
    find: 'if (alive.length === 0 && speakers.length > voters / 2 && sites.size >= 2)',
    replace: 'if (speakers.length > 0)',
    why: 'a primary that a majority hears is deposed because somebody does not',
    caughtAt: 13,
    seedsAtMost: 600,
  },
  {
    name: 'an unknown primary is left alone',
    file: 'src/engine/reconcile.ts',
    find: "  if (observation.role === 'primary') return { kind: 'kill' };",
    replace: '',
    why: 'what was promoted behind our back stays as it is, and blocks every take-over',
    caughtAt: 8,
    seedsAtMost: 400,
  },
  {
    name: 'nobody fences himself',
    file: 'src/engine/agent-core.ts',
    find: 'selfFence(local: LocalInstance, reason: string, now: number): void {\n    if (local.killing) return;',
    replace:
      'selfFence(local: LocalInstance, reason: string, now: number): void {\n    if (local.killing || reason !== null) return;',
    why: 'a holder that lost its right stays what it was, and never stands by again',
    caughtAt: 3,
    seedsAtMost: 200,
  },
  {
    name: 'a loss is accepted for any plan',
    file: 'src/core/decision/rules/data.ts',
    find: 'approval.acceptsLoss !== null && approval.digest === plan.digest &&',
    replace: 'approval.acceptsLoss !== null &&',
    why: 'a plan is run that may lose something else than what was accepted',
    caughtAt: 493,
    seedsAtMost: 4000,
  },
  {
    name: 'a halt never ends',
    file: 'src/engine/ack-set-upkeep.ts',
    find: "const halted = grant.mode.kind === 'halted' &&",
    replace: "const halted = grant.mode.kind === 'strict' &&",
    why: 'everybody is back, and the firm still says that it stands still',
    caughtAt: 41,
    seedsAtMost: 600,
  },
  {
    name: 'an engine is not told that it stands still',
    file: 'src/engine/ack-set-upkeep.ts',
    find: 'refusesNewRisk(component.kind) && haltedIn(record).length > 0;',
    replace: 'refusesNewRisk(component.kind) && haltedIn(record).length > 99;',
    why: 'new risk is taken that nobody elsewhere knows of, although the firm said that it would rather stand still',
    caughtAt: 42,
    seedsAtMost: 600,
  },
  {
    name: 'a halted database waits for nobody',
    file: 'src/engine/record-change.ts',
    find: "const waits = mode.kind === 'halted' &&",
    replace: "const waits = mode.kind === 'strict' &&",
    why: 'after a take-over commits are acknowledged that no other site has, although the policy is to halt',
    caughtAt: 5,
    seedsAtMost: 600,
  },
  {
    name: 'an engine stands still only for itself',
    file: 'src/engine/ack-set-upkeep.ts',
    find: 'refusesNewRisk(component.kind) && haltedIn(record).length > 0;',
    replace: "refusesNewRisk(component.kind) && record.grants[component.id]?.mode.kind === 'halted';",
    why: 'orders are taken that the halted database will not store',
    caughtAt: 386,
    seedsAtMost: 1500,
  },
  {
    name: 'old mail counts',
    file: 'src/engine/vantage.ts',
    find: ' || peer.at - peer.since < floorMs / 5',
    replace: '',
    why: 'after a freeze or a cut, words of long ago make a quorum of silence: a site that serves is to be replaced',
    caughtAt: 1,
    seedsAtMost: 400,
  },
  {
    name: 'a promotion that is over is opened',
    file: 'src/engine/guarded-promotion.ts',
    find: '  if (storedEpoch > epoch)',
    replace: "  if (primary) return { kind: 'open' };\n  if (storedEpoch > epoch)",
    why: 'a database that took longer than its lease to become primary acknowledges commits, with no right and perhaps no gate',
    caughtAt: 151,
    seedsAtMost: 1000,
  },
  {
    name: 'a drain is not waited for',
    file: 'src/engine/drain-step.ts',
    find: "if (facts.record === null || !work.doneWith(drainOrders(run, facts, facts.record))) return 'working';",
    replace: "if (facts.record === null) return 'working';",
    why: 'a planned move cuts off orders in flight: clients learn their fate only from the other site',
    caughtAt: 3,
    seedsAtMost: 400,
  },
  {
    name: 'a delegate is taken at its word',
    file: 'src/core/authority/delegated-primary.ts',
    find: 'delegate.lock?.holder === known.instance.id &&\n      delegate.lock.since === newest,',
    replace: 'delegate.lock !== undefined,',
    why: 'writers are led to a primary that has lost its lock',
    caughtAt: 10,
    seedsAtMost: 150,
    delegated: true,
  },
  {
    name: 'a gate stays open for longer than its renewal lasts',
    file: 'src/engine/gate-lease.ts',
    find: 'const leaseUntil = lease.deadline as MonoMs;',
    replace: 'const leaseUntil = (lease.deadline + 5000) as MonoMs;',
    why: 'clients of a primary that is cut off go on beside its successor',
    caughtAt: 14,
    seedsAtMost: 150,
    gated: true,
  },
  {
    name: 'a gate is renewed whoever the record names',
    file: 'src/engine/gate-lease.ts',
    find: 'seat?.holder !== local.instance.id',
    replace: 'seat === undefined',
    why: 'two members let clients in, and neither ever closes',
    caughtAt: 8,
    seedsAtMost: 150,
    gated: true,
  },
  {
    name: 'a delegate promotes whomever it likes',
    file: 'src/core/authority/promotion-permit.ts',
    find: 'return to === member\n    ?',
    replace: 'return to !== null\n    ?',
    why: 'a lock that was released for one member makes another one primary, while everything is moved to the first',
    caughtAt: 7,
    seedsAtMost: 150,
    asking: true,
  },
  {
    name: 'a Redis is named before the former one is proved closed',
    file: 'src/core/decision/writer-change.ts',
    find: 'if (known === undefined || proof === null) return null;',
    replace: 'if (known === undefined) return null;',
    why: 'a frozen Redis thaws and lets writers in beside its successor',
    caughtAt: 35,
    seedsAtMost: 150,
    lostRedis: true,
  },
  {
    name: 'sentinels may promote a Redis that was started anew',
    file: 'src/core/replication/promotion-candidate.ts',
    find: 'if (own.primary || !own.follows || own.history !== leading.history) return false;',
    replace: 'if (own.primary || !own.follows || own.history !== leading.history) return true;',
    why: 'a server with what was on its disk takes over, and what was acknowledged since is lost',
    caughtAt: 12,
    seedsAtMost: 150,
    lostRedis: true,
  },
  {
    name: 'whoever is in doubt may be promoted',
    file: 'src/core/decision/candidates.ts',
    find: "  if (difference && difference.wrong !== 'upstream')\n",
    replace:
      "  if (difference && difference.wrong !== 'upstream') return null;\n  if (difference && difference.wrong !== 'upstream')\n",
    why: 'a standby that may have computed something else than what its journal amounts to is to take over',
    scenario: 'doubted-standby',
  },
  {
    name: 'what a replay proved wrong is not told',
    file: 'src/core/diagnosis/diagnose.ts',
    find: 'if (observation.difference) found.push(dataCorrupt(facts, known, observation.difference));',
    replace: 'if (observation.difference) void dataCorrupt;',
    why: 'nobody learns that the primary, or a standby, computes something else than what its journal amounts to',
    scenario: 'wrong-primary',
  },
];
