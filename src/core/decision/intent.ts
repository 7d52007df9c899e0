import type { ComponentId, InstanceId, SiteId } from '../base/ids.ts';
import type { DiagnosisKind } from '../diagnosis/diagnosis.ts';
import type { Role } from '../operator/operator-request.ts';
import type { Move } from '../plan/recovery-plan.ts';
import type { RunbookId } from '../plan/runbook.ts';

/** What somebody (a diagnosis, or a person) wants done, bound to candidates, before any rule has been asked. */
export interface Intent {
  readonly runbook: RunbookId;
  readonly scope: 'instance' | 'site';
  /** Of a recovery in place. */
  readonly component?: ComponentId;
  readonly trigger: DiagnosisKind | 'Planned' | 'Activation';
  /** Null = Holdfast itself; a person's name otherwise. */
  readonly requestedBy: string | null;
  /** Of a planned move: who asks, in which role, under which change ticket. Not in the plan's digest. */
  readonly planned?: { readonly role: Role; readonly ticket: string | null };
  readonly reason: string;
  readonly fromSite: SiteId | null;
  readonly toSite: SiteId;
  readonly moves: readonly Move[];
  /** What delegates are asked for; where `from` is `to` it is only made sure of. Absent: nothing. */
  readonly delegates?: readonly Move[];
  /** Components for which no candidate is found, with why each instance was rejected. */
  readonly missing: readonly { readonly component: ComponentId; readonly rejected: readonly Rejection[] }[];
  /** Components whose candidate may lack acknowledged writes. */
  readonly lossy: readonly ComponentId[];
  /** For the receipt: the instances that were not chosen. */
  readonly rejected: readonly Rejection[];
}

export interface Rejection {
  readonly instance: InstanceId;
  readonly reason: string;
}
