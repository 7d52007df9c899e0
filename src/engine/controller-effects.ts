import type { Json } from '../core/base/canonical-json.ts';
import type { ControllerId, Epoch, GroupId, HostId, RunId, SiteId, Term } from '../core/base/ids.ts';
import type { HostReport } from '../core/health/host-report.ts';
import type { PeerOpinion } from '../core/health/verdict.ts';
import type { NetworkReport } from '../core/network/network-report.ts';
import type { NetworkTest, NetworkTestResult } from '../core/network/throughput.ts';
import type { OperatorAnswer, OperatorRequest, Person } from '../core/operator/operator-request.ts';
import type { AuthorityEvent } from './agent-effects.ts';
import type { Transaction } from './authority-port.ts';
import type { AgentReport, Command, CommandOutcome } from './messages.ts';

/** Everything that can happen to a controller. Times come with each event. */
export type ControllerEvent =
  | { readonly kind: 'tick' }
  /** From an agent; its arrival is its heartbeat. */
  | { readonly kind: 'report'; readonly report: AgentReport }
  /** The connection to an agent came up or was seen to end. Its end is evidence, not a verdict. */
  | { readonly kind: 'agent-link'; readonly host: HostId; readonly up: boolean }
  | { readonly kind: 'peer-opinion'; readonly opinion: PeerOpinion }
  /** From the prober of a site; it is no heartbeat. */
  | { readonly kind: 'network-report'; readonly report: NetworkReport }
  | { readonly kind: 'host-report'; readonly report: HostReport }
  /** What became of a measurement that was asked for. */
  | { readonly kind: 'network-result'; readonly result: NetworkTestResult }
  | { readonly kind: 'command-outcome'; readonly outcome: CommandOutcome }
  | { readonly kind: 'operator'; readonly request: OperatorRequest; readonly person: Person; readonly ticket: number }
  | AuthorityEvent;

/** What a controller wants done, in order. */
export type ControllerEffect =
  | { readonly kind: 'transact'; readonly transaction: number; readonly body: Transaction; readonly deadlineMs: number }
  /** Read everything again: an outcome is unknown, or the watch has a gap. */
  | { readonly kind: 'reload-authority' }
  | { readonly kind: 'command'; readonly host: HostId; readonly command: Command }
  /** Not kept for later: whoever wants it asks again. */
  | { readonly kind: 'network-test'; readonly host: HostId; readonly test: NetworkTest }
  | { readonly kind: 'tell-peers'; readonly opinion: PeerOpinion }
  | { readonly kind: 'answer'; readonly ticket: number; readonly answer: OperatorAnswer }
  | { readonly kind: 'evidence'; readonly entry: ControllerEvidence };

export interface ControllerEvidence {
  /** One of the closed list in `core/evidence/evidence-kind.ts`. */
  readonly kind: string;
  readonly group: GroupId | null;
  readonly run: RunId | null;
  readonly epoch: Epoch | null;
  readonly term: Term | null;
  readonly data: Json;
}

export interface ControllerIdentity {
  readonly id: ControllerId;
  readonly site: SiteId;
}
