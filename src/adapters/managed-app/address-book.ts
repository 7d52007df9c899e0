import type { InstanceId } from '../../core/base/ids.ts';

/**
 * Where this host reaches each instance: service → `host:port`. Services are those of the component's kind, e.g. `replication`,
 * `orders`, `database`. A front's route names a service, and is looked up under the instance that it leads to.
 */
export type AddressBook = Readonly<Record<InstanceId, Readonly<Record<string, string>>>>;

export const addressOf = (book: AddressBook, instance: InstanceId, service: string): string | null =>
  book[instance]?.[service] ?? null;
