import type { FaultReport } from '../../lab/ground.ts';
import { hostMonoMs } from '../../src/adapters/process/host-clock.ts';

/** When a fault began, on the clock of the clients’ acknowledgements. */
export const beganAtMs = ({ startedAt }: Pick<FaultReport, 'startedAt'>): number =>
  hostMonoMs() - (performance.timeOrigin + performance.now() - startedAt);
