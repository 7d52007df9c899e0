import { componentId, epoch, instanceId } from '../../core/base/ids.ts';
import { measureLoss, measureRecovery } from '../../core/objective/measure.ts';
import type { FaultReport, RecoveryReport, TimelineEvent } from '../../core/objective/recovery-report.ts';
import { type RecoveryMarks, recoveryTimeline, stageFigures } from '../../core/objective/recovery-timeline.ts';
import type { ReportWithExposures } from '../../wire/evidence-bundle/accepted-exposures.ts';

/** An invented run of an invented firm, with something of everything a report can show; for tests and for looking at. */
export function sampleReport(): ReportWithExposures {
  return {
    format: 1,
    title: 'Recovery report',
    occasion: 'lab',
    generatedAtMs: startMs + 96_000,
    from: { atMs: startMs, clockErrorMs: 2 },
    untilMs: startMs + 92_400,
    topology: sampleTopology,
    ground: 'loopback',
    authority: { kind: 'lab-only', voters: 1 },
    software: { holdfast: '0.1.0', node: '24.21.0' },
    final: { activeSite: 'nyc', epoch: 46, durability: 'strict', tradingEnabled: true },
    faults: sampleFaults(),
    notActed: [
      {
        atMs: startMs + 31_204,
        group: 'trading',
        verdict: 'hold',
        what: 'failover trading nyc → chi',
        reason: 'the isolated primary could still write',
        rules: [
          {
            rule: 'R-FENCE',
            outcome: 'cannot-evaluate',
            reason: 'nyc cannot be reached from chi or ldn; its lease runs out in 1.3 s',
          },
          { rule: 'R-QUORUM', outcome: 'pass', reason: '2 of 3 observers in 2 sites' },
        ],
        evidence: { chain: 'controller-chi', sequence: 118 },
      },
      {
        atMs: startMs + 74_010,
        group: 'trading',
        verdict: 'ask-approval',
        what: 'failback trading chi → nyc',
        reason: 'the policy of this group asks for a person',
        rules: [],
        evidence: { chain: 'controller-chi', sequence: 301 },
      },
    ],
    acceptedExposures: [
      {
        atMs: startMs + 50_000,
        person: 'Rhea Risk',
        role: 'risk-officer',
        reason: 'nyc is dark for the day',
        group: 'trading',
        epoch: 45,
        covered: [
          {
            component: 'orders-db',
            holder: 'pg-chi',
            lost: ['pg-nyc'],
            position: { generation: 3, sequence: 50_331_648 },
            endedAtMs: startMs + 71_000,
            endedBy: 'strict',
          },
          {
            component: 'trading-engine',
            holder: null,
            lost: ['engine-nyc-1', 'engine-nyc-2'],
            position: null,
            endedAtMs: null,
            endedBy: null,
          },
        ],
        evidence: { chain: 'controller/chi', sequence: 212 },
        intact: false,
      },
    ],
    exposure: {
      intervals: [
        {
          component: componentId('trading-engine'),
          lost: [instanceId('engine-nyc-1'), instanceId('engine-nyc-2')],
          epoch: epoch(45),
          sinceMs: startMs + 42_100,
          untilMs: startMs + 68_900,
          elapsedMs: 26_800,
          atRisk: 24_518,
          endedBy: 'strict',
        },
        {
          component: componentId('orders-db'),
          lost: [instanceId('pg-nyc')],
          epoch: epoch(45),
          sinceMs: startMs + 42_300,
          untilMs: startMs + 71_000,
          elapsedMs: 28_700,
          atRisk: null,
          endedBy: 'strict',
        },
      ],
      totalMs: 55_500,
      totalAtRisk: null,
    },
    evidence: {
      integrity: 'intact',
      completeness: 'complete',
      entries: 1_284,
      sentence:
        'Intact: 1284 entries in 7 chains. Complete up to anchor 31 (countersigned by controller-ldn, controller-nyc).',
      upToAnchor: 31,
      anchorHash: '4be1c0a3975f0f4c8c2f7d28bb1c39d54b1f7a0b92be3d61c71a2d8e0f6a9b3c',
      countersignedBy: ['controller-ldn', 'controller-nyc'],
      chains: [
        'controller-chi',
        'controller-ldn',
        'controller-nyc',
        'agent-chi-1',
        'agent-nyc-1',
        'agent-nyc-2',
        'lab',
      ].map((chain, index) => ({
        chain,
        entries: 120 + index * 21,
        integrity: 'intact' as const,
        fingerprint: `9f${index}c2b71e05d4a6${index}`,
        headHash: `${index}d90b6a1f2e3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5`,
      })),
      problems: [],
      notes: ['agent-nyc-1: the process ended without saying so before entry 61.'],
      unanchored: ['lab (lab): entries 240 to 246 were written after the last anchor'],
      path: 'evidence.json',
    },
    resources: { memoryPeakBytes: 1_184_000_000, cpuSeconds: 71.4, cpuShare: 0.77, wallMs: 92_400, processes: 24 },
    notMeasured: [
      { what: 'Network failover (BGP, VRRP, DNS)', why: 'this ground has no routers; not applicable, and no pass' },
      { what: 'Loss of the authority’s quorum', why: 'the lab-only authority has one voter' },
    ],
  };
}

const startMs = Date.UTC(2026, 10, 21, 3, 12, 0);

const sampleTopology: RecoveryReport['topology'] = {
  name: 'three-site firm',
  sites: [
    { id: 'nyc', title: 'New York', capabilities: ['serve', 'standby'], voter: true, health: 'healthy' },
    { id: 'chi', title: 'Chicago', capabilities: ['serve', 'standby'], voter: true, health: 'healthy' },
    { id: 'ldn', title: 'London', capabilities: ['witness', 'archive'], voter: true, health: 'healthy' },
  ],
  links: [
    { id: 'nyc-chi-a', between: ['nyc', 'chi'], rttMs: 8, bandwidthMbps: 10_000, pathGroup: 'north', priority: 1 },
    { id: 'nyc-chi-b', between: ['nyc', 'chi'], rttMs: 8.4, bandwidthMbps: 10_000, pathGroup: 'south', priority: 1 },
    { id: 'nyc-chi-vpn', between: ['nyc', 'chi'], rttMs: 14, bandwidthMbps: 1_000, pathGroup: 'internet', priority: 2 },
    { id: 'chi-ldn', between: ['chi', 'ldn'], rttMs: 90, bandwidthMbps: 1_000, pathGroup: 'atlantic-1', priority: 1 },
    { id: 'nyc-ldn', between: ['nyc', 'ldn'], rttMs: 75, bandwidthMbps: 1_000, pathGroup: 'atlantic-2', priority: 1 },
  ],
};

function sampleFaults(): readonly FaultReport[] {
  const crash = sampleFault({
    name: 'engine-crash',
    title: 'Engine crash',
    offsetMs: 10_000,
    steps: [6, 3, 128, 41],
    epochFrom: 41,
  });
  const freeze = sampleFault({
    name: 'engine-freeze',
    title: 'Engine freeze',
    offsetMs: 20_000,
    steps: [196, 4, 151, 40],
    epochFrom: 42,
  });
  const host = sampleFault({
    name: 'host-freeze',
    title: 'Host freeze',
    offsetMs: 30_000,
    steps: [251, 1_349, 160, 52],
    epochFrom: 43,
  });
  const site = sampleFault({
    name: 'site-loss',
    title: 'Loss of the active site',
    offsetMs: 40_000,
    steps: [268, 1_420, 1_873, 322],
    epochFrom: 44,
    limits: { detectMs: 1_000, decideMs: 1_000, executeMs: 5_000, validateMs: 1_000 },
  });
  const failback = sampleFault({
    name: 'failback',
    title: 'Failback',
    offsetMs: 76_000,
    steps: [12, 4, null, 61],
    epochFrom: 45,
  });
  return [
    { ...crash, fencingProof: 'process-dead' },
    { ...freeze, unknowns: [{ id: 'O-0041987', resolvedAs: 'acknowledged, found at the exchange' }], ordersUnknown: 1 },
    host,
    {
      ...site,
      activeFrom: 'nyc',
      activeTo: 'chi',
      residue: ['engine-nyc-1 kept a tail of 3 entries that were never acknowledged'],
    },
    {
      ...failback,
      activeFrom: 'chi',
      activeTo: 'nyc',
      fencingProof: 'demoted',
      decidedBy: 'R. Osei (duty manager), plan 7Q4M-2XKD',
      outageMs: null,
    },
  ];
}

interface SampleFault {
  readonly name: string;
  readonly title: string;
  readonly offsetMs: number;
  readonly steps: readonly [number, number, number | null, number];
  readonly epochFrom: number;
  readonly limits?: {
    readonly detectMs: number;
    readonly decideMs: number;
    readonly executeMs: number;
    readonly validateMs: number;
  };
}

export function sampleFault(given: SampleFault): FaultReport {
  const { name, title, offsetMs, steps, epochFrom } = given;
  const good = startMs + offsetMs;
  const [detect, decide, execute, validate] = steps;
  const mark = (afterMs: number) => ({ atMs: good + afterMs, clockErrorMs: 2, clock: 'chi' });
  const marks: RecoveryMarks = {
    lastKnownGood: mark(0),
    detected: mark(detect),
    decided: mark(detect + decide),
    executed: execute === null ? null : mark(detect + decide + execute),
    validated: mark(detect + decide + (execute ?? 90) + validate),
  };
  const timeline = recoveryTimeline(marks);
  const objective = { rtoMs: 30_000, rpoMs: 0 };
  const counts = { orders: 9_811 + offsetMs / 10, commits: 9_790 + offsetMs / 10 };
  return {
    name,
    title,
    what: 'The process was stopped from outside, without warning, while orders flowed at 1,000 a second.',
    group: 'trading',
    activeFrom: 'nyc',
    activeTo: 'nyc',
    decidedBy: 'policy: automatic (demo overlay)',
    planDigest: 'sha256:2f9a7c01be44d5e86a3f',
    marks,
    objective,
    measurements: [
      ...measureRecovery(timeline, { ...objective, availabilityPercent: null, stages: given.limits ?? null }),
      measureLoss({ of: 'orders', acknowledged: counts.orders, lost: 0, oldestLostAgeMs: null }, objective),
      measureLoss({ of: 'commits', acknowledged: counts.commits, lost: 0, oldestLostAgeMs: null }, objective),
    ],
    outageMs: timeline.rtoMs === null ? null : timeline.rtoMs - 9,
    outageResolutionMs: 1,
    rtoMs: timeline.rtoMs,
    leaseBoundMs: 1_600,
    stages: stageFigures(timeline),
    ordersAcked: counts.orders,
    ordersUnknown: 0,
    ordersLost: 0,
    commitsAcked: counts.commits,
    commitsLost: 0,
    epochFrom,
    epochTo: epochFrom + 1,
    fencingProof: 'lease-expired',
    staleWritesAccepted: 0,
    events: sampleEvents(marks, epochFrom),
    rules: [
      {
        rule: 'R-QUORUM',
        outcome: 'pass',
        reason: '3 of 3 observers in 3 sites say failed; 2 dependants lost their primary',
      },
      {
        rule: 'R-FENCE',
        outcome: 'pass',
        reason: 'lease-expired suffices for trading-engine: gate "self" with a bound of 200 ms was armed',
      },
      { rule: 'R-CANDIDATE', outcome: 'pass', reason: 'engine-nyc-2 is in the recorded promotable set' },
      { rule: 'R-COOLDOWN', outcome: 'pass', reason: 'no instance of the target was demoted within 300 s' },
    ],
    alternatives: [{ what: 'promote engine-ldn-1', rejectedBy: 'R-CANDIDATE: the site is a witness' }],
    proofs: [
      {
        method: 'lease-expired',
        scope: instanceId('engine-nyc-1'),
        epoch: epoch(epochFrom),
        sticky: { heal: true, reboot: true },
        evidence: 'last renewal 812 seen 1,604 ms ago, wait 1,600 ms; gate "self" armed, bound 200 ms',
      },
    ],
    losses: [],
    unknowns: [],
    residue: [],
  };
}

function sampleEvents(marks: RecoveryMarks, epochFrom: number): readonly TimelineEvent[] {
  const seen: readonly (readonly [keyof RecoveryMarks, string, string])[] = [
    ['lastKnownGood', 'observation-summary', 'the last end-to-end order was acknowledged in 0.4 ms'],
    ['detected', 'diagnosis', 'PrimaryDown: engine-nyc-1 is silent for 3 of 3 observers'],
    ['decided', 'epoch-raised', `epoch ${epochFrom} → ${epochFrom + 1}; engine-nyc-1 revoked`],
    ['executed', 'step-finished', 'promote engine-nyc-2: ok, primary at its position 88,213'],
    ['validated', 'measurement', 'a test order went end to end; trading enabled'],
  ];
  return seen.flatMap(([name, kind, sentence], index) => {
    const mark = marks[name];
    if (mark === null) return [];
    const evidence = index === 0 ? null : { chain: 'controller-chi', sequence: 80 + index };
    return [
      {
        atMs: mark.atMs,
        clockErrorMs: 2,
        observer: index === 0 ? 'client' : 'controller-chi',
        kind,
        sentence,
        evidence,
      },
    ];
  });
}
