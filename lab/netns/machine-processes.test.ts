import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { daemonKey, frrDaemons, machineProcesses } from './machine-processes.ts';
import { planNetwork } from './network-plan.ts';

it('after a loss of power, when all of a router is started at once, its other daemons begin once zebra listens', () => {
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
  const waits = (router: string, daemon: string) =>
    specs
      .find(({ key }) => key === daemonKey(router, daemon))!
      .args.join(' ')
      .includes('[ -S /run/frr/zebra.vty ]');
  for (const { id } of plan.routers)
    assert.deepEqual(
      frrDaemons.filter((daemon) => waits(id, daemon)),
      ['staticd', 'bfdd', 'bgpd'],
    );
});
