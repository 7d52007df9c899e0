import type { SiteId } from '../src/core/base/ids.ts';
import type { ActiveFault } from './fault.ts';
import type { LinkMeasurement } from './net/measure-link.ts';
import type { LinkReport, PathReport } from './net/network.ts';

/** The network under a lab, whatever it is made of. Holds no timer for faults: whoever does says again which are in force. */
export interface GroundNetwork {
  readonly connections: number;
  /** Machines that are no host of the topology: its routers, where they are real. */
  readonly machines: readonly string[];
  /** In effect when it returns or resolves. @throws LabError HF-7007 for what this network cannot do */
  setFaults(faults: readonly ActiveFault[]): void | Promise<void>;
  links(): readonly LinkReport[] | Promise<readonly LinkReport[]>;
  paths(): readonly PathReport[] | Promise<readonly PathReport[]>;
  reachesAuthority(site: SiteId): boolean;
  /** What the links really take now. Ends by its deadline. */
  measure(options: MeasureOptions): Promise<readonly LinkMeasurement[]>;
  close(): void;
}

export interface MeasureOptions {
  readonly samples: number;
  readonly deadlineMs: number;
}
