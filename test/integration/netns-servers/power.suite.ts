import assert from 'node:assert/strict';
import { it } from 'node:test';
import { labBreak } from '../../../lab/cli.ts';
import { dnsNodes } from '../../../lab/netns/servers/dns.ts';
import { pooledDatabase } from '../../../lab/netns/servers/pgbouncer.ts';
import { waitFor } from '../../../lab/wait.ts';
import { hostId } from '../../../src/core/base/ids.ts';
import { dnsDriver } from './dns.suite.ts';
import { haproxyDriver } from './haproxy.suite.ts';
import { pgbouncerDriver } from './pgbouncer.suite.ts';
import { codeOf, epoch, type ServersUnderTest, withinDeadline } from './servers-under-test.ts';

export function powerSuite(servers: () => ServersUnderTest): void {
  it('a machine whose power returns has its servers again: nothing leads anywhere, and names are what they were', async () => {
    const soon = { deadlineMs: 3_000 };
    const at = epoch(20);
    const [node] = dnsNodes(servers().ground);
    const proxy = haproxyDriver(servers(), node!);
    const pooler = pgbouncerDriver(servers(), node!);
    const names = dnsDriver(servers(), node!);
    const target = { host: '10.1.0.12', port: 5432 };
    const database = pooledDatabase;
    const outcomes = [
      await proxy.perform({ kind: 'route', epoch: at, backend: 'orders', server: 'front-nyc' }, soon),
      await pooler.perform({ kind: 'pause', epoch: at, database }, soon),
      await pooler.perform({ kind: 'point', epoch: at, database, target }, soon),
      await pooler.perform({ kind: 'resume', epoch: at, database }, soon),
      await names.perform(
        { kind: 'set-addresses', epoch: at, name: 'power', addresses: ['10.255.0.20'], ttlSeconds: 5 },
        soon,
      ),
    ];
    assert.deepEqual(outcomes.map(codeOf), ['ok', 'ok', 'ok', 'ok', 'ok']);

    await labBreak(servers().lab, { kind: 'host-power-off', host: hostId(node!.host!) }, 3_000);
    const routed = { kind: 'routed', backend: 'orders', server: 'front-nyc' } as const;
    const leads = { kind: 'leads-to', database, target } as const;
    const late = { deadlineMs: 300 };
    assert.equal(await withinDeadline(300, proxy.confirm(routed, late)), 'unknown');
    assert.equal(await withinDeadline(300, pooler.confirm(leads, late)), 'unknown');

    await waitFor('the proxy', async () => (await proxy.confirm(routed, soon)) !== 'unknown', 20_000);
    assert.equal(await proxy.confirm(routed, soon), 'does-not-hold');
    await waitFor('the pooler', async () => (await pooler.confirm(leads, soon)) !== 'unknown', 20_000);
    assert.equal(await pooler.confirm(leads, soon), 'does-not-hold');
    const known = { kind: 'has-addresses', name: 'power', addresses: ['10.255.0.20'] } as const;
    await waitFor('the name server', async () => (await names.confirm(known, soon)) === 'holds', 20_000);
  });
}
