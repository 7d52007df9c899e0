import { after, before, describe } from 'node:test';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { agentsSuite } from './netns-servers/agents.suite.ts';
import { AgentsUnderTest } from './netns-servers/agents-under-test.ts';
import { gatewaysSuite } from './netns-servers/gateways.suite.ts';
import { routesSuite } from './netns-servers/routes.suite.ts';
import { ServersUnderTest } from './netns-servers/servers-under-test.ts';

const skip = await reasonToSkipNamespaces();

describe('agents that lead the servers of a lab of network namespaces', { skip, timeout: 300_000 }, () => {
  let servers: ServersUnderTest;
  let agents: AgentsUnderTest | null = null;
  before(async () => {
    servers = await ServersUnderTest.up('suite-agents');
    agents = await AgentsUnderTest.up(servers);
  });
  after(async () => {
    await agents?.down();
    await servers.down();
  });

  describe('HAProxy, pgBouncer, BIND and Redis', () =>
    agentsSuite(
      () => servers,
      () => agents!,
    ));
  describe('keepalived', () =>
    gatewaysSuite(
      () => servers,
      () => agents!,
    ));
  describe('FRR', () =>
    routesSuite(
      () => servers,
      () => agents!,
    ));
});
