import type { Epoch, InstanceId } from '../base/ids.ts';
import type { Component, Topology } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import type { GroupRecord, ReplacedWriter } from './group-record.ts';

/** Where a component of kind `redis` lets writers in, and of which epoch; null = nowhere. */
export interface WriterSeat {
  readonly instance: InstanceId | null;
  readonly epoch: Epoch;
  /** That it is not beside whoever writes to it; null = it is. */
  readonly replaced: ReplacedWriter | null;
}

/** Beside whoever holds what writes to it, under the epoch of that grant, or where it was replaced while that is held there (ADR 0023). */
export function seatOf(record: GroupRecord, component: Component, topology: Topology): WriterSeat {
  const { siteOfInstance } = indexOf(topology);
  const [lead] = Object.values(component.served?.leads ?? {});
  const grant = lead === undefined ? undefined : record.grants[lead.to];
  if (grant?.holder == null) return { instance: null, epoch: grant?.epoch ?? record.epoch, replaced: null };
  const site = siteOfInstance.get(grant.holder);
  const replaced = record.writers?.[component.id];
  if (replaced !== undefined && replaced.besideSite === site)
    return { instance: replaced.instance, epoch: Math.max(replaced.epoch, grant.epoch) as Epoch, replaced };
  const beside = component.instances.find(({ id, eligible }) => eligible && siteOfInstance.get(id) === site);
  return { instance: beside?.id ?? null, epoch: grant.epoch, replaced: null };
}
