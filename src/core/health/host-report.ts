import type { HostId, SiteId, WallMs } from '../base/ids.ts';
import type { ServiceLook } from './service-state.ts';

/** What a host's agent sees of the host itself, as it tells every controller. It is no heartbeat, and no decision reads it. */
export interface HostReport {
  readonly host: HostId;
  readonly site: SiteId;
  /** By the host's own wall clock. */
  readonly sentAt: WallMs;
  readonly disks: readonly DiskSpace[];
  readonly certificates: readonly CertificateLife[];
  /** Null: the host does not say. */
  readonly memory: { readonly availableBytes: number; readonly totalBytes: number } | null;
  /** Share of the last 10 s in which something waited for memory (0 to 100); null: the kernel does not count it. */
  readonly memoryWaitPercent: number | null;
  /** What runs or waits for a processor, mean of a minute, for each of them; null: the host does not say. */
  readonly loadPerProcessor: number | null;
  readonly clocks: readonly ClockDifference[];
  /** Of the programs that the topology names there. */
  readonly services: readonly ServiceLook[];
}

/** Of the file system that holds a directory. Null: it did not say in time, or is not there. */
export interface DiskSpace {
  readonly path: string;
  readonly space: { readonly freeBytes: number; readonly totalBytes: number } | null;
}

export interface CertificateLife {
  readonly name: string;
  /** Null: it cannot be read. */
  readonly notAfter: WallMs | null;
}

/**
 * This host's wall clock less a controller's, out of the stamps of one question and its answer. The truth lies within `uncertaintyMs` of
 * `offsetMs`, however the way there and the way back shared the time between them.
 */
export interface ClockDifference {
  readonly controller: string;
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  /** Since the answer, when the report was sent. */
  readonly ageMs: number;
}

/**
 * @param asked by the host's clock, when it asked; @param answered by the controller's; @param heard by the host's, when the answer came
 * Null where the host's clock went back meanwhile.
 */
export function clockDifference(stamps: {
  readonly asked: number;
  readonly answered: number;
  readonly heard: number;
}): Pick<ClockDifference, 'offsetMs' | 'uncertaintyMs'> | null {
  const { asked, answered, heard } = stamps;
  if (heard < asked) return null;
  return { offsetMs: (asked + heard) / 2 - answered, uncertaintyMs: (heard - asked) / 2 };
}
