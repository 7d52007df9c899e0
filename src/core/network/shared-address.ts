import type { InstanceId, SiteId } from '../base/ids.ts';
import type { InstanceFacts } from '../decision/facts.ts';
import type { Lead } from '../topology/served.ts';
import type { Component, Instance } from '../topology/topology.ts';
import { type AddressHolding, type AddressOwners, addressOwners } from './address-owners.ts';

/** One address that several machines share, by the component that watches it. */
export interface SharedAddress {
  /** Without its prefix length. */
  readonly address: string;
  /** `vrrp_instance`. */
  readonly name: string;
  readonly lead: Lead;
  readonly site: SiteId;
  readonly members: readonly Instance[];
  readonly owners: AddressOwners;
}

/** Every shared address of a component of kind keepalived, and who is known to have it. */
export function sharedAddresses(
  { instances, served }: Component,
  facts: ReadonlyMap<InstanceId, InstanceFacts>,
): readonly SharedAddress[] {
  const addressOf = ({ id }: Instance) => served?.servers[id]?.sharedAddress?.replace(/\/.*/, '') ?? '';
  return [...new Set(instances.map(addressOf))].flatMap((address) =>
    Object.entries(served?.leads ?? {}).flatMap(([name, lead]) => {
      const members = instances.filter((instance) => addressOf(instance) === address);
      const site = members.map(({ id }) => facts.get(id)?.site).find((each) => each !== undefined);
      if (site === undefined) return [];
      const owners = addressOwners(new Map(members.map(({ id }) => [id, holdingOf(facts.get(id), name)])));
      return [{ address, name, lead, site, members, owners }];
    }),
  );
}

function holdingOf(known: InstanceFacts | undefined, name: string): AddressHolding {
  const observation = known?.fresh === true ? known.observation : null;
  const holds = observation?.figures['holds'];
  const isHeard = observation?.process === 'running' && observation.leads?.[name] !== undefined;
  if (!isHeard || holds === undefined) return { daemon: 'unknown', holds: null };
  return { daemon: observation.figures['runs'] === 1 ? 'running' : 'gone', holds: holds === 1 };
}
