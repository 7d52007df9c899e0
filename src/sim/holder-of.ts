import { seatOf } from '../core/authority/writer-seat.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { World } from './world.ts';

/** Who holds a component by the record; of a Redis where writers are let in, of what is delegated who was adopted. */
export function holderOf({ record, topology }: World, component: string): InstanceId | null {
  const known = topology.components.find(({ id }) => id === component);
  if (record === null || known === undefined) return null;
  if (known.kind === 'redis') return seatOf(record, known, topology).instance;
  return record.grants[known.id]?.holder ?? record.delegates?.[known.id]?.holder ?? null;
}
