/**
 * Deliberately broken copies of the shipped code, one change each. The checkers know nothing of them; each must be caught within its
 * number of seeds. This tests the tests: a variant that slips through is a hole in the checkers or in the faults.
 */
export interface Variant {
  readonly name: string;
  /** From the project's root. */
  readonly file: string;
  /** Stands in the file exactly once; the test fails when it does not, so a variant cannot rot unseen. */
  readonly find: string;
  readonly replace: string;
  /** What the broken code would do to a firm. */
  readonly why: string;
  readonly seedsAtMost: number;
}

export const VARIANTS: readonly Variant[] = [
  {
    name: 'expiry is not waited for',
    file: 'src/core/authority/fencing.ts',
    find: "if (leftMs > 0) return { kind: 'in', ms: Math.ceil(leftMs), method: 'lease-expired' };",
    replace: '',
    why: 'promotes beside a writer that may still release',
    seedsAtMost: 150,
  },
  {
    name: 'the lease lasts longer than it was granted',
    file: 'src/engine/held-lease.ts',
    find: 'this.#sentAt.set(this.#counter, now);',
    replace: 'this.#sentAt.set(this.#counter, now + this.#timing.selfFenceAfterMs);',
    why: 'the holder releases after the successor has been promoted',
    seedsAtMost: 150,
  },
  {
    name: 'a missing proof is passed over',
    file: 'src/engine/step-orders.ts',
    find: 'if (!proof || !proofSuffices(component.kind, revokedHolder, proof)) return null;',
    replace: 'if (!proof) continue;',
    why: 'promotes without a fencing proof',
    seedsAtMost: 100,
  },
  {
    name: 'the acknowledgement set shrinks before the record',
    file: 'src/engine/ack-set-upkeep.ts',
    find: 'if (lost.length > 0) return this.#shrink(',
    replace: 'if (lost.length > 0) this.#ask(local, grant, shrunk, now);\n    if (lost.length > 0) return this.#shrink(',
    why: 'what is acknowledged is not held by everybody who may be promoted',
    seedsAtMost: 150,
  },
  {
    name: 'a standby is promotable before the holder waits for it',
    file: 'src/engine/ack-set-upkeep.ts',
    find: 'const joining = sampledSince ? caughtUp.filter((member) => waitsFor.includes(member)) : [];',
    replace: 'const joining = caughtUp;',
    why: 'what is acknowledged is not held by everybody who may be promoted',
    seedsAtMost: 50,
  },
  {
    name: 'the new holder waits for nobody',
    file: 'src/engine/record-change.ts',
    find: 'ackSet: members,\n      promotable: members,',
    replace: 'ackSet: [],\n      promotable: members,',
    why: 'the record promises more than the holder keeps',
    seedsAtMost: 100,
  },
  {
    name: 'an agent obeys an older epoch',
    file: 'src/engine/agent-core.ts',
    find: "if (epoch < highest.epoch) return 'stale-epoch';",
    replace: '',
    why: 'a late command of an ended run is carried out',
    seedsAtMost: 400,
  },
  {
    name: 'an agent obeys an older term',
    file: 'src/engine/agent-core.ts',
    find: "if (term < highest.term) return 'stale-term';",
    replace: '',
    why: 'a deposed leader is obeyed',
    seedsAtMost: 400,
  },
  {
    name: 'anybody may be promoted',
    file: 'src/core/decision/candidates.ts',
    find: 'return safe.includes(instance);',
    replace: 'return safe.length >= 0;',
    why: 'an instance that lacks acknowledged writes takes over',
    seedsAtMost: 200,
  },
  {
    name: 'a lease is renewed whatever the record says',
    file: 'src/engine/agent-core.ts',
    find: '{ key: keys.group(group), revision: this.mirror.revisionOf(keys.group(group)) },',
    replace: '',
    why: 'a revoked holder goes on',
    seedsAtMost: 300,
  },
  {
    name: 'a report of silence is believed although a renewal came later',
    file: 'src/engine/gather.ts',
    find: 'return lease === null || lease.holder !== instance.id || report.leaseCounter >= lease.counter;',
    replace: 'return true;',
    why: 'an instance that was promoted meanwhile is taken for dead',
    seedsAtMost: 1500,
  },
  {
    name: 'a rule that cannot be evaluated passes',
    file: 'src/core/decision/decide.ts',
    find: "const stopping = rules.filter((result) => result.outcome !== 'pass' && !overridden.includes(result.rule));",
    replace: "const stopping = rules.filter((result) => result.outcome === 'block' && !overridden.includes(result.rule));",
    why: 'acts on what nobody could look at',
    seedsAtMost: 200,
  },
  {
    name: 'an approval is not waited for',
    file: 'src/core/decision/decide.ts',
    find: "verdict: 'ask-approval'",
    replace: "verdict: 'proceed'",
    why: 'runs a plan that nobody approved',
    seedsAtMost: 200,
  },
  {
    name: 'the journal does not ask who leads',
    file: 'src/engine/group-control.ts',
    find: 'const compare: Comparison[] = [leadership.comparison(mirror), {',
    replace: 'const compare: Comparison[] = [{',
    why: 'a deposed leader goes on writing the journal',
    seedsAtMost: 1500,
  },
];
