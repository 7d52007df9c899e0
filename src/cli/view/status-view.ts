import type { Attestation } from '../../core/authority/attestation.ts';
import type { GroupRecord } from '../../core/authority/group-record.ts';
import type { Json } from '../../core/base/canonical-json.ts';
import type { Brake, FinishedRun } from '../../core/decision/brakes.ts';
import type { Diagnosis } from '../../core/diagnosis/diagnosis.ts';
import { type HostCheck, hostCheckKinds, hostCheckStates } from '../../core/health/host-checks.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type { Verdict } from '../../core/health/verdict.ts';
import type { RunState } from '../../core/run/run.ts';
import { type SchedulingClass, schedulingClasses } from '../../core/topology/topology.ts';
import { Fields } from '../../wire/fields.ts';
import { parseReceipt, type ReceiptView } from './receipt-view.ts';

/** What one controller knows, as its operator API says it (`status`). Ages are milliseconds at the moment `at`. */
export interface StatusView {
  /** UTC on the answering controller's clock. */
  readonly at: number;
  readonly controller: { readonly id: string; readonly site: string; readonly leading: boolean; readonly term: number };
  /** The last leader that the answering controller heard of; it may be gone. */
  readonly leader: { readonly controller: string; readonly term: number } | null;
  readonly authority: {
    /** Null: this controller never heard it. */
    readonly heardMsAgo: number | null;
    readonly incarnation: string | null;
    readonly voters: number;
  };
  readonly groups: readonly GroupView[];
}

export interface GroupView {
  readonly group: string;
  /** Null before the first activation. */
  readonly record: GroupRecord | null;
  readonly policy: { readonly instance: string; readonly site: string };
  readonly brakes: {
    readonly frozen: Brake | null;
    readonly maintenance: Brake | null;
    readonly fenced: readonly string[];
    readonly history: readonly FinishedRun[];
    /** Not expired; those without a second person count for nothing yet. */
    readonly attestations: readonly Attestation[];
  };
  readonly sites: readonly SiteView[];
  readonly hosts: readonly HostView[];
  readonly instances: readonly InstanceView[];
  readonly leases: readonly LeaseView[];
  /** Longest wait until a silent holder is known to have stopped. */
  readonly leaseBoundMs: number;
  readonly diagnoses: readonly Diagnosis[];
  readonly decision: ReceiptView | null;
  readonly run: RunState | null;
}

export type State = Verdict['state'];

export interface SiteView {
  readonly site: string;
  readonly title: string;
  readonly capabilities: readonly string[];
  readonly state: State;
  readonly evidence: readonly string[];
}

export interface HostView {
  readonly host: string;
  readonly site: string;
  readonly state: State;
  readonly connected: boolean;
  readonly scheduling: HostSchedulingView;
  /** Absent: the topology asks for none. */
  readonly checks?: readonly HostCheck[];
  readonly observers: readonly ObserverView[];
}

/** As the host's agent last said; `asked` is what the topology says. Nothing said yet: no processes. */
export interface HostSchedulingView {
  readonly asked: SchedulingClass | null;
  readonly processes: readonly { readonly process: string; readonly class: SchedulingClass }[];
}

export interface ObserverView {
  readonly site: string;
  readonly opinion: 'alive' | 'silent' | 'unknown';
  readonly silentMs: number;
}

export interface InstanceView {
  readonly instance: string;
  readonly component: string;
  readonly site: string;
  readonly state: State;
  readonly evidence: readonly string[];
  readonly fresh: boolean;
  readonly ageMs: number | null;
  readonly provedDead: boolean;
  /** The last that was seen, however old. */
  readonly observation: InstanceObservation | null;
}

export interface LeaseView {
  readonly component: string;
  readonly holder: string;
  readonly epoch: number;
  readonly seenMsAgo: number;
  readonly gate: { readonly kind: string; readonly boundMs: number } | null;
}

const states: readonly State[] = ['healthy', 'degraded', 'suspect', 'failed', 'unknown'];

/** @throws ShapeError */
export function parseStatus(value: Json): StatusView {
  const fields = Fields.of(value, 'status');
  const controller = fields.fields('controller');
  const authority = fields.fields('authority');
  const leader = fields.fieldsOrNull('leader');
  return {
    at: fields.number('at'),
    controller: {
      id: controller.text('id'),
      site: controller.text('site'),
      leading: controller.flag('leading'),
      term: controller.number('term'),
    },
    leader: leader === null ? null : { controller: leader.text('controller'), term: leader.number('term') },
    authority: {
      heardMsAgo: authority.numberOrNull('heardMsAgo'),
      incarnation: authority.textOrNull('incarnation'),
      voters: authority.number('voters'),
    },
    groups: fields.list('groups', parseGroup),
  };
}

function parseGroup(value: unknown, at: string): GroupView {
  const fields = Fields.of(value, at);
  const policy = fields.fields('policy');
  const brakes = fields.fields('brakes');
  return {
    group: fields.text('group'),
    record: fields.has('record') ? (fields.fields('record').raw() as unknown as GroupRecord) : null,
    policy: { instance: policy.text('instance'), site: policy.text('site') },
    brakes: {
      frozen: brakes.json('frozen', null) as unknown as Brake | null,
      maintenance: brakes.json('maintenance', null) as unknown as Brake | null,
      fenced: brakes.texts('fenced', []),
      history: brakes.json('history', []) as unknown as readonly FinishedRun[],
      attestations: brakes.json('attestations', []) as unknown as readonly Attestation[],
    },
    sites: fields.list('sites', parseSite),
    hosts: fields.list('hosts', parseHost),
    instances: fields.list('instances', parseInstance),
    leases: fields.list('leases', (lease, where) => Fields.of(lease, where).raw() as unknown as LeaseView, []),
    leaseBoundMs: fields.number('leaseBoundMs'),
    diagnoses: fields.list('diagnoses', (each, where) => Fields.of(each, where).raw() as unknown as Diagnosis, []),
    decision: fields.has('decision') ? parseReceipt(fields.json('decision')) : null,
    run: fields.has('run') ? (fields.fields('run').raw() as unknown as RunState) : null,
  };
}

function parseSite(value: unknown, at: string): SiteView {
  const fields = Fields.of(value, at);
  return {
    site: fields.text('site'),
    title: fields.words('title', ''),
    capabilities: fields.texts('capabilities', []),
    state: fields.oneOf('state', states),
    evidence: fields.list('evidence', String, []),
  };
}

function parseHost(value: unknown, at: string): HostView {
  const fields = Fields.of(value, at);
  return {
    host: fields.text('host'),
    site: fields.text('site'),
    state: fields.oneOf('state', states),
    connected: fields.flag('connected', false),
    scheduling: parseScheduling(fields.fieldsOrNull('scheduling')),
    ...(fields.has('checks') ? { checks: fields.list('checks', parseCheck) } : {}),
    observers: fields.list(
      'observers',
      (observer, where) => {
        const one = Fields.of(observer, where);
        return {
          site: one.text('site'),
          opinion: one.oneOf('opinion', ['alive', 'silent', 'unknown']),
          silentMs: one.number('silentMs', 0),
        };
      },
      [],
    ),
  };
}

function parseCheck(value: unknown, at: string): HostCheck {
  const fields = Fields.of(value, at);
  return {
    check: fields.oneOf('check', hostCheckKinds),
    of: fields.words('of', ''),
    state: fields.oneOf('state', hostCheckStates),
    found: fields.words('found', ''),
  };
}

const parseScheduling = (fields: Fields | null): HostSchedulingView => ({
  asked: fields?.has('asked') ? fields.oneOf('asked', schedulingClasses) : null,
  processes:
    fields?.list(
      'processes',
      (value, at) => {
        const one = Fields.of(value, at);
        return { process: one.text('process'), class: one.oneOf('class', schedulingClasses) };
      },
      [],
    ) ?? [],
});

function parseInstance(value: unknown, at: string): InstanceView {
  const fields = Fields.of(value, at);
  return {
    instance: fields.text('instance'),
    component: fields.text('component'),
    site: fields.text('site'),
    state: fields.oneOf('state', states),
    evidence: fields.list('evidence', String, []),
    fresh: fields.flag('fresh', false),
    ageMs: fields.numberOrNull('ageMs'),
    provedDead: fields.flag('provedDead', false),
    observation: fields.has('observation')
      ? (fields.fields('observation').raw() as unknown as InstanceObservation)
      : null,
  };
}
