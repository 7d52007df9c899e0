import type { InstanceId } from '../core/base/ids.ts';
import type { AgentEffect, AgentEvent, AgentEvidence } from '../engine/agent-effects.ts';
import type { AgentMemory } from '../engine/agent-memory.ts';
import type { AuthorityPort, TransactionOutcome } from '../engine/authority-port.ts';
import type { ActionOutcome, InstanceDriver } from '../engine/driver-port.ts';
import type { AgentReport, CommandOutcome } from '../engine/messages.ts';
import { byDeadline, Shell, type ShellClock, type ShellCore } from '../engine/shell.ts';

export interface AgentPorts {
  readonly core: ShellCore<AgentEvent, AgentEffect>;
  readonly clock: ShellClock;
  /** Resolves when it is on disk; a rejection ends the agent. */
  readonly saveMemory: (memory: AgentMemory) => Promise<void>;
  readonly authority: Pick<AuthorityPort, 'transact'>;
  readonly drivers: ReadonlyMap<InstanceId, Pick<InstanceDriver, 'perform' | 'confirm' | 'ask'>>;
  readonly report: (report: AgentReport) => void;
  readonly answer: (outcome: CommandOutcome) => void;
  readonly evidence: (about: AgentEvidence) => void;
  readonly failed: (cause: unknown) => void;
}

/** Ports end their calls themselves; this long after the deadline the shell does it for one that does not. */
const GRACE_MS = 100;

/**
 * The agent's shell; the invariants S1–S7 are those of `engine/shell.ts`. Durable: `persist`. Overtaking: `kill`, which voids
 * every action for that instance which has not begun.
 */
export function agentShell(ports: AgentPorts): Shell<AgentEvent, AgentEffect> {
  const shell: Shell<AgentEvent, AgentEffect> = new Shell({
    core: ports.core,
    clock: ports.clock,
    tick: { kind: 'tick' },
    begin: (effect) => begin(effect, ports, (event) => shell.give(event)),
    // A later memory holds all of an earlier one.
    joins: (effect) => effect.kind === 'persist',
    overtakes: (effect) => effect.kind === 'perform' && effect.action.kind === 'kill',
    voids: (waiting, by) => waiting.kind === 'perform' && by.kind === 'perform' && waiting.instance === by.instance,
    dropped: (effect) => {
      if (effect.kind !== 'perform') return;
      const outcome: ActionOutcome = {
        kind: 'failed',
        code: 'overtaken',
        reason: 'a kill came first; it was not begun',
      };
      shell.give({ kind: 'performed', operation: effect.operation, outcome });
    },
    failed: ports.failed,
  });
  return shell;
}

function begin(effect: AgentEffect, ports: AgentPorts, give: (event: AgentEvent) => void): Promise<void> | undefined {
  switch (effect.kind) {
    case 'persist':
      return ports.saveMemory(effect.memory);
    case 'transact': {
      const { transaction, body, deadlineMs } = effect;
      const late = (reason: string): TransactionOutcome => ({ kind: 'unknown', reason });
      void byDeadline(ports.clock, { deadlineMs: deadlineMs + GRACE_MS, late }, () =>
        ports.authority.transact(body, { deadlineMs }),
      ).then((outcome) => give({ kind: 'transacted', transaction, outcome }));
      return undefined;
    }
    case 'perform': {
      const { operation, instance, action, deadlineMs } = effect;
      const driver = ports.drivers.get(instance);
      const late = (reason: string): ActionOutcome => ({ kind: 'unknown', reason });
      void byDeadline(
        ports.clock,
        { deadlineMs: deadlineMs + GRACE_MS, late },
        () => driver?.perform(action, { deadlineMs }) ?? Promise.resolve(noDriver(instance)),
      ).then((outcome) => give({ kind: 'performed', operation, outcome }));
      return undefined;
    }
    case 'confirm': {
      const { operation, instance, condition, deadlineMs } = effect;
      const driver = ports.drivers.get(instance);
      const unknown = 'unknown' as const;
      void byDeadline<'holds' | 'does-not-hold' | 'unknown'>(
        ports.clock,
        { deadlineMs: deadlineMs + GRACE_MS, late: () => unknown },
        () => driver?.confirm(condition, { deadlineMs }) ?? Promise.resolve(unknown),
      ).then((answer) => give({ kind: 'confirmed', operation, answer }));
      return undefined;
    }
    case 'ask': {
      const { operation, instance, question, deadlineMs } = effect;
      const driver = ports.drivers.get(instance);
      const late = (reason: string): ActionOutcome => ({ kind: 'unknown', reason });
      void byDeadline(
        ports.clock,
        { deadlineMs: deadlineMs + GRACE_MS, late },
        () => driver?.ask?.(question, { deadlineMs }) ?? Promise.resolve(cannotTell(instance, question)),
      ).then((outcome) => give({ kind: 'performed', operation, outcome }));
      return undefined;
    }
    case 'report':
      ports.report(effect.report);
      return undefined;
    case 'answer':
      ports.answer(effect.outcome);
      return undefined;
    case 'evidence':
      ports.evidence(effect.about);
      return undefined;
  }
}

const cannotTell = (instance: InstanceId, question: string): ActionOutcome => ({
  kind: 'failed',
  code: 'unknown-method',
  reason: `${instance} tells nothing of its ${question}`,
});

const noDriver = (instance: InstanceId): ActionOutcome => ({
  kind: 'failed',
  code: 'no-driver',
  reason: `this agent's configuration has no instance ${instance}`,
});
