import type { GroupRecord } from '../authority/group-record.ts';
import { seatOf } from '../authority/writer-seat.ts';
import type { HostId, InstanceId, SiteId } from '../base/ids.ts';
import type { Instance, Topology } from '../topology/topology.ts';
import { canServe, indexOf } from '../topology/topology-index.ts';
import type { HostPhrase, InstancePhrase, SitePhrase } from './cast.ts';

/** Whom a phrase means is a matter of the moment: of the firm, and of what the authority says now. */
export interface Moment {
  readonly topology: Topology;
  /** Null: never activated. */
  readonly record: GroupRecord | null;
}

/** Null from each of these: nobody is meant by that now. */
export function siteMeant(phrase: SitePhrase, { topology, record }: Moment): SiteId | null {
  switch (phrase.kind) {
    case 'named':
      return topology.sites.find((site) => site.id === phrase.site)?.id ?? null;
    case 'active':
      return record?.activeSite ?? null;
    case 'witness':
      return topology.sites.find((site) => site.voter && !canServe(site))?.id ?? null;
    case 'standby':
      return (
        topology.sites
          .filter((site) => canServe(site) && site.id !== record?.activeSite)
          .toSorted((a, b) => a.preference - b.preference)[0]?.id ?? null
      );
  }
}

/** Who holds a component by the record; of a Redis where writers are let in, of what is delegated who was adopted. */
export function holderMeant(component: string, { topology, record }: Moment): InstanceId | null {
  const known = topology.components.find(({ id }) => id === component);
  if (record === null || known === undefined) return null;
  if (known.kind === 'redis') return seatOf(record, known, topology).instance;
  return record.grants[known.id]?.holder ?? record.delegates?.[known.id]?.holder ?? null;
}

export function instanceMeant(phrase: InstancePhrase, moment: Moment): Instance | null {
  const { topology } = moment;
  const all = topology.components.flatMap(({ instances }) => instances);
  if (phrase.kind === 'named') return all.find(({ id }) => id === phrase.instance) ?? null;
  const holder = holderMeant(phrase.component, moment);
  const primary = all.find(({ id }) => id === holder) ?? null;
  if (phrase.kind === 'primary') return primary;
  const { siteOfInstance } = indexOf(topology);
  const site =
    phrase.kind === 'remote-standby'
      ? siteMeant({ kind: 'standby' }, moment)
      : primary && siteOfInstance.get(primary.id);
  // Host after host, so that of several the same one is always meant.
  const others = topology.hosts.flatMap((host) =>
    all.filter((each) => each.host === host.id && each.component === phrase.component && each !== primary),
  );
  return others.find(({ id }) => siteOfInstance.get(id) === site) ?? null;
}

export function hostMeant(phrase: HostPhrase, moment: Moment): HostId | null {
  const wanted = phrase.kind === 'named' ? phrase.host : instanceMeant(phrase.instance, moment)?.host;
  return moment.topology.hosts.find(({ id }) => id === wanted)?.id ?? null;
}
