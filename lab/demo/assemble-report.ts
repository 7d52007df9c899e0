import type { FencingProof } from '../../src/core/authority/fencing-proof.ts';
import type { EvidenceVerdict } from '../../src/core/evidence/verify-evidence.ts';
import { evidenceProblems } from '../../src/core/evidence/verify-evidence.ts';
import { type Measurement, measure } from '../../src/core/objective/measure.ts';
import type {
  EvidenceSummary,
  FaultReport,
  LossItem,
  RecoveryReport,
  TimelineEvent,
} from '../../src/core/objective/recovery-report.ts';
import {
  type Mark,
  type RecoveryMarks,
  recoveryTimeline,
  stageFigures,
} from '../../src/core/objective/recovery-timeline.ts';
import type { RunState } from '../../src/core/run/run.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import type { ActOutcome } from './acts.ts';
import type { Verification } from './platform.ts';
import type { GroupView } from './status-view.ts';

/** All processes of the loopback lab read one clock. */
const CLOCK = 'this machine';
const mark = (atMs: number | null): Mark | null => (atMs === null ? null : { atMs, clockErrorMs: 0, clock: CLOCK });

/** What `lab/demo` knows at its end; the report is computed from it and adds nothing. */
export interface DemoFacts {
  readonly topology: Topology;
  readonly acts: readonly ActOutcome[];
  readonly final: GroupView;
  readonly finalVerification: Verification;
  readonly authority: { readonly kind: string; readonly voters: number };
  readonly evidence: EvidenceVerdict;
  readonly evidencePath: string;
  readonly resources: RecoveryReport['resources'];
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly software: Readonly<Record<string, string>>;
}

export function assembleReport(facts: DemoFacts): RecoveryReport {
  const { topology, final } = facts;
  const group = topology.groups[0]!;
  const modes = Object.values(final.record?.grants ?? {}).map((grant) => grant.mode.kind);
  return {
    format: 1,
    title: `Recovery demonstration: ${topology.name}`,
    occasion: 'lab',
    generatedAtMs: facts.endedAtMs,
    from: { atMs: facts.startedAtMs, clockErrorMs: 0 },
    untilMs: facts.endedAtMs,
    topology: {
      name: topology.name,
      sites: topology.sites.map((site) => ({
        id: site.id,
        title: site.title,
        capabilities: site.capabilities,
        voter: site.voter,
        health: final.sites.find((each) => each.site === site.id)?.state ?? 'unknown',
      })),
      links: topology.links.map(({ id, between, rttMs, bandwidthMbps, pathGroup, priority }) => ({
        id,
        between,
        rttMs,
        bandwidthMbps,
        pathGroup,
        priority,
      })),
    },
    ground: 'loopback',
    authority: facts.authority,
    software: facts.software,
    final: {
      activeSite: final.record?.activeSite ?? null,
      epoch: final.record?.epoch ?? null,
      durability: modes.includes('halted')
        ? 'halted'
        : modes.includes('degraded')
          ? 'degraded'
          : modes.length > 0
            ? 'strict'
            : null,
      tradingEnabled: final.record?.tradingEnabled ?? null,
    },
    faults: facts.acts.map((act) => faultReport(act, topology, group.id)),
    notActed: [],
    exposure: null,
    evidence: summaryOf(facts.evidence, facts.evidencePath),
    resources: facts.resources,
    notMeasured: [
      {
        what: 'disk and power loss',
        why: 'on one machine a process loses its memory, not what the kernel has already taken for the disk',
      },
      {
        what: 'the quorum of the authority',
        why: `the loopback ground's authority is ${facts.authority.kind} with ${facts.authority.voters} voter; its round trip is charged, its failures are tried against etcd in the integration tests`,
      },
      { what: 'routes, names, VIPs, cache', why: 'not on this ground: not-applicable' },
      {
        what: 'writes at risk',
        why: 'stretches without a copy are in the evidence (durability-changed) and not counted on this ground yet',
      },
    ],
  };
}

function faultReport(act: ActOutcome, topology: Topology, group: string): FaultReport {
  const marks = marksOf(act);
  const timeline = recoveryTimeline(marks);
  const losses = lossesOf(act.verification);
  const counted = act.verification.verdict !== 'inconclusive';
  const objective = objectiveOf(act, topology);
  const proof = act.run?.proofs.find((each) => each.method !== 'never-held') ?? act.run?.proofs[0] ?? null;
  const measurements: Measurement[] = [
    measure({
      name: 'rto',
      unit: 'ms',
      value: timeline.rtoMs,
      uncertainty: timeline.uncertaintyMs,
      limit: objective.rtoMs,
      missing: timeline.problems.join('; '),
    }),
    measure({
      name: 'rpo.orders',
      unit: 'count',
      value: count(act.verification, 'ordersLost'),
      uncertainty: 0,
      limit: 0,
      missing: act.verification.reasons.join('; '),
    }),
    measure({
      name: 'rpo.commits',
      unit: 'count',
      value: count(act.verification, 'commitsLost'),
      uncertainty: 0,
      limit: 0,
      missing: act.verification.reasons.join('; '),
    }),
  ];
  return {
    name: act.name,
    title: act.title,
    what: act.what,
    group,
    activeFrom: act.before.record?.activeSite ?? null,
    activeTo: act.run?.plan.toSite ?? null,
    decidedBy: act.run?.by ?? null,
    planDigest: act.run?.plan.digest ?? null,
    marks,
    objective,
    measurements,
    outageMs: act.flow.outageMs,
    outageResolutionMs: act.flow.resolution.atEdgesMs,
    rtoMs: timeline.rtoMs,
    leaseBoundMs: act.leaseBoundMs,
    stages: stageFigures(timeline),
    ordersAcked: act.flow.ordersAcked,
    ordersUnknown: act.flow.ordersUnknown,
    ordersLost: counted ? count(act.verification, 'ordersLost') : null,
    commitsAcked: act.flow.commitsAcked,
    commitsLost: counted ? count(act.verification, 'commitsLost') : null,
    epochFrom: act.before.record?.epoch ?? null,
    epochTo: act.after.record?.epoch ?? null,
    fencingProof: proof?.method ?? null,
    staleWritesAccepted: act.verification.staleWritesAccepted,
    events: eventsOf(act),
    rules: act.decision?.rules.map(({ rule, outcome, reason }) => ({ rule, outcome, reason })) ?? [],
    alternatives: act.decision?.rejected.map(({ instance, reason }) => ({ what: instance, rejectedBy: reason })) ?? [],
    proofs: (act.run?.proofs ?? []) as readonly FencingProof[],
    losses,
    unknowns: [],
    residue: residueOf(act.run),
  };
}

function objectiveOf(act: ActOutcome, topology: Topology): { readonly rtoMs: number; readonly rpoMs: number } {
  const moved = act.run?.plan.moves.map((move) => move.component) ?? [];
  const components = topology.components.filter((component) => moved.includes(component.id));
  // What depends on others is back when they are: the longest of those that moved.
  return { rtoMs: Math.max(0, ...components.map((component) => component.objective.rtoMs)) || 900_000, rpoMs: 0 };
}

/** The clock starts at the last order that a client saw acknowledged; on a planned move at the request, if that was earlier. */
function marksOf({ flow, run }: ActOutcome): RecoveryMarks {
  const lastSuccess = flow.lastSuccessAt === null ? null : Date.parse(flow.lastSuccessAt);
  const detected = run?.detectedAt ?? null;
  const finishedAt = (kind: string) => run?.steps.find((step) => step.step.kind === kind)?.finishedAt ?? null;
  const good = lastSuccess === null ? null : detected === null ? lastSuccess : Math.min(lastSuccess, detected);
  return {
    lastKnownGood: mark(good),
    detected: mark(detected),
    decided: mark(run?.decidedAt ?? null),
    executed: mark(finishedAt('move-traffic')),
    validated: mark(finishedAt('enable-trading')),
  };
}

/** Every list of the two-way check that is not empty is a loss by name; what could not be read is no list. */
export function lossesOf(verification: Verification): readonly LossItem[] {
  const lists: readonly (readonly [string, LossItem['of'], LossItem['how']])[] = [
    ['ordersLost', 'orders', 'missing'],
    ['ordersDuplicated', 'orders', 'duplicated'],
    ['ordersAltered', 'orders', 'altered'],
    ['ordersNeverSent', 'orders', 'never-sent'],
    ['executionsLost', 'orders', 'missing'],
    ['executionsDuplicated', 'orders', 'duplicated'],
    ['executionsAltered', 'orders', 'altered'],
    ['persistedMissing', 'orders', 'missing'],
    ['persistedAltered', 'orders', 'altered'],
    ['persistedBreaks', 'orders', 'altered'],
    ['commitsLost', 'commits', 'missing'],
    ['commitsDuplicated', 'commits', 'duplicated'],
    ['commitsAltered', 'commits', 'altered'],
    ['commitsNeverSent', 'commits', 'never-sent'],
  ];
  const found = lists.flatMap(([list, of, how]) =>
    ((verification[list] as readonly (string | { readonly id: string; readonly what: string })[] | null) ?? []).map(
      (item): LossItem =>
        typeof item === 'string'
          ? { of, how, id: item, detail: `${list} by the two-way check` }
          : { of, how, id: item.id, detail: item.what },
    ),
  );
  const stale = verification.staleWritesAccepted ?? 0;
  return stale > 0
    ? [
        ...found,
        {
          of: 'stale-writes',
          how: 'accepted-from-old-epoch',
          id: `${stale}`,
          detail: `the exchange counted ${stale} writes accepted from a session of an older epoch`,
        },
      ]
    : found;
}

const count = (verification: Verification, list: string): number | null =>
  (verification[list] as readonly unknown[] | null)?.length ?? null;

function eventsOf({ run, flow, brokenAtMs, what }: ActOutcome): readonly TimelineEvent[] {
  const event = (atMs: number, observer: string, kind: string, sentence: string): TimelineEvent => ({
    atMs,
    clockErrorMs: 0,
    observer,
    kind,
    sentence,
    evidence: null,
  });
  const events: TimelineEvent[] = [];
  if (flow.lastSuccessAt)
    events.push(event(Date.parse(flow.lastSuccessAt), 'order flow', 'client', 'last order acknowledged'));
  if (brokenAtMs !== null) events.push(event(brokenAtMs, 'lab', 'fault-injected', what));
  if (flow.firstSuccessAt)
    events.push(
      event(
        Date.parse(flow.firstSuccessAt),
        'order flow',
        'client',
        'orders are acknowledged again, for a second without a gap',
      ),
    );
  if (run) {
    events.push(
      event(run.detectedAt, 'controller', 'diagnosis', `${run.plan.trigger} in ${run.plan.fromSite ?? 'no site'}`),
    );
    events.push(event(run.openedAt, 'controller', 'run-opened', `${run.run}: ${run.plan.runbook}, ${run.by}`));
    for (const step of run.steps)
      if (step.finishedAt !== null)
        events.push(
          event(
            step.finishedAt,
            'controller',
            'step-finished',
            `${step.step.id}: ${step.outcome} (${step.startedAt === null ? '?' : step.finishedAt - step.startedAt} ms)`,
          ),
        );
  }
  return events.toSorted((left, right) => left.atMs - right.atMs);
}

const residueOf = (run: RunState | null): readonly string[] =>
  run?.steps.some((step) => step.step.kind === 'residue-check' && step.outcome !== 'ok')
    ? ['the residue check did not pass']
    : [];

function summaryOf(verdict: EvidenceVerdict, path: string): EvidenceSummary {
  const { integrity, completeness } = verdict;
  return {
    integrity,
    completeness: completeness.verdict,
    entries: verdict.entries,
    sentence: verdict.sentence,
    upToAnchor: completeness.upToAnchor?.number ?? null,
    anchorHash: completeness.upToAnchor?.hash ?? null,
    countersignedBy: completeness.upToAnchor?.countersignedBy ?? [],
    chains: verdict.chains.map((chain) => ({
      chain: chain.chain,
      entries: chain.entries,
      integrity: chain.integrity,
      fingerprint: chain.fingerprint,
      headHash: chain.head?.hash ?? null,
    })),
    problems: evidenceProblems(verdict),
    notes: verdict.notes,
    unanchored: completeness.unanchored.map((branch) => `${branch.chain} from entry ${branch.from}`),
    path,
  };
}
