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

type PlanServers = (ground: ServerGround, identityOf: (name: string) => MachineIdentity) => readonly LabServer[];

/** The authority, and what agents may lead to writers. */
const ledServers: PlanServers = (ground, identityOf) => [
  ...etcdServers(ground, identityOf),
  ...haproxyServers(ground),
  ...sharedAddressServers(ground),
  ...redisServers(ground),
  ...sentinelServers(ground),
  ...dnsServers(ground),
  ...pgbouncerServers(ground),
  ...patroniServers(ground, identityOf, 'patroni'),
];

/** Every server of a lab of network namespaces. Each kind has a file of its own in this room. */
export const planServers: PlanServers = (ground, identityOf) => [
  ...ledServers(ground, identityOf),
  ...patroniServers(ground, identityOf, 'postgres'),
  ...pgbackrestServers(ground, identityOf),
  ...monitoringServers(ground, identityOf),
];

/** What fails over by itself, without anybody who leads it. */
const delegateServers: PlanServers = (ground, identityOf) => [
  ...etcdServers(ground, identityOf),
  ...patroniServers(ground, identityOf, 'postgres'),
  ...redisServers(ground),
  ...sentinelServers(ground),
];

/**
 * `all`; `led`: the authority and those that agents may lead; `delegates`: PostgreSQL under Patroni and Redis with Sentinel, on the authority's
 * etcd; `authority`: etcd and nothing else.
 */
export const serverChoices = ['all', 'led', 'delegates', 'authority'] as const;
export type ServerChoice = (typeof serverChoices)[number];
export const plannedBy: Readonly<Record<ServerChoice, PlanServers>> = {
  all: planServers,
  led: ledServers,
  delegates: delegateServers,
  authority: etcdServers,
};
