import { SiteProber } from '../adapters/site-probe/site-prober.ts';
import { onBeat } from '../adapters/system/shared-beat.ts';
import type { HostId, SiteId } from '../core/base/ids.ts';
import type { NetworkPolicy } from '../core/network/budget.ts';
import { type NetworkReport, networkReportEveryMs } from '../core/network/network-report.ts';
import type { ProbeConfig } from '../wire/agent-config.ts';
import { causeText } from '../wire/holdfast-error.ts';

/** Measures the paths from this host's site and tells what it found, until it is closed. What cannot be measured is told as well. */
export async function probeSites(options: {
  readonly host: HostId;
  readonly site: SiteId;
  readonly probe: ProbeConfig;
  readonly policy: NetworkPolicy;
  readonly tell: (report: NetworkReport) => void;
  readonly log: (line: string) => void;
}): Promise<() => void> {
  const { host, site, probe, policy, tell, log } = options;
  let problem: string | null = null;
  const prober = await SiteProber.open({ ...probe, ...policy }).catch((cause: unknown) => {
    problem = causeText(cause);
    log(`network: ${problem}`);
    return null;
  });
  let sequence = 0;
  const endReports = onBeat(networkReportEveryMs, () => {
    sequence += 1;
    tell({ host, site, sequence, problem, paths: prober?.paths() ?? [] });
  });
  return () => {
    endReports();
    prober?.close();
  };
}
