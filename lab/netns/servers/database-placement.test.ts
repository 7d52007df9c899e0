import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { readTopologyFile } from '../../../src/wire/topology-file/read-topology-file.ts';
import { planNetwork } from '../network-plan.ts';
import { etcdVoters } from './etcd.ts';
import { patroniMembers } from './patroni-members.ts';
import { backupMachines, backupRepositories, hostLines } from './pgbackrest.ts';
import type { Placement } from './placement.ts';

const examples = join(import.meta.dirname, '..', '..', '..', 'examples');
const firms = globSync('{two,three,four}-site*.yaml', { cwd: examples }).toSorted();

function placementOf(file: string): Placement {
  const parsed = readTopologyFile(join(examples, file));
  if (!parsed.ok) throw new Error(`${file} does not parse`);
  const { topology } = parsed.value;
  return { topology, plan: planNetwork(topology, { prefix: 'hf-test-' }) };
}

describe('where the databases of a firm and what they need stand', () => {
  for (const file of firms) {
    const placement = placementOf(file);
    const { topology } = placement;
    const databases = topology.components.filter(({ kind }) => kind === 'postgres');
    const members = databases.flatMap((component) => patroniMembers(placement, component));

    it(`${basename(file)}: one vote in every site that votes`, () => {
      const sites = etcdVoters(placement).map(({ node }) => node.site);
      assert.deepEqual(
        sites,
        topology.sites.filter(({ voter }) => voter).map(({ id }) => id),
      );
    });

    it(`${basename(file)}: every instance is a member, and no two of them listen at one place`, () => {
      assert.equal(members.length, databases.flatMap(({ instances }) => instances).length);
      const places = members.map(({ address, postgresPort }) => `${address}:${postgresPort}`);
      assert.equal(new Set(places).size, places.length);
    });

    it(`${basename(file)}: backups lie in another site than the preferred one, and their machines know each other`, () => {
      const [preferred] = topology.sites.toSorted((left, right) => left.preference - right.preference);
      const repositories = backupRepositories(placement);
      assert.equal(repositories.length, databases.length === 0 ? 0 : topology.sites.length - 1);
      assert.ok(repositories.every(({ node }) => node.site !== preferred!.id));
      assert.equal(hostLines(placement).length, backupMachines(placement).length);
    });
  }
});
