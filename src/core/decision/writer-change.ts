import type { FormerEnd, ReplacedWriter } from '../authority/group-record.ts';
import { seatOf } from '../authority/writer-seat.ts';
import type { Epoch, InstanceId } from '../base/ids.ts';
import { lossBetween, type StreamLoss } from '../replication/stream-loss.ts';
import { isOpen } from '../run/run.ts';
import type { Component } from '../topology/topology.ts';
import { brakeHolds } from './brakes.ts';
import type { Facts, InstanceFacts } from './facts.ts';

/** What is to become of where one Redis lets writers in; each but `keep` is one change of the record. */
export type WriterChange =
  /** Nobody is let in: the former one is lost, and somebody could take over. */
  | { readonly kind: 'close'; readonly former: InstanceId; readonly why: string }
  /** The former one is proved to let nobody in. */
  | {
      readonly kind: 'open';
      readonly instance: InstanceId;
      readonly proof: string;
      readonly formerEnd: FormerEnd | null;
    }
  /** The named one was seen open. */
  | { readonly kind: 'count'; readonly loss: StreamLoss }
  /** The one that lets writers in has another history than it led: what of that is missing is counted. */
  | {
      readonly kind: 'diverged';
      readonly instance: InstanceId;
      readonly formerEnd: FormerEnd;
      readonly loss: StreamLoss;
    }
  /** It is lost, and stays where it is. */
  | { readonly kind: 'keep'; readonly former: InstanceId; readonly reason: string };

/**
 * ADR 0023. Silence is no ground: its agent saw it end, or has no answer from it while another server was promoted over its history, which
 * takes a quorum of sentinels, or says that it follows that other server. Never two that let writers in: another one is named only after the former one carried out an order
 * of the epoch in which it was closed.
 */
export function writerChange(facts: Facts, component: Component): WriterChange | null {
  const { record, run, topology, authority } = facts;
  if (record === null || record.run !== null || isOpen(run) || !authority.incarnationMatches) return null;
  const { instance, replaced, epoch } = seatOf(record, component, topology);
  if (instance === null) return replaced === null ? null : opening(facts, component, replaced);
  const lost = lossOf(facts, component, { writer: instance, epoch });
  if (lost === null) return diverged(facts, { instance, replaced, epoch }) ?? counting(facts, replaced, epoch);
  const reason = lost.unproved ?? brakes(facts) ?? nobody(facts, component, instance);
  return reason === null
    ? { kind: 'close', former: instance, why: lost.why }
    : { kind: 'keep', former: instance, reason: `${lost.why}; ${reason}` };
}

function lossOf(
  facts: Facts,
  component: Component,
  { writer, epoch }: { readonly writer: InstanceId; readonly epoch: Epoch },
): { readonly why: string; readonly unproved: string | null } | null {
  const known = facts.instances.get(writer);
  if (known?.fresh && known.observation?.process === 'exited')
    return { why: `the process of ${writer} is gone`, unproved: null };
  const promoted = promotedOver(facts, component, known);
  if (known === undefined || promoted === null) return null;
  if (answers(known)) {
    // Whoever takes over follows the former one too, and lets nobody in before it leads.
    const gaveWay = known.observation?.stream?.primary === false && openEpochOf(known) === epoch;
    return gaveWay ? { why: `${writer} gave way to ${promoted}, which sentinels promoted`, unproved: null } : null;
  }
  const why = `${writer} does not answer, and ${promoted} was promoted`;
  return { why, unproved: known.fresh ? null : 'its agent is not heard, so nothing proves that it lets nobody in' };
}

/** Who is primary now with the history of whoever was primary when it last said so. */
function promotedOver(facts: Facts, { instances }: Component, known: InstanceFacts | undefined): InstanceId | null {
  const former = ledBy(known);
  if (former === null) return null;
  const found = instances.find(({ id, eligible }) => {
    const other = facts.instances.get(id);
    if (!eligible || other === undefined || other === known || !answers(other)) return false;
    const stream = other.observation?.stream;
    return stream?.primary === true && stream.before?.history === former.history;
  });
  return found?.id ?? null;
}

/** Where it was when it led, as far as it said; null = it never said that it led. */
function ledBy(known: InstanceFacts | undefined): FormerEnd | null {
  const stream = known?.observation?.stream;
  if (stream?.left !== undefined) return { ...stream.left, stopped: false };
  if (stream?.primary !== true) return null;
  const { history, offset, endedWithinMs } = stream;
  const stopped = known?.observation?.process === 'running';
  return { history, offset, stopped, ...(endedWithinMs === undefined ? {} : { endedWithinMs }) };
}

function brakes({ brakes: { freeze, maintenance }, wallMs, group }: Facts): string | null {
  if (brakeHolds(freeze, wallMs)) return `automation is frozen by ${freeze.by}`;
  if (brakeHolds(maintenance, wallMs)) return `in maintenance by ${maintenance.by}`;
  return group.instancePolicy === 'automatic' ? null : `instances do not move by themselves (${group.instancePolicy})`;
}

const nobody = (facts: Facts, component: Component, former: InstanceId): string | null =>
  fit(facts, component, former).length > 0 ? null : 'no other server of its set answers and has its history';

function opening(facts: Facts, component: Component, { former, epoch }: ReplacedWriter): WriterChange | null {
  const known = facts.instances.get(former);
  const proof = known === undefined ? null : closedSince(known, epoch);
  if (known === undefined || proof === null) return null;
  const mayBeOpenElsewhere = component.instances.some(
    ({ id }) => id !== former && !saidClosed(facts.instances.get(id)),
  );
  // Nobody is worse than the former one, closed and opened anew.
  const chosen = fit(facts, component, former)[0] ?? (answers(known) ? former : null);
  if (mayBeOpenElsewhere || chosen === null) return null;
  return { kind: 'open', instance: chosen, proof, formerEnd: ledBy(known) };
}

/** It carried out an order of this epoch: its agent opens it under no older one again. Null: not proved. */
function closedSince({ instance, fresh, observation }: InstanceFacts, epoch: Epoch): string | null {
  if (!fresh || observation === null || (observation.figures['ledEpoch'] ?? 0) < epoch) return null;
  if (observation.process === 'exited') return `the process of ${instance.id} is gone`;
  const isClosed = observation.health !== 'unknown' && observation.figures['openEpoch'] === 0;
  return isClosed ? `${instance.id} lets nobody in` : null;
}

/** With its last word, however old: one that was moved away from while nobody heard it may be open still. */
const saidClosed = (known: InstanceFacts | undefined): boolean =>
  known?.observation?.process === 'exited' || known?.observation?.figures['openEpoch'] === 0;

const openEpochOf = (known: InstanceFacts | undefined): number =>
  known?.fresh ? (known.observation?.figures['openEpoch'] ?? 0) : 0;

/** Others that may be promoted and have its history, as far as that is known: who is primary first, then who has most of it. */
function fit(facts: Facts, { instances }: Component, former: InstanceId): readonly InstanceId[] {
  const known = facts.instances.get(former);
  const end = ledBy(known) ?? known?.observation?.stream;
  return instances
    .flatMap(({ id, eligible }) => {
      const known = facts.instances.get(id);
      const stream = known?.observation?.stream;
      if (id === former || !eligible || known === undefined || !answers(known) || stream === undefined) return [];
      const isOfIt = end === undefined || [stream.history, stream.before?.history].includes(end.history);
      return isOfIt ? [{ id, stream }] : [];
    })
    .toSorted((a, b) => Number(b.stream.primary) - Number(a.stream.primary) || b.stream.offset - a.stream.offset)
    .map(({ id }) => id);
}

function diverged(
  facts: Facts,
  {
    instance,
    replaced,
    epoch,
  }: { readonly instance: InstanceId; readonly replaced: ReplacedWriter | null; readonly epoch: Epoch },
): WriterChange | null {
  const known = facts.instances.get(instance);
  const stream = known?.observation?.stream;
  if (stream?.left === undefined || !stream.primary || openEpochOf(known) !== epoch) return null;
  const counted = replaced?.former === instance ? replaced.formerEnd : undefined;
  if (counted?.history === stream.left.history) return null;
  const formerEnd = { ...stream.left, stopped: false };
  return { kind: 'diverged', instance, formerEnd, loss: lossBetween(formerEnd, stream, formerEnd) };
}

function counting(facts: Facts, replaced: ReplacedWriter | null, epoch: Epoch): WriterChange | null {
  if (replaced === null || replaced.instance === null || replaced.loss !== undefined) return null;
  const known = facts.instances.get(replaced.instance);
  const stream = known?.observation?.stream;
  if (openEpochOf(known) !== epoch || stream?.primary !== true) return null;
  const { formerEnd } = replaced;
  const loss: StreamLoss =
    formerEnd === undefined
      ? { kind: 'unknown', reason: 'how far the former one had come is not known' }
      : lossBetween(formerEnd, stream, formerEnd);
  return { kind: 'count', loss };
}

function answers({ fresh, observation }: InstanceFacts): boolean {
  return fresh && observation?.process === 'running' && observation.health !== 'unknown';
}
