import type { GroupRecord } from '../core/authority/group-record.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { Topology } from '../core/topology/topology.ts';
import { ownedComponents } from '../core/topology/topology-index.ts';
import type { InstanceModel } from './instance-model.ts';

interface Watched {
  readonly record: GroupRecord | null;
  readonly topology: Topology;
  readonly instances: ReadonlyMap<InstanceId, InstanceModel>;
}

/** Null when every run has ended and each component has one serving holder; else what is missing. */
export const unservedIn = ({ record, topology, instances }: Watched): string | null => {
  if (record === null) return 'never activated';
  if (record.run !== null) return `run ${record.run} is still open`;
  for (const component of ownedComponents(topology, topology.groups[0]!)) {
    const holder = record.grants[component.id]?.holder ?? null;
    if (holder === null) return `${component.id}: nobody holds it`;
    const instance = instances.get(holder)!;
    if (
      !instance.couldRelease ||
      instance.process !== 'running' ||
      instance.grantEpoch !== record.grants[component.id]!.epoch
    )
      return `${component.id}: ${holder} is ${instance.process} ${instance.role}`;
    if (instance.stopped === instance.grantEpoch) return `${holder} was told to stop accepting`;
    if (component.kind === 'trading-engine' && !record.tradingEnabled) return 'trading is not enabled';
    if (instance.draining) return `${holder} is still draining`;
  }
  for (const { component, holder } of Object.values(record.delegates ?? {})) {
    const known = holder === null ? undefined : instances.get(holder);
    if (known?.process !== 'running' || known.delegate?.holder !== holder)
      return `${component}: ${holder ?? 'nobody'} is led to, and has no lock`;
  }
  return null;
};

/** Null when, beside that, all that can stand by does, durability is as asked for and nobody else believes to be primary; else what is missing. */
export const incompleteIn = ({ record, instances }: Watched): string | null => {
  if (record === null) return 'never activated';
  for (const instance of instances.values()) {
    const grant = record.grants[instance.component.id];
    if (!grant || grant.holder === instance.id) continue;
    if (instance.process !== 'running') return `${instance.id} is ${instance.process}`;
    if (instance.role === 'primary') return `${instance.id} still believes to be primary`;
    const { replication, eligible } = instance.instance;
    if (
      instance.component.durability !== null &&
      replication === 'sync' &&
      eligible &&
      !grant.promotable.includes(instance.id)
    )
      return `${instance.id} is not back in the promotable set`;
  }
  for (const grant of Object.values(record.grants))
    if (grant.mode.kind !== 'strict') return `${grant.component} is still ${grant.mode.kind}`;
  return null;
};
