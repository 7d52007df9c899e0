import { gateOutlook } from '../core/authority/delegate-gate.ts';
import { confirmedPrimary } from '../core/authority/delegated-primary.ts';
import { fencingOutlook } from '../core/authority/fencing.ts';
import type { FencingProof } from '../core/authority/fencing-proof.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import { proofSuffices } from '../core/authority/proof-suffices.ts';
import type { Revision } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { Move, Step } from '../core/plan/recovery-plan.ts';
import type { RunState } from '../core/run/run.ts';
import { isServedKind } from '../core/topology/served.ts';
import { inDependencyOrder, indexOf } from '../core/topology/topology-index.ts';
import { drainOrders } from './drain-step.ts';
import { epochOfEngine, forEngine } from './engine-order.ts';
import { routesFor } from './reconcile.ts';
import { actOrders, restartOrders } from './recovery-orders.ts';
import { servedOrders, servedWithinMs } from './served-routes.ts';
import type { StepOrder } from './step-order.ts';

/** What a step asks of agents, from the present facts. Steps that ask nothing of them have none. */
export function ordersFor(step: Pick<Step, 'kind' | 'action'>, run: RunState, facts: Facts): readonly StepOrder[] {
  const { record } = facts;
  if (record === null) return [];
  switch (step.kind) {
    case 'barrier':
      return barrier(run, facts);
    case 'fence':
      return fence(run, facts, record);
    case 'promote-components':
      return promote(run, facts, record);
    case 'move-traffic':
      return [...traffic(run, facts, record), ...servedOrders(run, facts, record)];
    case 'validate':
      return forEngine(run, facts, record, 'test', { kind: 'test-order', epoch: epochOfEngine(facts, record) }, null);
    case 'enable-trading':
      return forEngine(
        run,
        facts,
        record,
        'trading',
        { kind: 'set-trading', epoch: epochOfEngine(facts, record), enabled: true },
        { kind: 'trading', enabled: true },
      );
    case 'drain':
      return drainOrders(run, facts, record);
    case 'revoke':
    case 'freeze-positions':
    case 'grant':
    case 'residue-check':
    case 'check':
      return [];
    case 'act':
      return actOrders(step.action ?? '', run, facts, record);
    case 'restart':
      return restartOrders(run, facts, record);
  }
}

function barrier(run: RunState, facts: Facts): readonly StepOrder[] {
  const moves = [...run.plan.moves, ...(run.plan.delegates ?? [])];
  const components = moves.map((move) => move.component);
  const { component, instance } = indexOf(facts.topology);
  const hosts = new Set(components.flatMap((id) => component.get(id)?.instances ?? []).map((each) => each.host));
  const needed = new Set(moves.map((move) => instance.get(move.to)?.host));
  return [...hosts]
    .filter((host) => facts.hosts.get(host)?.connected || needed.has(host))
    .map((host) => ({
      target: host,
      host,
      order: { kind: 'raise-epoch', components },
      required: needed.has(host),
      confirm: null,
      inSequence: false,
    }));
}

/** Those whose silence is not proved yet and whose agent can be asked; the others' leases run out. */
function fence(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const { component: components, instance } = indexOf(facts.topology);
  const orders: StepOrder[] = [...goneOrders(run, facts, record)];
  for (const { component: id } of run.plan.moves) {
    const component = components.get(id);
    const revokedHolder = record.grants[id]?.revoked;
    if (!component || !revokedHolder || fencingOutlook(facts, component, revokedHolder).kind === 'proved') continue;
    const host = instance.get(revokedHolder.instance)?.host;
    if (host === undefined || !facts.hosts.get(host)?.connected) continue;
    const gentle =
      run.plan.runbook === 'switchover-site' ||
      facts.instances.get(revokedHolder.instance)?.verdict.state === 'healthy';
    orders.push({
      target: revokedHolder.instance,
      host,
      order: { kind: 'silence', instance: revokedHolder.instance, gentle, holderEpoch: revokedHolder.epoch },
      required: false,
      confirm: null,
      inSequence: false,
    });
  }
  return orders;
}

/**
 * Of delegates whose lost primary is seen by its own agent to have ended. Nothing waits for a success: what cannot be proved is no
 * obstacle, its lock only lasts for all of its time.
 */
export function goneOrders(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  return (run.plan.delegates ?? []).flatMap(({ component, from, to }): StepOrder[] => {
    const known = from === null || from === to ? undefined : facts.instances.get(from);
    if (known === undefined || run.proofs.some(({ scope, lock }) => scope === from && lock !== undefined)) return [];
    const { host } = known.instance;
    const ended = known.fresh && known.observation?.process === 'exited';
    if (!ended || !facts.hosts.get(host)?.connected) return [];
    const kind = indexOf(facts.topology).component.get(component)?.kind ?? '';
    if (!isServedKind(kind)) return [];
    return [
      {
        target: known.instance.id,
        host,
        order: {
          kind: 'perform',
          instance: known.instance.id,
          action: { kind: 'prove-gone', epoch: record.epoch },
        },
        required: false,
        awaited: true,
        confirm: null,
        inSequence: false,
        answerWithinMs: servedWithinMs(kind),
      },
    ];
  });
}

/** Of delegates' holders, as far as they were given. */
const goneProofs = (run: RunState, answered: readonly FencingProof[]): readonly FencingProof[] =>
  answered.filter(
    ({ scope, lock }) => lock !== undefined && (run.plan.delegates ?? []).some(({ from }) => from === scope),
  );

/** Proofs that suffice, one per revoked holder, from facts and from what agents answered; null while one is missing. */
export function fencingProofs(
  run: RunState,
  facts: Facts,
  answered: readonly FencingProof[],
): readonly FencingProof[] | null {
  const { component: components } = indexOf(facts.topology);
  const proofs: FencingProof[] = [];
  for (const { component: id } of run.plan.moves) {
    const component = components.get(id);
    const revokedHolder = facts.record?.grants[id]?.revoked;
    if (!component || !revokedHolder) continue;
    const outlook = fencingOutlook(facts, component, revokedHolder);
    const proof =
      outlook.kind === 'proved'
        ? outlook.proof
        : answered.find((each) => proofSuffices(component.kind, revokedHolder, each));
    if (!proof || !proofSuffices(component.kind, revokedHolder, proof)) return null;
    proofs.push(proof);
  }
  const gone = goneProofs(run, answered);
  const shut = gateProofs(run, facts, gone);
  return shut === null ? null : [...proofs, ...gone, ...shut];
}

/**
 * Of delegates whose clients come through gates: all of them have closed. Null while that is a matter of time; none where it cannot be
 * known, and where nothing has to be proved, as whoever is primary answers, or nothing of it is left.
 */
function gateProofs(run: RunState, facts: Facts, gone: readonly FencingProof[]): readonly FencingProof[] | null {
  const { component: components } = indexOf(facts.topology);
  const proofs: FencingProof[] = [];
  for (const { component: id, from, to } of isPlanned(run) ? [] : (run.plan.delegates ?? [])) {
    const component = components.get(id);
    if (component === undefined || from === null || from === to || gone.some(({ scope }) => scope === from)) continue;
    if (confirmedPrimary(facts, component) !== null) continue;
    const outlook = gateOutlook(facts, component);
    if (outlook?.kind === 'in') return null;
    if (outlook?.kind === 'proved') proofs.push(outlook.proof);
  }
  return proofs;
}

const isPlanned = ({ plan }: RunState): boolean =>
  plan.runbook === 'switchover-site' || plan.runbook === 'activate-site';

function promote(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const { instance } = indexOf(facts.topology);
  const order = inDependencyOrder(facts.topology, facts.group).map((component) => component.id);
  const delegates = run.plan.delegates ?? [];
  return [...run.plan.moves, ...delegates]
    .toSorted((a, b) => order.indexOf(a.component) - order.indexOf(b.component))
    .flatMap((move): StepOrder[] => {
      if (delegates.includes(move)) return takeOver(move, run, facts, record);
      const grant = record.grants[move.component];
      const host = instance.get(move.to)?.host;
      if (!grant || host === undefined) return [];
      return [
        {
          target: move.to,
          host,
          order: {
            kind: 'promote',
            instance: move.to,
            record,
            revision: facts.recordRevision,
            leaseRevision: facts.leases.get(move.component)?.revision ?? (0 as Revision),
          },
          required: true,
          confirm: { instance: move.to, condition: { kind: 'primary-at', epoch: grant.epoch } },
          inSequence: true,
        },
      ];
    });
}

/** Whoever is in charge of it is asked by the agent of the candidate. Asked again it is confirmed first, and says anew on what it rests. */
function takeOver({ component, from, to }: Move, run: RunState, facts: Facts, record: GroupRecord): StepOrder[] {
  const { instance, component: components } = indexOf(facts.topology);
  const host = instance.get(to)?.host;
  const kind = components.get(component)?.kind ?? '';
  if (host === undefined || !isServedKind(kind)) return [];
  const planned = isPlanned(run) && from !== to;
  const proofs = run.proofs.filter(({ scope }) => scope === from);
  const gone = proofs.find(({ lock }) => lock !== undefined)?.lock;
  const left = record.delegates?.[component]?.left;
  const isShut = left?.instance === from && proofs.some(({ method }) => method === 'lease-expired');
  return [
    {
      target: to,
      host,
      order: {
        kind: 'perform',
        instance: to,
        action: {
          kind: 'take-over',
          epoch: record.epoch,
          former: from,
          planned,
          ...(gone ? { gone } : {}),
          ...(isShut ? { shut: { since: left.lock } } : {}),
        },
      },
      required: true,
      confirm: null,
      inSequence: true,
      answerWithinMs: servedWithinMs(kind),
    },
  ];
}

function traffic(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const { siteOfInstance, component } = indexOf(facts.topology);
  const fronts = facts.group.components.flatMap((id) => {
    const known = component.get(id);
    return known?.kind === 'front' ? known.instances : [];
  });
  return fronts.map((front) => {
    const site = siteOfInstance.get(front.id)!;
    const routes = routesFor({ ...record, traffic: run.plan.toSite }, site, facts.topology, facts.group.components);
    const action = { kind: 'route', epoch: record.epoch, routes } as const;
    return {
      target: front.id,
      host: front.host,
      order: { kind: 'perform', instance: front.id, action },
      required: site === run.plan.toSite,
      confirm: { instance: front.id, condition: { kind: 'routed', epoch: record.epoch, routes } },
      inSequence: false,
    };
  });
}
