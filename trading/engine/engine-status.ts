import { monoNowMs } from '../base/mono-clock.ts';
import type { Health, Status } from '../control/contract.ts';
import type { EngineView } from './engine-view.ts';

/** The contract's `Status` of an engine as it is now. */
export const engineStatus = (engine: EngineView): Status => {
  const { reign, replication, journal, lease, epochs } = engine;
  const core = replication.core;
  const nowMs = monoNowMs();
  const { health, reason } = healthOf(engine);
  const following = engine.upstream.core.upstream;
  return {
    role: engine.role,
    epoch: epochs.highest,
    health,
    reason,
    position: { epoch: journal.end.epoch, sequence: journal.end.sequence },
    releasing: reign !== null && lease.valid && (core?.complete ?? false),
    leaseUntilNs: reign === null ? null : lease.untilNs.toString(),
    tradingEnabled: reign?.tradingEnabled === true && !reign.draining,
    halted: reign?.halted ?? false,
    ...(reign === null ? {} : { interlock: engine.venues.interlock }),
    ackSet: core?.ackSet ?? [],
    replicas: (core?.replicas ?? []).map(({ instance, state, acknowledgedSequence, heardAtMs }) => ({
      instance,
      state,
      acknowledgedSequence,
      silentMs: heardAtMs === null ? 0 : Math.round(nowMs - heardAtMs),
    })),
    upstream:
      engine.role === 'standby' && following !== null
        ? {
            instance: following.instance,
            connected: engine.upstream.core.connected,
            silentMs: Math.round(nowMs - engine.upstream.core.heardAtMs),
          }
        : null,
    divergence: engine.divergence,
    ...(reign === null ? { difference: engine.stateRecovery.told } : {}),
    business: figuresOf(engine, nowMs),
  };
};

/** As many as a whole number can hold exactly. */
const HASH_DIGITS = 13;

const figuresOf = (engine: EngineView, nowMs: number): Readonly<Record<string, number | null>> => {
  const { reign, journal } = engine;
  const { state } = engine.replayed;
  const lastOrderAtMs = reign?.path.lastOrderAtMs ?? null;
  return {
    activeOrders: state.active,
    lastOrderAgeMs: lastOrderAtMs === null ? null : Math.round(nowMs - lastOrderAtMs),
    acknowledged: reign?.path.acknowledged ?? 0,
    orders: state.orderCount,
    fills: state.fillCount,
    inDoubt: state.pendingOrders.size + state.pendingRequests.size,
    breaks: state.breaks,
    stateHash: Number.parseInt(state.hash.slice(0, HASH_DIGITS), 16),
    waiting: reign?.path.waiting ?? 0,
    released: journal.released,
    durable: journal.durable,
    stateDifferences: engine.stateRecovery.attempts,
    rehearsed: engine.rehearsed ? 1 : 0,
    firstEntry: journal.first,
    chainCrc: journal.end.crc,
    clients: reign?.path.clients ?? 0,
    subscribers: reign?.path.subscribers ?? 0,
    venueReady: engine.venues.ready ? 1 : 0,
    venueReport: state.venueReports,
    tornBytes: journal.tornBytes,
    checkpoint: engine.checkpoints.sequence,
    draining: reign?.draining === true ? 1 : 0,
    ...(engine.risk === null || reign === null ? {} : engine.risk.figures),
  };
};

const healthOf = (engine: EngineView): { readonly health: Health; readonly reason: string | null } => {
  const { reign, replayed, role } = engine;
  if (replayed.state.breaks > 0)
    return { health: 'degraded', reason: `${replayed.state.breaks} venue reports do not fit the journal` };
  const { problem, verdict } = engine.stateRecovery;
  if (problem !== null && reign === null)
    return { health: verdict === 'primary-wrong' ? 'degraded' : 'bad', reason: problem };
  if (role === 'standby' && engine.upstream.core.tooOld) {
    const reason = "HF-7208 its journal cannot be joined to its primary's any more: give it a newer checkpoint";
    return { health: 'bad', reason };
  }
  if (!replayed.complete) return { health: 'degraded', reason: 'the order state is being rebuilt after a cut' };
  if (reign === null) return { health: 'ok', reason: role === 'standby' ? null : engine.reason };
  const differing = engine.replication.core?.replicas.flatMap(({ instance, difference }) => {
    if (difference === null) return [];
    const { sequence, primary, replica, agreeing } = difference;
    const others = agreeing.length === 0 ? 'nobody else has compared' : `as here: ${agreeing.join(' ')}`;
    return [`${instance} at ${sequence} (here ${primary}, there ${replica}; ${others})`];
  });
  if (differing !== undefined && differing.length > 0)
    return { health: 'degraded', reason: `state-differs: ${differing.join(', ')}` };
  const lost = engine.replication.core?.replicas.filter(
    ({ state, instance }) => state === 'lost' && engine.replication.core?.ackSet.includes(instance),
  );
  if (lost !== undefined && lost.length > 0)
    return { health: 'degraded', reason: `replica-lost: ${lost.map(({ instance }) => instance).join(', ')}` };
  if (!engine.lease.valid) return { health: 'degraded', reason: 'its lease has run out; nothing is released' };
  const waiting = engine.venues.posts.filter(({ interlock }) => !interlock.clear);
  if (waiting.length > 0) {
    const each = waiting.map(({ config, interlock }) => `${config.name}: ${interlock.view.waitingFor.join(', ')}`);
    return {
      health: 'degraded',
      reason: `new orders are refused where the exchange is not settled: ${each.join('; ')}`,
    };
  }
  const { risk } = engine;
  if (risk !== null && risk.problem !== null) return { health: 'degraded', reason: risk.problem };
  return { health: 'ok', reason: reign.halted ? 'halted: new orders are refused, cancels pass' : null };
};
