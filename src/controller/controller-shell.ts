import type { HostId } from '../core/base/ids.ts';
import type { PeerOpinion } from '../core/health/verdict.ts';
import type { NetworkTest } from '../core/network/throughput.ts';
import type { OperatorAnswer } from '../core/operator/operator-request.ts';
import type { AuthorityPort, TransactionOutcome } from '../engine/authority-port.ts';
import type { ControllerEffect, ControllerEvent, ControllerEvidence } from '../engine/controller-effects.ts';
import type { Command } from '../engine/messages.ts';
import { byDeadline, Shell, type ShellClock, type ShellCore } from '../engine/shell.ts';

export interface ControllerPorts {
  readonly core: ShellCore<ControllerEvent, ControllerEffect>;
  readonly clock: ShellClock;
  readonly authority: Pick<AuthorityPort, 'transact'>;
  readonly reloadAuthority: () => void;
  readonly command: (host: HostId, command: Command) => void;
  readonly networkTest: (host: HostId, test: NetworkTest) => void;
  readonly tellPeers: (opinion: PeerOpinion) => void;
  readonly answer: (ticket: number, answer: OperatorAnswer) => void;
  /** Resolves when it is on disk; a rejection ends the controller. */
  readonly record: (entry: ControllerEvidence) => Promise<void>;
  readonly failed: (cause: unknown) => void;
}

/** Ports end their calls themselves; this long after the deadline the shell does it for one that does not. */
const GRACE_MS = 100;

/**
 * The controller's shell; the invariants S1–S7 are those of `engine/shell.ts`. Durable: `evidence`, so that no answer leaves and no
 * entry of the journal is asked for before what led to it is recorded. Commands pass it: what they rely on is the journal in the
 * authority, where a majority has it on disk before anything is commanded (I8, ADR 0018). A controller that cannot record ends.
 */
export function controllerShell(ports: ControllerPorts): Shell<ControllerEvent, ControllerEffect> {
  const shell: Shell<ControllerEvent, ControllerEffect> = new Shell({
    core: ports.core,
    clock: ports.clock,
    tick: { kind: 'tick' },
    begin: (effect) => begin(effect, ports, (event) => shell.give(event)),
    // The log numbers entries in the order of the calls, and those waiting together share one sync.
    joins: (effect) => effect.kind === 'evidence',
    passes: (effect) => effect.kind === 'command',
    failed: ports.failed,
  });
  return shell;
}

function begin(
  effect: ControllerEffect,
  ports: ControllerPorts,
  give: (event: ControllerEvent) => void,
): Promise<void> | undefined {
  switch (effect.kind) {
    case 'evidence':
      return ports.record(effect.entry);
    case 'transact': {
      const { transaction, body, deadlineMs } = effect;
      const late = (reason: string): TransactionOutcome => ({ kind: 'unknown', reason });
      void byDeadline(ports.clock, { deadlineMs: deadlineMs + GRACE_MS, late }, () =>
        ports.authority.transact(body, { deadlineMs }),
      ).then((outcome) => give({ kind: 'transacted', transaction, outcome }));
      return undefined;
    }
    case 'reload-authority':
      ports.reloadAuthority();
      return undefined;
    case 'command':
      ports.command(effect.host, effect.command);
      return undefined;
    case 'network-test':
      ports.networkTest(effect.host, effect.test);
      return undefined;
    case 'tell-peers':
      ports.tellPeers(effect.opinion);
      return undefined;
    case 'answer':
      ports.answer(effect.ticket, effect.answer);
      return undefined;
  }
}
