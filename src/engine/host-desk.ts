import type { HostId, WallMs } from '../core/base/ids.ts';
import { type HostCheck, judgeHost } from '../core/health/host-checks.ts';
import type { HostReport } from '../core/health/host-report.ts';
import type { Topology } from '../core/topology/topology.ts';

/** What one controller has heard of the hosts themselves, against what the topology asks for. People read it; no decision does. */
export class HostDesk {
  readonly #policy: Topology['hostChecks'];
  readonly #heard = new Map<HostId, { readonly report: HostReport; readonly at: number }>();

  constructor({ hostChecks }: Topology) {
    this.#policy = hostChecks;
  }

  report(report: HostReport, now: number): void {
    if (this.#policy !== undefined) this.#heard.set(report.host, { report, at: now });
  }

  /** Null where the topology asks for none. */
  checksOf(host: HostId, now: number, wall: WallMs): readonly HostCheck[] | null {
    if (this.#policy === undefined) return null;
    const heard = this.#heard.get(host);
    return judgeHost(this.#policy, heard === undefined ? null : { report: heard.report, agoMs: now - heard.at }, wall);
  }
}
