import type { FencingProof } from '../../src/core/authority/fencing-proof.ts';
import type { GroupRecord } from '../../src/core/authority/group-record.ts';
import type { RuleResult } from '../../src/core/decision/safety-rule.ts';
import type { Diagnosis, DiagnosisKind } from '../../src/core/diagnosis/diagnosis.ts';
import type { InstanceObservation } from '../../src/core/health/instance-observation.ts';
import type { RunState } from '../../src/core/run/run.ts';

/** The parts of a controller's status answer that the lab's acts look at. */
export interface StatusView {
  readonly leader: { readonly controller: string; readonly term: number } | null;
  readonly groups: readonly GroupView[];
}

export interface GroupView {
  readonly group: string;
  readonly record: GroupRecord | null;
  readonly sites: readonly {
    readonly site: string;
    readonly state: 'healthy' | 'degraded' | 'suspect' | 'failed' | 'unknown';
  }[];
  readonly hosts: readonly {
    readonly host: string;
    readonly site: string;
    readonly state: string;
    readonly connected: boolean;
  }[];
  readonly instances: readonly {
    readonly instance: string;
    readonly component: string;
    readonly site: string;
    readonly state: string;
    readonly fresh: boolean;
    readonly observation: InstanceObservation | null;
  }[];
  /** Newest renewal of each holder, with the gate that it names. */
  readonly leases: readonly {
    readonly component: string;
    readonly holder: string;
    readonly gate: { readonly kind: string; readonly boundMs: number } | null;
  }[];
  readonly leaseBoundMs: number;
  readonly diagnoses: readonly Diagnosis[];
  readonly decision: DecisionView | null;
  readonly run: (RunState & { readonly proofs: readonly FencingProof[] }) | null;
}

export interface DecisionView {
  readonly verdict: 'stand-down' | 'hold' | 'ask-approval' | 'proceed';
  readonly reason: string;
  readonly policy: string;
  readonly digest: string;
  readonly rules: readonly RuleResult[];
  readonly rejected: readonly { readonly instance: string; readonly reason: string }[];
}

/** What keeps the platform from being as its topology wants it; null = nothing. */
export const unsettled = (group: GroupView): string | null => unsettledBut(group, []);

/** The same where diagnoses of these kinds are for people to look at, too, and keep nothing from working. */
export function unsettledBut(group: GroupView, borne: readonly DiagnosisKind[]): string | null {
  const missing = incomplete(group);
  if (missing !== null) return missing;
  // So is a tail that was kept aside.
  const wrong = group.diagnoses.find(({ kind }) => kind !== 'DataDiverged' && !borne.includes(kind));
  return wrong ? `${wrong.kind}: ${wrong.summary}` : null;
}

/** The same, whatever is diagnosed. */
export function incomplete({ record, instances, hosts }: GroupView): string | null {
  if (record === null || record.activeSite === null) return 'not activated yet';
  if (record.run !== null) return `run ${record.run} is open`;
  if (!record.tradingEnabled || record.traffic !== record.activeSite) return 'new risk is not accepted yet';
  for (const grant of Object.values(record.grants)) {
    if (grant.holder === null) return `nobody holds ${grant.component}`;
    if (grant.mode.kind !== 'strict') return `${grant.component} is ${grant.mode.kind}`;
    const holder = instances.find((each) => each.instance === grant.holder);
    if (!holder?.fresh || !holder.observation?.releasing) return `${grant.holder} does not release`;
    const absent = holder.observation.replicas.find((replica) => replica.state !== 'in-sync');
    if (absent) return `${absent.instance} is ${absent.state}`;
  }
  const host = hosts.find((each) => each.state !== 'healthy' || !each.connected);
  if (host) return `${host.host} is ${host.state}`;
  const behind = instances.find(
    (each) => each.observation?.role !== 'primary' && each.observation?.process !== 'running',
  );
  if (behind) return `${behind.instance} is ${behind.observation?.process ?? 'unknown'}`;
  const lone = instances.find((each) => {
    const grant = record.grants[each.component as never];
    return (
      grant !== undefined &&
      grant.ackSet.length > 0 &&
      grant.holder !== each.instance &&
      each.observation?.upstream?.connected !== true
    );
  });
  return lone ? `${lone.instance} does not follow yet` : null;
}
