import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import { dnsKeyFile, dnsName, dnsNodes, dnsPort, dnsZone } from '../../../lab/netns/servers/dns.ts';
import { lanAddress } from '../../../lab/netns/servers/placement.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import { waitFor } from '../../../lab/wait.ts';
import { nameAgreement } from '../../../src/adapters/dns/agreement.ts';
import { dnsTools } from '../../../src/adapters/dns/dns-tools.ts';
import { DnsDriver } from '../../../src/adapters/dns/driver.ts';
import { codeOf, epoch, type ServersUnderTest, withinDeadline } from './servers-under-test.ts';

/** As its own machine drives it. */
export function dnsDriver(servers: ServersUnderTest, node: PlannedNode, keyFile = dnsKeyFile): DnsDriver {
  const { under, ground } = servers;
  const server = { host: lanAddress(ground.plan, node), port: dnsPort };
  const tools = dnsTools({ server, keyFile, prefix: under.prefix(node.id) });
  return new DnsDriver({ tools, zone: dnsZone, epochs: servers.newEpochs() });
}

export function dnsSuite(servers: () => ServersUnderTest): void {
  const soon = { deadlineMs: 5_000 };
  const name = 'trading';
  const nodes = () => dnsNodes(servers().ground);

  const driver = (node: PlannedNode, keyFile?: string) => dnsDriver(servers(), node, keyFile);
  const set = (at: number, address: string) =>
    ({ kind: 'set-addresses', epoch: epoch(at), name, addresses: [address], ttlSeconds: 5 }) as const;
  const everywhere = (at: number, address: string) =>
    Promise.all(nodes().map((node) => driver(node).perform(set(at, address), soon)));
  const agreement = async () =>
    nameAgreement(
      new Map(
        await Promise.all(
          nodes().map(async (node) => {
            const seen = await driver(node).observe({ ...soon, names: [name] });
            return [node.id, seen.names[name] ?? null] as const;
          }),
        ),
      ),
    );
  /** As somebody at the other site sees it, without a key. */
  const resolved = async (node: PlannedNode) => {
    const question = [
      `@${lanAddress(servers().ground.plan, node)}`,
      '+short',
      '+time=2',
      '+tries=1',
      `${name}.${dnsZone}`,
    ];
    return (await servers().under.run('observer/ldn', 'dig', ...question)).trim();
  };

  it('has a server in each trading site, and no name of a service', async () => {
    assert.deepEqual(
      nodes().map(({ site }) => site),
      ['nyc', 'chi'],
    );
    const seen = await driver(nodes()[0]!).observe({ ...soon, names: [name] });
    assert.deepEqual([seen.version, seen.reasons], ['9.18.49', []]);
    assert.deepEqual((await agreement()).kind === 'agreed' && seen.names[name]?.addresses, []);
  });

  it('a name is set at all servers, by the newest epoch only', async (context: TestContext) => {
    const begun = performance.now();
    assert.deepEqual((await everywhere(2, '10.255.0.1')).map(codeOf), ['ok', 'ok']);
    context.diagnostic(`set and read back at two servers in ${Math.round(performance.now() - begun)} ms`);
    assert.deepEqual(await agreement(), { kind: 'agreed', addresses: ['10.255.0.1'], epoch: 2 });
    for (const node of nodes()) assert.equal(await resolved(node), '10.255.0.1');
    assert.deepEqual((await everywhere(1, '10.255.0.9')).map(codeOf), ['stale-epoch', 'stale-epoch']);
    const [node] = nodes();
    const race = await Promise.all([5, 3, 4].map((at) => driver(node!).perform(set(at, `10.255.0.${at}`), soon)));
    assert.equal(codeOf(race[0]!), 'ok');
    assert.equal(await resolved(node!), '10.255.0.5');
    assert.equal((await agreement()).kind, 'differs');
    assert.deepEqual((await everywhere(6, '10.255.0.6')).map(codeOf), ['ok', 'ok']);
  });

  it('whoever has no key moves nothing', async () => {
    const [node] = nodes();
    const { under } = servers();
    const text = 'key "holdfast" { algorithm hmac-sha256; secret "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; };';
    const script = 'umask 077; printf "%s\\n" "$1" > /run/stranger.key';
    await under.run(node!.id, 'sh', '-c', script, 'write', text);
    const stranger = driver(node!, '/run/stranger.key');
    assert.equal(codeOf(await stranger.perform(set(7, '10.255.0.7'), soon)), 'unknown');
    assert.equal(await resolved(node!), '10.255.0.6');
  });

  it('a frozen and a killed server are unknown; back again it has what it had, and is seen to be behind', async () => {
    const [first, second] = nodes();
    const key = serverKey({ name: dnsName, node: second! });
    const frozen = await servers().freeze(key);
    const late = driver(second!);
    assert.equal(codeOf(await withinDeadline(800, late.perform(set(7, '10.255.0.7'), { deadlineMs: 800 }))), 'unknown');
    const condition = { kind: 'has-addresses', name, addresses: ['10.255.0.6'] } as const;
    assert.equal(await withinDeadline(800, late.confirm(condition, { deadlineMs: 800 })), 'unknown');
    await servers().thaw(frozen);
    const answers = async () => (await driver(second!).confirm(condition, soon)) !== 'unknown';
    await waitFor('the server to answer', answers, 10_000);

    await servers().kill(key);
    assert.equal(codeOf(await driver(first!).perform(set(8, '10.255.0.8'), soon)), 'ok');
    assert.equal(codeOf(await driver(second!).perform(set(8, '10.255.0.8'), soon)), 'unknown');
    assert.deepEqual(await agreement(), { kind: 'unknown', unheard: [second!.id] });
    await servers().restart(key);
    await waitFor('the server to be back', answers, 10_000);
    assert.deepEqual(await agreement(), { kind: 'differs', newest: [first!.id], behind: [second!.id] });
    assert.deepEqual((await everywhere(8, '10.255.0.8')).map(codeOf), ['ok', 'ok']);
    assert.deepEqual(await agreement(), { kind: 'agreed', addresses: ['10.255.0.8'], epoch: 8 });
  });
}
