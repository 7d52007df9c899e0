import { SiteProber } from '../adapters/site-probe/site-prober.ts';
import { ThroughputSink } from '../adapters/site-probe/throughput-sink.ts';
import { measureThroughput } from '../adapters/site-probe/throughput-test.ts';
import { onBeat } from '../adapters/system/shared-beat.ts';
import type { HostId, SiteId } from '../core/base/ids.ts';
import type { NetworkPolicy } from '../core/network/budget.ts';
import { type NetworkReport, networkReportEveryMs } from '../core/network/network-report.ts';
import type { NetworkTest, NetworkTestResult } from '../core/network/throughput.ts';
import type { ProbeConfig } from '../wire/agent-config.ts';
import { causeText } from '../wire/holdfast-error.ts';

export interface SiteProbing {
  /** Measures once; the result is told. One at a time: another one is told as not measured. */
  test(test: NetworkTest): void;
  close(): void;
}

/** Measures the paths from this host's site and tells what it found, until it is closed. What cannot be measured is told as well. */
export async function probeSites(options: {
  readonly host: HostId;
  readonly site: SiteId;
  readonly probe: ProbeConfig;
  readonly policy: NetworkPolicy;
  readonly tell: (report: NetworkReport) => void;
  readonly tellResult: (result: NetworkTestResult) => void;
  readonly log: (line: string) => void;
}): Promise<SiteProbing> {
  const { host, site, probe, policy, tell, tellResult, log } = options;
  let problem: string | null = null;
  const prober = await SiteProber.open({ ...probe, ...policy }).catch((cause: unknown) => {
    problem = causeText(cause);
    log(`network: ${problem}`);
    return null;
  });
  const { throughput } = probe;
  const sink =
    throughput === null
      ? null
      : await ThroughputSink.listen(throughput.listen).catch((cause: unknown) => {
          log(`network: no throughput can be measured here: ${causeText(cause)}`);
          return null;
        });
  let sequence = 0;
  const endReports = onBeat(networkReportEveryMs, () => {
    sequence += 1;
    tell({ host, site, sequence, problem, paths: prober?.paths() ?? [] });
  });
  let testing = false;
  const test = async ({ id, to, bytes }: NetworkTest): Promise<void> => {
    const about = { id, host, from: site, to, bytes };
    const not = (why: string) => tellResult({ ...about, trips: null, tookMs: null, problem: why });
    const peer = throughput?.peers.find((each) => each.site === to);
    if (peer === undefined) return not(`${host} knows no way to ${to}`);
    if (testing) return not(`${host} is measuring already`);
    testing = true;
    const found = await measureThroughput({ host: peer.host, port: peer.port }, bytes);
    testing = false;
    tellResult({ ...about, ...found });
  };
  return {
    test: (wanted) => void test(wanted),
    close: () => {
      endReports();
      prober?.close();
      sink?.close();
    },
  };
}
