import assert from 'node:assert/strict';
import { it } from 'node:test';
import { labServers, labStatus } from '../../../lab/cli.ts';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import {
  alertmanagerAddress,
  measuredNodes,
  monitoringNode,
  nodeExporterName,
  nodeExporterPort,
  prometheusAddress,
  prometheusName,
} from '../../../lab/netns/servers/monitoring.ts';
import { lanAddress } from '../../../lab/netns/servers/placement.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import { waitFor } from '../../../lab/wait.ts';
import type { ServersUnderTest } from './servers-under-test.ts';

/** Asks without a certificate whatever answers there; prints the status or what was refused. */
const askWithoutCertificate = (url: string): readonly string[] => [
  process.execPath,
  '-e',
  `require('https').get(${JSON.stringify(url)}, { rejectUnauthorized: false, timeout: 3000 }, (r) => { console.log('status', r.statusCode); process.exit(0); })
     .on('error', (e) => { console.log('refused', e.code); process.exit(0); });`,
];

export function monitoringSuite(servers: () => ServersUnderTest): void {
  const home = (): PlannedNode => monitoringNode(servers().ground)!;
  const health = async () => {
    const { state } = await labStatus(servers().lab, { measure: false });
    return (await labServers(servers().lab, state)) ?? [];
  };
  const alerts = () =>
    servers().under.run(
      home().id,
      ...['amtool', `--alertmanager.url=http://${alertmanagerAddress}`, '--output=json', 'alert', 'query'],
    );

  it('Prometheus hears every exporter, every vote of etcd and every member under Patroni', async () => {
    const said = await servers().under.run(
      home().id,
      ...['promtool', 'query', 'instant', `http://${prometheusAddress}`, 'sum by (job) (up)'],
    );
    const heard = Object.fromEntries(
      [...said.matchAll(/\{job="(\w+)"\} => (\d+)/g)].map(([, job, up]) => [job, Number(up)]),
    );
    assert.deepEqual(heard, { node: measuredNodes(servers().ground).length, etcd: 3, patroni: 3, alertmanager: 1 });
  });

  it('an exporter hears nobody without a certificate of the lab', async () => {
    const [node] = measuredNodes(servers().ground);
    const url = `https://${lanAddress(servers().ground.plan, node!)}:${nodeExporterPort}/metrics`;
    assert.match(await servers().under.run('observer/nyc', ...askWithoutCertificate(url)), /^refused /);
  });

  it('an exporter that is frozen is missed, told to Alertmanager and named in the lab’s status, and no longer once it goes on', async () => {
    const [node] = measuredNodes(servers().ground);
    const key = serverKey({ name: nodeExporterName, node: node! });
    const target = `${lanAddress(servers().ground.plan, node!)}:${nodeExporterPort}`;
    const prometheus = serverKey({ name: prometheusName, node: home() });
    const lacksOf = async (server: string) => (await health()).find((each) => each.key === server)?.lacks;
    assert.equal(await lacksOf(prometheus), null);
    const fault = await servers().freeze(key);
    const isTold = async () => {
      const said = await alerts();
      return said.includes('"Unheard"') && said.includes(target);
    };
    await waitFor('the alert', isTold, 45_000);
    assert.equal(await lacksOf(prometheus), `it hears nothing of ${target}`);
    await servers().thaw(fault);
    await waitFor('it to be heard again', async () => (await lacksOf(prometheus)) === null, 30_000);
  });
}
