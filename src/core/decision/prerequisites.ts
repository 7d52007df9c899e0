import { ROLES, type Role } from '../operator/operator-request.ts';
import type { RecoveryPlan } from '../plan/recovery-plan.ts';
import { indexOf } from '../topology/topology-index.ts';
import type { Facts } from './facts.ts';
import type { Intent } from './intent.ts';

/** What has to be in order before a planned move begins (F5). A failover asks none of it: nobody plans one. */
export const PREREQUISITES = {
  'P-APPROVAL': 'Somebody in an authorised role approves it',
  'P-TICKET': 'It belongs to a change ticket',
  'P-NOTICE': 'It was announced in time',
  'P-MARKET': 'No exchange is in its trading hours',
  'P-STANDBY': 'The target is well and in step',
  'P-BACKUP': 'There is a recent backup',
  'P-POSITIONS': 'Positions are reconciled',
  'P-ORDERS': 'Open orders are counted and recorded',
} as const;

export type PrerequisiteId = keyof typeof PREREQUISITES;
export const PREREQUISITE_IDS = Object.keys(PREREQUISITES) as readonly PrerequisiteId[];

/** `not-applicable` is nothing that passed: there is nobody to ask, or the firm's policy does not ask. It says which. */
export type PrerequisiteOutcome = 'pass' | 'fail' | 'cannot-evaluate' | 'not-applicable';

export interface PrerequisiteResult {
  readonly prerequisite: PrerequisiteId;
  readonly outcome: PrerequisiteOutcome;
  readonly reason: string;
  /** What would meet it, for people. */
  readonly next?: string;
  readonly passesInMs?: number;
}

type Answer = Omit<PrerequisiteResult, 'prerequisite'>;

interface Question {
  readonly facts: Facts;
  readonly intent: Intent;
  readonly plan: RecoveryPlan;
}

/** Every prerequisite of a planned move, all asked, in the order in which people read them; none for any other plan. */
export function prerequisitesOf(question: Question): readonly PrerequisiteResult[] {
  if (question.intent.planned === undefined) return [];
  return PREREQUISITE_IDS.map((prerequisite) => ({ prerequisite, ...CHECKS[prerequisite](question) }));
}

/** It holds the move up unless somebody overrides it (I6: what cannot be evaluated does not pass). */
export const holdsUp = ({ outcome }: PrerequisiteResult): boolean =>
  outcome === 'fail' || outcome === 'cannot-evaluate';

const CHECKS: Readonly<Record<PrerequisiteId, (question: Question) => Answer>> = {
  'P-APPROVAL': approval,
  'P-TICKET': ticket,
  'P-NOTICE': notice,
  'P-MARKET': market,
  'P-STANDBY': standby,
  'P-BACKUP': backup,
  'P-POSITIONS': positions,
  'P-ORDERS': openOrders,
};

const RECENT_BACKUP_MS = 26 * 3_600_000;

/** One repository with a good backup of the last day, and everything that was archived since, is enough. */
function backup({ facts }: Question): Answer {
  const repositories = facts.topology.components
    .filter(({ id, kind }) => kind === 'pgbackrest' && facts.group.components.includes(id))
    .flatMap(({ instances }) => instances);
  if (repositories.length === 0)
    return { outcome: 'not-applicable', reason: 'no component of this firm reports its backups to Holdfast' };
  const said: string[] = [];
  let unknown = false;
  for (const { id } of repositories) {
    const known = facts.instances.get(id);
    const { lastGoodAt, gaps } = known?.fresh ? (known.observation?.figures ?? {}) : {};
    const ageMs = lastGoodAt === undefined ? null : facts.wallMs - lastGoodAt;
    if (lastGoodAt === undefined || (lastGoodAt > 0 && gaps === undefined)) {
      unknown = true;
      said.push(`${id} does not say what it has`);
    } else if (lastGoodAt === 0 || ageMs === null) said.push(`${id} has no good backup`);
    else if (gaps! > 0) said.push(`${id} lacks WAL in ${gaps} places since its last one`);
    else if (ageMs > RECENT_BACKUP_MS) said.push(`the last one of ${id} ended ${hoursIn(ageMs)} h ago`);
    else return { outcome: 'pass', reason: `${id} has one that ended ${hoursIn(ageMs)} h ago, and all WAL since` };
  }
  const reason = said.join('; ');
  if (unknown) return { outcome: 'cannot-evaluate', reason, next: 'holdfast health' };
  return { outcome: 'fail', reason, next: 'make a backup, and look why there was none' };
}

const hoursIn = (ms: number): number => Math.max(0, Math.round(ms / 3_600_000));

const AUTHORISED: Role = 'approver';
const isAuthorised = (role: string): boolean => ROLES.indexOf(role as Role) >= ROLES.indexOf(AUTHORISED);

function approval({ facts, intent, plan }: Question): Answer {
  if (!facts.group.plannedMove.approval) return { outcome: 'not-applicable', reason: 'the policy asks for none' };
  const role = intent.planned?.role ?? 'observer';
  if (isAuthorised(role)) return { outcome: 'pass', reason: `${intent.requestedBy} asks with the role ${role}` };
  const given = facts.brakes.approvals.find(
    (each) => each.digest === plan.digest && facts.wallMs < each.until && isAuthorised(each.role),
  );
  if (given) return { outcome: 'pass', reason: `approved by ${given.by} (${given.role})` };
  return {
    outcome: 'fail',
    reason: `nobody with the role ${AUTHORISED} or above has approved plan ${plan.digest}`,
    next: `holdfast approve ${plan.digest}`,
  };
}

function ticket({ facts, intent }: Question): Answer {
  const given = intent.planned?.ticket ?? null;
  if (given !== null) return { outcome: 'pass', reason: given };
  if (!facts.group.plannedMove.ticket) return { outcome: 'not-applicable', reason: 'the policy asks for none' };
  return { outcome: 'fail', reason: 'no change ticket was named', next: '--ticket NAME' };
}

function notice({ facts, intent }: Question): Answer {
  const { noticeMs } = facts.group.plannedMove;
  const minutes = (ms: number) => `${Math.round(ms / 6000) / 10} min`;
  if (noticeMs === 0) return { outcome: 'not-applicable', reason: 'the policy asks for none' };
  const given = intent.planned?.ticket ?? null;
  const announced = (facts.brakes.notices ?? []).filter((each) => given === null || each.ticket === given);
  const [first] = announced.toSorted((a, b) => a.at - b.at);
  if (first === undefined)
    return {
      outcome: 'fail',
      reason: `nobody has announced ${given ?? 'it'}; ${minutes(noticeMs)} before are asked for`,
      next: `holdfast announce --ticket ${given ?? 'NAME'} --reason TEXT`,
    };
  const sinceMs = facts.wallMs - first.at;
  if (sinceMs >= noticeMs)
    return { outcome: 'pass', reason: `${first.ticket} announced by ${first.by} ${minutes(sinceMs)} ago` };
  return {
    outcome: 'fail',
    reason: `${first.ticket} was announced ${minutes(Math.max(0, sinceMs))} ago; ${minutes(noticeMs)} are asked for`,
    next: 'wait',
    passesInMs: noticeMs - Math.max(0, sinceMs),
  };
}

/** Whoever does not know the day says that an exchange trades (`trading/market-data/market-hours.ts`). */
function market({ facts }: Question): Answer {
  if (!facts.group.plannedMove.outsideMarketHours)
    return { outcome: 'not-applicable', reason: 'the policy does not ask' };
  const kept = facts.topology.venues.filter(({ calendar }) => calendar !== null).map(({ id }) => id);
  if (kept.length === 0) return { outcome: 'not-applicable', reason: 'no exchange of the topology states a calendar' };
  const told = facts.topology.components
    .filter(({ kind }) => kind === 'market-data')
    .flatMap(({ instances }) => instances.flatMap(({ id }) => facts.instances.get(id) ?? []))
    .filter(({ fresh, observation }) => fresh && observation?.figures['inMarketHours'] !== undefined);
  const next = 'wait for the close, or a risk officer overrides it';
  if (told.length === 0)
    return {
      outcome: 'cannot-evaluate',
      reason: `nobody says whether ${kept.join(', ')} trades`,
      next: 'holdfast health',
    };
  const trades = told.find(({ observation }) => observation?.figures['inMarketHours'] !== 0);
  if (trades) return { outcome: 'fail', reason: `${trades.instance.id}: in trading hours`, next };
  return { outcome: 'pass', reason: told.map(({ instance }) => `${instance.id}: outside trading hours`).join(', ') };
}

function standby({ facts, intent }: Question): Answer {
  const { component } = indexOf(facts.topology);
  if (intent.missing.length > 0)
    return { outcome: 'fail', reason: `nobody fit for ${intent.missing.map((each) => each.component).join(', ')}` };
  for (const { component: id, to } of intent.moves) {
    const known = facts.instances.get(to);
    if (!known?.fresh || known.observation === null)
      return { outcome: 'cannot-evaluate', reason: `nothing fresh is known about ${to}`, next: 'holdfast health' };
    if (known.verdict.state !== 'healthy' || known.observation.process !== 'running')
      return { outcome: 'fail', reason: `${to} is ${known.verdict.state}`, next: 'holdfast health' };
    const grant = facts.record?.grants[id];
    if (component.get(id)?.durability == null || grant?.holder === to) continue;
    if (!grant?.promotable.includes(to))
      return { outcome: 'fail', reason: `${to} is not in step`, next: 'wait until it has caught up: holdfast status' };
  }
  return { outcome: 'pass', reason: intent.moves.map(({ to }) => to).join(', ') };
}

/** Positions that were compared longer ago than this say nothing about now (F1: five minutes bound the cached view). */
const AGREED_WITHIN_MS = 300_000;

function positions({ facts }: Question): Answer {
  const keepers = facts.topology.components
    .filter(({ kind, id }) => kind === 'position-keeper' && facts.group.components.includes(id))
    .flatMap(({ instances }) => instances.flatMap(({ id }) => facts.instances.get(id) ?? []))
    .filter(({ site }) => site === facts.record?.activeSite);
  if (keepers.length === 0)
    return { outcome: 'not-applicable', reason: 'the group keeps no positions at the active site' };
  const [known] = keepers.filter(({ fresh, observation }) => fresh && observation?.process === 'running');
  if (!known?.observation)
    return { outcome: 'cannot-evaluate', reason: 'who keeps positions is not heard', next: 'holdfast health' };
  const { health, reason, figures } = known.observation;
  const { agreedAgoMs } = figures;
  if (health !== 'ok')
    return { outcome: 'fail', reason: `${known.instance.id}: ${reason ?? health}`, next: 'resolve it first' };
  if (agreedAgoMs === undefined || agreedAgoMs > AGREED_WITHIN_MS)
    return { outcome: 'cannot-evaluate', reason: `${known.instance.id} has not agreed with the engine of late` };
  return {
    outcome: 'pass',
    reason: `${known.instance.id} agreed with the engine ${Math.round(agreedAgoMs / 1000)} s ago`,
  };
}

function openOrders({ facts }: Question): Answer {
  const engines = facts.topology.components.filter(
    ({ kind, id }) => kind === 'trading-engine' && facts.group.components.includes(id),
  );
  if (engines.length === 0) return { outcome: 'not-applicable', reason: 'the group has no trading engine' };
  const counts: string[] = [];
  for (const { id } of engines) {
    const holder = facts.record?.grants[id]?.holder ?? null;
    const known = holder === null ? undefined : facts.instances.get(holder);
    const open = known?.fresh ? known.observation?.figures['activeOrders'] : undefined;
    if (open === undefined)
      return { outcome: 'cannot-evaluate', reason: `${holder ?? id} does not say how many orders are open` };
    counts.push(`${holder}: ${open} open orders`);
  }
  return { outcome: 'pass', reason: `${counts.join(', ')}; recorded with this decision` };
}
