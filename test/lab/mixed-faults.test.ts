import { join } from 'node:path';
import { faultsInARow } from './faults-in-a-row.ts';
import { LabUnderTest } from './lab-under-test.ts';

faultsInARow({
  where: 'on loopback',
  open: () =>
    LabUnderTest.open('suite-mixed', {
      ratePerSecond: 100,
      overlays: [join(import.meta.dirname, 'mixed-faults.yaml')],
    }),
});
