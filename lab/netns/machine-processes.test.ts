import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { daemonKey, frrDaemons, machineProcesses } from './machine-processes.ts';
import { planNetwork } from './network-plan.ts';

const parsed = readTopologyFile(join(import.meta.dirname, '..', '..', 'examples', 'three-site.yaml'));
assert.ok(parsed.ok);
const plan = planNetwork(parsed.value.topology, { prefix: 'hf-0-' });
const specs = machineProcesses({
  plan,
  directory: '/lab',
  stateOf: (node) => `/lab/${node}`,
  groupOf: () => null,
  logOf: (key) => `/lab/${key}.log`,
  wireguard: 'kernel',
  delayer: null,
});
const commandOf = (router: string, daemon: string): string =>
  specs.find(({ key }) => key === daemonKey(router, daemon))!.args.join(' ');

it('after a loss of power, when all of a router is started at once, its other daemons begin once zebra listens', () => {
  const waits = (router: string, daemon: string) => commandOf(router, daemon).includes('[ -S /run/frr/zebra.vty ]');
  for (const { id } of plan.routers)
    assert.deepEqual(
      frrDaemons.filter((daemon) => waits(id, daemon)),
      ['staticd', 'bfdd', 'bgpd'],
    );
});

it('zebra of a router that has tunnels begins once they are up, so that it hears of none while it runs', () => {
  const waits = plan.routers.filter(({ id }) => commandOf(id, 'zebra').includes('ip -o link show dev $tunnel up'));
  const withTunnels = new Set(plan.tunnels.flatMap(({ ends }) => ends.map(({ router }) => router)));
  assert.deepEqual(new Set(waits.map(({ id }) => id)), withTunnels);
  assert.equal(withTunnels.size, 2);
  for (const { interface: name, ends } of plan.tunnels)
    for (const { router } of ends)
      assert.match(commandOf(router, 'zebra'), new RegExp(`for tunnel in [^;]*\\b${name}\\b`));
});
