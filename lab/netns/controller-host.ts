import type { HostId, SiteId } from '../../src/core/base/ids.ts';
import { etcdVoters } from './servers/etcd.ts';
import type { Placement } from './servers/placement.ts';

/** A site's controller stands beside its vote in the authority; null where the site has no vote. */
export const controllerHost = (placement: Placement, site: SiteId): HostId | null =>
  etcdVoters(placement).find(({ node }) => node.site === site)?.node.host ?? null;
