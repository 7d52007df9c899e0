import { after, before, describe } from 'node:test';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { dnsSuite } from './netns-servers/dns.suite.ts';
import { haproxySuite } from './netns-servers/haproxy.suite.ts';
import { monitoringSuite } from './netns-servers/monitoring.suite.ts';
import { pgbouncerSuite } from './netns-servers/pgbouncer.suite.ts';
import { powerSuite } from './netns-servers/power.suite.ts';
import { redisSuite } from './netns-servers/redis.suite.ts';
import { ServersUnderTest } from './netns-servers/servers-under-test.ts';
import { sharedAddressSuite } from './netns-servers/shared-address.suite.ts';

const skip = await reasonToSkipNamespaces();

describe('servers on a lab of network namespaces', { skip, timeout: 400_000 }, () => {
  let servers: ServersUnderTest;
  before(async () => {
    servers = await ServersUnderTest.up('suite-servers');
  });
  after(() => servers.down());

  describe('HAProxy', () => haproxySuite(() => servers));
  describe('keepalived', () => sharedAddressSuite(() => servers));
  describe('DNS', () => dnsSuite(() => servers));
  describe('pgBouncer', () => pgbouncerSuite(() => servers));
  describe('Prometheus and Alertmanager', () => monitoringSuite(() => servers));
  describe('a loss of power', () => powerSuite(() => servers));
  describe('Redis and Sentinel', () => redisSuite(() => servers));
});
