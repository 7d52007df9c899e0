import { exposureIn, exposureText } from '../core/authority/resume.ts';
import type { SiteId } from '../core/base/ids.ts';
import type { Decision } from '../core/decision/decide.ts';
import type { OperatorAnswer, Person } from '../core/operator/operator-request.ts';
import { canServe } from '../core/topology/topology-index.ts';
import { GROUP } from './build-topology.ts';
import { powerOff, powerOn } from './power.ts';
import type { World } from './world.ts';

const ada: Person = { name: 'ada', role: 'admin' };

const lastDecision = (world: World): Decision | null =>
  world.leader?.core ? [...world.leader.core.groups.values()][0]!.lastDecision : null;

/** People plan moves, freeze, fence, approve late or the wrong thing, accept losses, and ask while a run is under way. */
export function schedulePeople(world: World, untilMs: number): void {
  const { random, queue } = world;
  if (!random.chance(0.6)) return;
  const person: Person = {
    name: 'grace',
    role: random.pick(['operator', 'approver', 'risk-officer', 'risk-officer', 'admin', 'admin', 'observer'] as const),
  };
  const next = (at: number) => {
    if (at > untilMs) return;
    queue.at(at, () => {
      speak(world, person);
      next(queue.now + random.between(800, 7000));
    });
  };
  next(queue.now + random.between(300, 5000));
}

function speak(world: World, person: Person): void {
  const { random } = world;
  const toSite = random.chance(0.4) ? null : random.pick(world.topology.sites).id;
  if (Object.values(world.record?.grants ?? {}).some((grant) => grant.mode.kind === 'halted') && random.chance(0.75))
    return void acceptExposure(world, person);
  const decision = lastDecision(world);
  const digest = random.chance(0.7) && decision ? decision.plan.digest : 'ffff';
  const acceptDataLoss = random.chance(0.2) ? 'orders: whatever is missing' : null;
  const practise = (to: SiteId | null) => {
    announceIfAsked(world, person);
    return world.ask(
      {
        kind: 'move',
        group: GROUP,
        move: 'switchover',
        toSite: to,
        digest: null,
        overrides: [],
        reason: 'practice',
        acceptDataLoss: null,
        ticket: TICKET,
      },
      person,
    );
  };
  const say: readonly (() => boolean)[] = [
    () => practise(toSite),
    () => practise(random.pick(world.topology.sites.filter(canServe)).id),
    () =>
      world.ask(
        {
          kind: 'move',
          group: GROUP,
          move: 'failover',
          toSite,
          digest: null,
          overrides: random.chance(0.4) ? ['R-VERDICT'] : [],
          reason: 'practice',
          acceptDataLoss,
        },
        person,
      ),
    () => world.ask({ kind: 'freeze', group: GROUP, lift: false, reason: 'look first', minutes: 0.05 }, person),
    () => world.ask({ kind: 'maintenance', group: GROUP, end: false, reason: 'cabling', minutes: 0.05 }, person),
    () => world.ask({ kind: 'approve', group: GROUP, digest, minutes: 1, acceptDataLoss }, person),
    () => approveLossy(world, person),
    () =>
      world.ask(
        {
          kind: 'fence',
          group: GROUP,
          instance: random.pick([...world.instances.keys()]),
          attest: random.chance(0.1),
          lift: random.chance(0.2),
          reason: 'odd noise',
        },
        person,
      ),
    () =>
      world.ask(
        {
          kind: 'plan',
          group: GROUP,
          move: random.pick(['failover', 'switchover'] as const),
          toSite,
          overrides: [],
          acceptDataLoss,
        },
        person,
      ),
    () => world.ask({ kind: 'acknowledge', group: GROUP }, person),
    () => world.ask({ kind: 'status' }, person),
  ];
  if (decision?.verdict === 'ask-approval' && random.chance(0.5))
    return void world.ask(
      { kind: 'approve', group: GROUP, digest: decision.plan.digest, minutes: 1, acceptDataLoss: null },
      person,
    );
  const stuck =
    decision?.verdict === 'hold' &&
    decision.rules.some(({ rule, outcome }) => ['R-CANDIDATE', 'R-DATA'].includes(rule) && outcome === 'block');
  if (stuck && random.chance(0.5))
    return void (random.chance(0.5) ? approveLossy(world, person) : takeTheLoss(world, person));
  if (isUnfenced(world) && random.chance(0.6)) return switchOff(world, person);
  random.pick(say)();
}

/** Somebody with a mandate lets what stands still go on, once they know without whom; now and then they name the wrong ones. */
export function acceptExposure(world: World, person: Person, then?: (answer: OperatorAnswer) => void): boolean {
  const { record, random } = world;
  const named = record === null || random.chance(0.1) ? 'db:nobody' : exposureText(exposureIn(record));
  return world.ask({ kind: 'resume', group: GROUP, acceptExposure: named, reason: 'trading must go on' }, person, then);
}

const isUnfenced = (world: World): boolean =>
  lastDecision(world)?.rules.some(({ rule, outcome }) => rule === 'R-FENCE' && outcome === 'block') === true;

/** Somebody who waited for a proof in vain goes and makes sure. */
export function fenceByHand(world: World): void {
  if (isUnfenced(world)) switchOff(world, { name: 'rhea', role: 'approver' });
}

/**
 * Nothing proves that the old holder is silent: somebody walks to its host, switches it off for real, and two people say so. Later
 * the host gets its power back, perhaps before the attestation has expired.
 */
function switchOff(world: World, person: Person): void {
  const { random, queue, record } = world;
  const holders = Object.values(record?.grants ?? {}).flatMap((grant) => grant.holder ?? grant.revoked?.instance ?? []);
  const reason = lastDecision(world)?.rules.find(({ rule }) => rule === 'R-FENCE')?.reason ?? '';
  const unheard = world.hosts.filter((host) =>
    host.instances.some((each) => holders.includes(each.id) && reason.includes(each.id)),
  );
  if (unheard.length === 0) return;
  const host = random.pick(unheard);
  if (host.instances.some((each) => each.process === 'running' || each.process === 'frozen')) {
    powerOff(world, host);
    queue.after(random.between(6000, 12_000), () => powerOn(world, host));
  }
  for (const { id } of host.instances) if (holders.includes(id)) attestOff(world, person, id);
}

function attestOff(world: World, person: Person, instance: string): void {
  const { random, queue } = world;
  const say = (who: Person) =>
    world.ask({ kind: 'fence', group: GROUP, instance, attest: true, lift: false, reason: 'it is dark' }, who);
  say(person);
  queue.after(random.between(100, 1500), () => say(random.chance(0.9) ? ada : person));
}

function takeTheLoss(world: World, person: Person): boolean {
  const site = world.random.pick(world.topology.sites.filter(canServe)).id;
  return world.ask(
    {
      kind: 'move',
      group: GROUP,
      move: 'failover',
      toSite: site,
      digest: null,
      overrides: ['R-VERDICT'],
      reason: 'nothing else is left',
      acceptDataLoss: 'orders: whatever is missing',
    },
    person,
  );
}

/** What somebody does when nothing without loss is left: looks at the plan that may lose, and approves exactly that. */
function approveLossy(world: World, person: Person): boolean {
  const acceptDataLoss = 'orders: whatever is missing';
  return world.ask({ kind: 'approve', group: GROUP, digest: '?', minutes: 1, acceptDataLoss }, person, (answer) => {
    const digest = answer.kind === 'refused' ? /the plan is now (\w+)/.exec(answer.found)?.[1] : undefined;
    if (digest)
      world.queue.after(world.random.between(5, 800), () =>
        world.ask({ kind: 'approve', group: GROUP, digest, minutes: 1, acceptDataLoss }, person),
      );
  });
}

/** Nothing without loss is left: somebody with the right to do so takes it, one way or the other. */
export function decideOnLoss(world: World): void {
  if (world.random.chance(0.7)) approveLossy(world, ada);
  else takeTheLoss(world, ada);
}

/** A restored authority blocks everything until somebody says that it is to be believed. */
export function adoptAuthority(world: World): void {
  world.ask({ kind: 'adopt', group: GROUP, reason: 'the backup of a moment ago' }, ada, (answer) => {
    if (answer.kind !== 'ok') return;
    const { believed, doubted } = answer.result as unknown as {
      readonly believed: readonly string[];
      readonly doubted: readonly string[];
    };
    if (believed.length > 0) world.coverage.count('adopted: a holder was believed');
    if (doubted.length > 0) world.coverage.count('adopted: a holder was doubted');
  });
}

/** Nobody is known to have everything, and the policy asks for somebody who takes that on their name. */
export function isStuckOnLoss(world: World): boolean {
  const decision = lastDecision(world);
  return (
    decision?.verdict === 'hold' &&
    decision.rules.some(({ rule, outcome }) => ['R-CANDIDATE', 'R-DATA'].includes(rule) && outcome === 'block')
  );
}

/** The person at the desk after everything has healed: lifts brakes, acknowledges, approves what waits, and accepts no loss. */
export function helpOut(world: World): void {
  const { leader } = world;
  if (leader === null) return;
  const brakes = world.authority.value<{
    freeze: unknown;
    maintenance: unknown;
    history: { acknowledged: boolean }[];
    fenced?: string[];
  }>('brakes/trading');
  if (brakes?.freeze) world.ask({ kind: 'freeze', group: GROUP, lift: true, reason: 'over', minutes: null }, ada);
  else if (brakes?.maintenance)
    world.ask({ kind: 'maintenance', group: GROUP, end: true, reason: 'over', minutes: null }, ada);
  else if (brakes?.fenced?.length)
    world.ask(
      { kind: 'fence', group: GROUP, instance: brakes.fenced[0]!, attest: false, lift: true, reason: 'over' },
      ada,
    );
  else if (brakes?.history.some((run) => !run.acknowledged)) world.ask({ kind: 'acknowledge', group: GROUP }, ada);
  const decision = lastDecision(world);
  if (decision?.verdict === 'ask-approval')
    world.ask({ kind: 'approve', group: GROUP, digest: decision.plan.digest, minutes: 5, acceptDataLoss: null }, ada);
}

/** Somebody sees silence and will not wait for a verdict. */
export function askForFailover(world: World): void {
  world.ask(
    {
      kind: 'move',
      group: GROUP,
      move: 'failover',
      toSite: null,
      digest: null,
      overrides: [],
      reason: 'it is silent',
      acceptDataLoss: null,
    },
    { name: 'grace', role: 'operator' },
  );
}

/** Somebody has the engine or order management started anew. */
export function askForRecovery(world: World, person: Person): boolean {
  const component = world.queue.now % 2 < 1 ? 'engine' : 'oms';
  return world.ask({ kind: 'recover', group: GROUP, component, runbook: null, digest: null, reason: 'odd' }, person);
}

const TICKET = 'CHG-1';

/** Once; who asks before the notice period has passed is refused. */
function announceIfAsked(world: World, person: Person): void {
  const known = world.authority.value<{ readonly notices?: readonly unknown[] }>('brakes/trading')?.notices ?? [];
  if (world.shape.plannedMove.noticeMs > 0 && known.length === 0)
    world.ask({ kind: 'announce', group: GROUP, ticket: TICKET, reason: 'practice' }, person);
}

/** The first thing that people want when a site is back, sometimes too early. */
export function askForFailback(world: World): void {
  announceIfAsked(world, ada);
  const site = world.random.pick(
    world.topology.sites.filter((each) => canServe(each) && each.id !== world.record?.activeSite),
  ).id;
  world.ask(
    {
      kind: 'move',
      group: GROUP,
      move: 'switchover',
      toSite: site,
      digest: null,
      overrides: [],
      reason: 'failback',
      acceptDataLoss: null,
      ticket: TICKET,
    },
    ada,
  );
}
