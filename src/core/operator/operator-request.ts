import type { Json } from '../base/canonical-json.ts';
import type { ServiceOrder } from '../health/service-state.ts';

/** A person, as their client certificate names them. */
export interface Person {
  readonly name: string;
  readonly role: Role;
}

/** Each may do what those before it may. What each adds is in `roleNeeded`. */
export const ROLES = ['observer', 'operator', 'approver', 'risk-officer', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export type PlannedMove = 'failover' | 'switchover';

/** What people may ask of a controller. Reads are answered by any; the rest only by the one that leads. */
export type OperatorRequest =
  | { readonly kind: 'status' }
  | { readonly kind: 'runs' }
  /** Who copies from whom, and how far behind, as this controller has heard. */
  | { readonly kind: 'replication' }
  /** What a loss of the active site would cost now, by class of data. */
  | { readonly kind: 'rpo' }
  /** Paths between sites as they were measured, and who writes according to whom. */
  | { readonly kind: 'network' }
  /** Measures one path now: some round trips, then so many bytes. Its result is in `network`, under the id that is answered. */
  | { readonly kind: 'network-test'; readonly from: string; readonly to: string; readonly bytes: number }
  /** Dry run of a recovery in place: what would be done to this component. `runbook`: must be the one that recovers it. */
  | {
      readonly kind: 'plan-recovery';
      readonly group: string;
      readonly component: string;
      readonly runbook: string | null;
    }
  | {
      readonly kind: 'recover';
      readonly group: string;
      readonly component: string;
      readonly runbook: string | null;
      /** Must match the plan that would be run now; null = whatever it is. */
      readonly digest: string | null;
      readonly reason: string;
    }
  /** What became of every order that was in doubt when an engine took over. `instance`: null = the engine that holds the component. */
  | { readonly kind: 'fates'; readonly group: string; readonly instance: string | null }
  /** What the divergent tail was decoded to that an instance keeps. `instance`: null = the only one that keeps one. */
  | { readonly kind: 'tail'; readonly group: string; readonly instance: string | null }
  /** What whoever keeps this instance running (systemd, supervisord) says of it. */
  | { readonly kind: 'service'; readonly group: string; readonly instance: string }
  | {
      readonly kind: 'order-service';
      readonly group: string;
      readonly instance: string;
      readonly order: ServiceOrder;
      readonly reason: string;
    }
  /** The ten checks of the validation as things are now, and one verdict. */
  | { readonly kind: 'validate'; readonly group: string }
  /** Whether anything of an earlier reign is left, as things are now. */
  | { readonly kind: 'residue'; readonly group: string }
  | { readonly kind: 'activate'; readonly group: string; readonly site: string }
  /** Dry run: what would be done, every rule's result, digest, predicted loss and duration. */
  | {
      readonly kind: 'plan';
      readonly group: string;
      readonly move: PlannedMove;
      readonly toSite: string | null;
      /** Shows the plan that would be made if this loss were accepted; accepts nothing. */
      readonly acceptDataLoss: string | null;
      /** Shows the decision as it would be with these overridden; overrides nothing. */
      readonly overrides: readonly string[];
      /** Of a planned move. */
      readonly ticket?: string | null;
    }
  | {
      readonly kind: 'move';
      readonly group: string;
      readonly move: PlannedMove;
      readonly toSite: string | null;
      /** Must match the plan that would be run now; null = whatever it is. */
      readonly digest: string | null;
      /** Rule ids that the person overrides; each must allow it. */
      readonly overrides: readonly string[];
      readonly reason: string;
      /** E.g. `orders:12`: accepts that loss. */
      readonly acceptDataLoss: string | null;
      /** Change ticket of a planned move. */
      readonly ticket?: string | null;
    }
  | {
      readonly kind: 'approve';
      readonly group: string;
      readonly digest: string;
      readonly minutes: number;
      readonly acceptDataLoss: string | null;
    }
  | {
      readonly kind: 'freeze';
      readonly group: string;
      readonly lift: boolean;
      readonly reason: string;
      readonly minutes: number | null;
    }
  | {
      readonly kind: 'maintenance';
      readonly group: string;
      readonly end: boolean;
      readonly reason: string;
      readonly minutes: number | null;
    }
  /** Says that planned work is coming: its notice period counts from now. */
  | { readonly kind: 'announce'; readonly group: string; readonly ticket: string; readonly reason: string }
  | { readonly kind: 'acknowledge'; readonly group: string }
  | {
      readonly kind: 'fence';
      readonly group: string;
      readonly instance: string;
      /** Says that its host is off for good; counts once a second person has said so too. */
      readonly attest: boolean;
      readonly lift: boolean;
      readonly reason: string;
    }
  /** A restored authority is to be believed: until somebody says so nothing is promoted on its word. */
  | { readonly kind: 'adopt'; readonly group: string; readonly reason: string }
  /** Ends a halt: what stands still goes on without exactly those who are named. */
  | {
      readonly kind: 'resume';
      readonly group: string;
      /** E.g. `db:bravo-db,engine:bravo-eng1+bravo-eng2`. */
      readonly acceptExposure: string;
      readonly reason: string;
    };

export type OperatorAnswer =
  | { readonly kind: 'ok'; readonly result: Json }
  /** `HF-nnnn`, what was tried, what was found, what to do next; every rule's result where rules were asked. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly tried: string;
      readonly found: string;
      readonly next: string;
      readonly result: Json;
    }
  | { readonly kind: 'not-leading'; readonly leader: string | null };

const LEAST: Readonly<Record<OperatorRequest['kind'], Role>> = {
  status: 'observer',
  runs: 'observer',
  replication: 'observer',
  rpo: 'observer',
  network: 'observer',
  plan: 'observer',
  'plan-recovery': 'observer',
  validate: 'observer',
  residue: 'observer',
  fates: 'observer',
  tail: 'observer',
  service: 'observer',
  'network-test': 'operator',
  recover: 'operator',
  move: 'operator',
  freeze: 'operator',
  maintenance: 'operator',
  announce: 'operator',
  acknowledge: 'operator',
  fence: 'operator',
  'order-service': 'operator',
  approve: 'approver',
  resume: 'risk-officer',
  activate: 'admin',
  adopt: 'admin',
};

/**
 * Least role for exactly this request. Accepting a loss and acting in spite of a rule need a risk officer: whoever moves a
 * platform under pressure is not who says what the firm can bear to lose. Attesting that a host is off needs an approver, twice.
 */
export function roleNeeded(request: OperatorRequest): Role {
  if ((request.kind === 'move' || request.kind === 'approve') && request.acceptDataLoss !== null) return 'risk-officer';
  if (request.kind === 'move' && request.overrides.length > 0) return 'risk-officer';
  if (request.kind === 'fence' && request.attest) return 'approver';
  return LEAST[request.kind];
}

/** What makes exactly this request need that role, for people. */
export function riskIn(request: OperatorRequest): string {
  if ((request.kind === 'move' || request.kind === 'approve') && request.acceptDataLoss !== null)
    return 'accepting a loss';
  if (request.kind === 'move' && request.overrides.length > 0) return `overriding ${request.overrides.join(', ')}`;
  if (request.kind === 'fence' && request.attest) return 'attesting that a host is off';
  if (request.kind === 'resume') return 'going on without a copy elsewhere';
  return request.kind;
}

export const mayAsk = (person: Person, request: OperatorRequest): boolean =>
  ROLES.indexOf(person.role) >= ROLES.indexOf(roleNeeded(request));

/** What was asked for, in the words of the command line: errors say it. */
export function requestWords(request: OperatorRequest): string {
  switch (request.kind) {
    case 'status':
    case 'runs':
    case 'replication':
    case 'rpo':
    case 'network':
      return request.kind;
    case 'network-test':
      return `measure ${request.from} → ${request.to} with ${request.bytes} bytes`;
    case 'plan':
      return `plan ${moveWords(request)}`;
    case 'move':
      return moveWords(request);
    case 'plan-recovery':
      return `plan the recovery of ${request.component}`;
    case 'recover':
      return `recover ${request.component}`;
    case 'validate':
      return `validate ${request.group}`;
    case 'residue':
      return `look for residue of ${request.group}`;
    case 'fates':
      return `tell the fates of what ${request.instance ?? 'the engine'} took over`;
    case 'tail':
      return `tell the divergent tail of ${request.instance ?? request.group}`;
    case 'service':
      return `look at the service of ${request.instance}`;
    case 'order-service':
      return `${request.order} the service of ${request.instance}`;
    case 'activate':
      return `activate ${request.group} at ${request.site}`;
    case 'approve':
      return `approve ${request.digest} of ${request.group}`;
    case 'freeze':
      return `${request.lift ? 'unfreeze' : 'freeze'} ${request.group}`;
    case 'maintenance':
      return `${request.end ? 'end' : 'begin'} maintenance of ${request.group}`;
    case 'announce':
      return `announce ${request.ticket} for ${request.group}`;
    case 'acknowledge':
      return `acknowledge the runs of ${request.group}`;
    case 'fence':
      if (request.lift) return `unfence ${request.instance}`;
      return request.attest ? `attest that the host of ${request.instance} is off` : `fence ${request.instance}`;
    case 'adopt':
      return `adopt the restored authority for ${request.group}`;
    case 'resume':
      return `resume ${request.group} without a copy elsewhere`;
  }
}

const moveWords = (request: Extract<OperatorRequest, { readonly move: PlannedMove }>): string =>
  `${request.move} ${request.group}${request.toSite === null ? '' : ` → ${request.toSite}`}`;
