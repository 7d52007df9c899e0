import { dnsServers } from './dns.ts';
import { etcdServers } from './etcd.ts';
import { haproxyServers } from './haproxy.ts';
import { monitoringServers } from './monitoring.ts';
import { patroniServers } from './patroni.ts';
import { type MachineIdentity, pgbackrestServers } from './pgbackrest.ts';
import { pgbouncerServers } from './pgbouncer.ts';
import type { ServerGround } from './placement.ts';
import { redisServers, sentinelServers } from './redis.ts';
import type { LabServer } from './server.ts';
import { sharedAddressServers } from './shared-address.ts';

/** Every server of a lab of network namespaces. Each kind has a file of its own in this room. */
export const planServers = (
  ground: ServerGround,
  identityOf: (name: string) => MachineIdentity,
): readonly LabServer[] => [
  ...etcdServers(ground, identityOf),
  ...patroniServers(ground, identityOf),
  ...pgbackrestServers(ground, identityOf),
  ...haproxyServers(ground),
  ...sharedAddressServers(ground),
  ...redisServers(ground),
  ...sentinelServers(ground),
  ...dnsServers(ground),
  ...pgbouncerServers(ground),
  ...monitoringServers(ground, identityOf),
];
