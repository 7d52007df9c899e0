import { runCommand } from '../adapters/gate/nftables-gate.ts';
import { lookAtService } from '../adapters/service-manager/look.ts';
import { HostEyes } from '../adapters/system/host-look.ts';
import { onBeat } from '../adapters/system/shared-beat.ts';
import type { HostId, SiteId, WallMs } from '../core/base/ids.ts';
import type { HostCheckPolicy } from '../core/health/host-checks.ts';
import { type ClockDifference, clockDifference, type HostReport } from '../core/health/host-report.ts';

export interface HostWatchOptions {
  readonly host: HostId;
  readonly site: SiteId;
  readonly policy: HostCheckPolicy;
  readonly directories: readonly string[];
  readonly certificates: readonly { readonly name: string; readonly file: string }[];
  /** Programs that others keep running, as `systemd:UNIT` or `supervisord:PROGRAM`. */
  readonly services: readonly string[];
  readonly wallMs: () => number;
  readonly tell: (report: HostReport) => void;
}

/** What a controller said of its clock when a report came. */
export interface ClockAnswer {
  readonly controller: string;
  /** `sentAt` of the report. */
  readonly asked: number;
  /** By the controller's wall clock. */
  readonly answered: number;
}

const lookWithinMs = 2000;
/** An answer of so many looks ago says nothing of a clock that may have been set since. */
const answersKeptFor = 3;

/** Looks at the agent's own host at regular times, and tells the controllers; their answers are what its clock is compared with. */
export class HostWatch {
  readonly #options: HostWatchOptions;
  readonly #eyes: HostEyes;
  readonly #end: () => void;
  readonly #clocks = new Map<string, Omit<ClockDifference, 'ageMs'> & { readonly at: number }>();
  #isLooking = false;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    const { directories, certificates, policy } = options;
    this.#eyes = new HostEyes({ directories, certificates, deadlineMs: lookWithinMs });
    this.#end = onBeat(policy.everyMs, () => void this.look());
  }

  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const { host, site, services, tell, wallMs } = this.#options;
      const [seen, looks] = await Promise.all([
        this.#eyes.look(),
        Promise.all(services.map((service) => lookAtService(runCommand, service, lookWithinMs))),
      ]);
      const now = wallMs();
      tell({ host, site, sentAt: now as WallMs, ...seen, clocks: this.#differences(now), services: looks });
    } finally {
      this.#isLooking = false;
    }
  }

  answered({ controller, asked, answered }: ClockAnswer): void {
    const heard = this.#options.wallMs();
    const difference = clockDifference({ asked, answered, heard });
    if (difference !== null) this.#clocks.set(controller, { controller, ...difference, at: heard });
  }

  close(): void {
    this.#end();
  }

  #differences(now: number): readonly ClockDifference[] {
    const keptMs = answersKeptFor * this.#options.policy.everyMs;
    return [...this.#clocks.values()]
      .map(({ at, ...difference }) => ({ ...difference, ageMs: now - at }))
      .filter(({ ageMs }) => ageMs >= 0 && ageMs <= keptMs);
  }
}
