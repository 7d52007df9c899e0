import assert from 'node:assert/strict';
import { before, it, type TestContext } from 'node:test';
import { haproxyName, proxyNodes } from '../../../lab/netns/servers/haproxy.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import {
  proxyAddress,
  sharedAddressFiles,
  sharedAddressName,
  vrrpInstance,
} from '../../../lab/netns/servers/shared-address.ts';
import { waitFor } from '../../../lab/wait.ts';
import type { AgentsUnderTest } from './agents-under-test.ts';
import { epoch, type ServersUnderTest } from './servers-under-test.ts';

/** A real keepalived, watched and weighed by the agent process of its machine. Who has the address the machines themselves say. */
export function gatewaysSuite(servers: () => ServersUnderTest, ledBy: () => AgentsUnderTest): void {
  let agents: AgentsUnderTest;
  before(async () => {
    agents = ledBy();
    await agents.record(105, 'nyc', 'nyc');
  });

  const instance = 'gateway-nyc';
  const nodes = () => proxyNodes(servers().ground).filter(({ site }) => site === 'nyc');
  const seen = () => agents.seen(instance);
  const weight = async () => (await servers().under.run(nodes()[0]!.id, 'cat', sharedAddressFiles.weightFile)).trim();
  const holders = async () => {
    const address = proxyAddress(servers().ground, nodes()[0]!).replace(/\/.*/, '');
    const found = await Promise.all(
      nodes().map(async ({ id }) =>
        (await servers().under.run(id, 'ip', '-j', 'addr', 'show', 'dev', 'lan')).includes(`"local":"${address}"`)
          ? [id]
          : [],
      ),
    );
    return found.flat();
  };
  const wellAt = (health: string) => () => seen()?.health === health;

  it('is seen as it is: who has the address, and what the machine weighs', async () => {
    await waitFor('it to be well', wellAt('ok'), 20_000);
    await waitFor(
      'the agent to say what the machine says',
      async () => {
        const isHere = (await holders()).includes(nodes()[0]!.id);
        return seen()?.leads?.[vrrpInstance] === (isHere ? 'proxy-nyc' : null);
      },
      10_000,
    );
    assert.deepEqual([seen()?.figures['runs'], seen()?.figures['weight'], await weight()], [1, 0, '0']);
  });

  it('weighs its machine down while the proxy beside the address is frozen, so that the other one has it, and no longer than that', async (context: TestContext) => {
    const frozen = await servers().freeze(serverKey({ name: haproxyName, node: nodes()[0]! }));
    const begun = performance.now();
    await waitFor('the machine to weigh less', async () => (await weight()) === '-100', 15_000);
    context.diagnostic(`weighed down after ${Math.round(performance.now() - begun)} ms`);
    await waitFor('the other one to have it', async () => (await holders()).join() === nodes()[1]!.id, 10_000);
    await servers().thaw(frozen);
    await waitFor('the machine to weigh as usual', async () => (await weight()) === '0', 15_000);
    await waitFor('it to be well', wellAt('ok'), 15_000);
  });

  it('frozen it is unknown, in every answer, by the deadline; thawed it is well', async (context: TestContext) => {
    const frozen = await servers().freeze(serverKey({ name: sharedAddressName, node: nodes()[0]! }));
    const begun = performance.now();
    await waitFor('it to be unknown', wellAt('unknown'), 10_000);
    context.diagnostic(`said to be unknown after ${Math.round(performance.now() - begun)} ms`);
    const routes = { [vrrpInstance]: 'proxy-nyc' };
    const condition = { kind: 'routed', epoch: epoch(105), routes };
    assert.equal((await agents.order(105, { kind: 'confirm', instance, condition } as never, 700)).kind, 'unknown');
    await servers().thaw(frozen);
    await waitFor('it to be well again', wellAt('ok'), 20_000);
  });

  it('an address that a killed keepalived left is at two machines, and its agent says that it is bad and why', async () => {
    const [here, there] = nodes();
    const other = await servers().freeze(serverKey({ name: haproxyName, node: there! }));
    await waitFor('this machine to have the address', async () => (await holders()).join() === here!.id, 15_000);
    await servers().thaw(other);
    await servers().kill(serverKey({ name: sharedAddressName, node: here! }));
    await waitFor('two owners', async () => (await holders()).length === 2, 10_000);
    await waitFor('its agent to say so', wellAt('bad'), 15_000);
    assert.match(seen()?.reason ?? '', /left the address here: the other machine takes it as well/);
    await servers().restart(serverKey({ name: sharedAddressName, node: here! }));
    await waitFor('one owner', async () => (await holders()).length === 1, 20_000);
    await waitFor('it to be well again', wellAt('ok'), 20_000);
  });
}
