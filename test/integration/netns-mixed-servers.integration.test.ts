import { join } from 'node:path';
import { faultsInARow } from '../lab/faults-in-a-row.ts';
import { example, LabUnderTest, projectRoot } from '../lab/lab-under-test.ts';
import { serverGroundKinds } from '../lab/server-faults.ts';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { closedWithoutResidue } from './netns-platform.under-test.ts';
import { serversBench } from './netns-servers/servers-bench.ts';

const firms = {
  servers: { database: 'postgres', file: 'three-site-servers.yaml' },
  patroni: { database: 'patroni', file: 'three-site-patroni.yaml' },
} as const;
const named = process.env['HOLDFAST_FIRM'] ?? 'servers';
if (named !== 'servers' && named !== 'patroni')
  throw new Error(`HOLDFAST_FIRM=${named} is neither servers nor patroni`);
const { database, file } = firms[named];

faultsInARow({
  where: `on real servers (${file})`,
  skip: await reasonToSkipNamespaces(),
  kinds: serverGroundKinds(database),
  open: () =>
    LabUnderTest.open('suite-mixed-servers', {
      ground: 'netns',
      servers: 'led',
      topologyFile: example(file),
      overlays: ['led-servers.yaml', 'mixed-faults.yaml'].map((name) => join(projectRoot, 'test', 'lab', name)),
      ratePerSecond: 100,
    }),
  benchOf: serversBench,
  down: closedWithoutResidue,
});
