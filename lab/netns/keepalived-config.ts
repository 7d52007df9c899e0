import type { PlannedRouter } from './network-plan.ts';

/** Four of these without a word and the other router takes the shared address. */
export const vrrpEverySeconds = 0.1;

/** A router that comes back takes the address when it has its routes again. */
const preemptAfterSeconds = 10;

/** Null where a router shares no address. */
export function keepalivedFile({ id, gateway }: PlannedRouter): string | null {
  if (gateway === null) return null;
  return `global_defs {
  router_id ${id.replaceAll('/', '-')}
  vrrp_version 3
  vrrp_garp_master_refresh 60
}
vrrp_instance gateway {
  state BACKUP
  interface ${gateway.interface}
  virtual_router_id 51
  priority ${gateway.priority}
  preempt_delay ${preemptAfterSeconds}
  advert_int ${vrrpEverySeconds}
  virtual_ipaddress {
    ${gateway.address}
  }
}
`;
}
