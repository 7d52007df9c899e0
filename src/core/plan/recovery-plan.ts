import { canonicalJson, type Digest } from '../base/canonical-json.ts';
import {
  type ComponentId,
  type GroupId,
  type InstanceId,
  type PlanDigest,
  planDigest,
  type SiteId,
  type StepId,
} from '../base/ids.ts';
import type { DiagnosisKind } from '../diagnosis/diagnosis.ts';
import type { DrainExpiry, RunbookId, StepKind } from './runbook.ts';

/** A runbook bound to present facts. What is approved is its digest. */
export interface RecoveryPlan {
  readonly runbook: RunbookId;
  readonly runbookVersion: number;
  readonly group: GroupId;
  readonly scope: 'instance' | 'site';
  readonly trigger: DiagnosisKind | 'Planned' | 'Activation';
  /** Of a recovery in place: whose actions its steps are. */
  readonly component?: ComponentId;
  readonly fromSite: SiteId | null;
  readonly toSite: SiteId;
  readonly moves: readonly Move[];
  /** What delegates are asked for, before what depends on it is promoted. Absent: nothing. */
  readonly delegates?: readonly Move[];
  readonly steps: readonly Step[];
  readonly predicted: Prediction;
  readonly digest: PlanDigest;
}

/** One component changes hands. `from` null = nobody holds it, or nobody is known to. */
export interface Move {
  readonly component: ComponentId;
  readonly from: InstanceId | null;
  readonly to: InstanceId;
}

export interface Step {
  readonly id: StepId;
  readonly kind: StepKind;
  readonly deadlineMs: number;
  readonly does: string;
  /** Of a drain: what happens when it has not ended by its deadline. */
  readonly onExpiry?: DrainExpiry;
  /** Of `act`. */
  readonly action?: string;
  /** After this only forward: the run is finished or replaced by a newer epoch, never undone. */
  readonly pointOfNoReturn: boolean;
}

export interface Prediction {
  /** Bounds, not moving numbers: part of the digest. */
  readonly lossBound: LossBound;
  /** The mode that each component starts in on its new holder, as things are now. Part of the digest, without who is missing. */
  readonly durability: readonly StartsIn[];
  /** What was last seen of the difference, for people; empty while nothing may be lost. Moving numbers, not in the digest. */
  readonly lossSeen: readonly LossSeen[];
  /** From the decision to the end, the median of the group's last completed runs of this runbook; null while there is none. */
  readonly durationMs: number | null;
  /** Upper bound of the wait for a fencing proof. */
  readonly fenceWaitMs: number;
}

/** `lost`: whoever could confirm and would not. */
export interface StartsIn {
  readonly component: ComponentId;
  readonly mode: 'strict' | 'degraded' | 'halted';
  readonly lost: readonly InstanceId[];
}

/** How far a candidate's log was behind the old holder's, as both were last seen: a lower bound of what is lost, never an upper one. */
export interface LossSeen {
  readonly component: ComponentId;
  readonly candidate: InstanceId;
  readonly holder: InstanceId | null;
  /** In the log's own unit (entries of a journal, bytes of WAL); null = not comparable or never seen. */
  readonly behind: number | null;
  /** Age of the word about the holder; null = never seen. */
  readonly holderSeenMsAgo: number | null;
}

/** `none`: every candidate holds everything acknowledged (I9). `unbounded` needs an approval that names the loss. */
export type LossBound =
  | { readonly kind: 'none' }
  | { readonly kind: 'unbounded'; readonly components: readonly ComponentId[] };

export function digestOf(
  plan: Omit<RecoveryPlan, 'digest' | 'predicted' | 'trigger'> & Pick<Prediction, 'lossBound' | 'durability'>,
  digest: Digest,
): PlanDigest {
  const { runbook, runbookVersion, group, scope, fromSite, toSite, moves, steps, lossBound } = plan;
  const component = plan.component === undefined ? {} : { component: plan.component };
  const delegates = plan.delegates === undefined ? {} : { delegates: plan.delegates };
  const durability = plan.durability.map(({ component, mode }) => ({ component, mode }));
  return planDigest(
    digest(
      canonicalJson({
        runbook,
        runbookVersion,
        group,
        scope,
        fromSite,
        toSite,
        moves,
        steps,
        lossBound,
        durability,
        ...component,
        ...delegates,
      }),
    ).slice(0, 16),
  );
}
