import type { HostReport } from './host-report.ts';
import type { ServiceLook, ServiceState } from './service-state.ts';

/** Where a figure becomes worth a look, and where it endangers the platform. */
export interface Threshold {
  readonly warn: number;
  readonly bad: number;
}

/** What a topology asks of its hosts (`hostChecks:`). Without it nobody looks. */
export interface HostCheckPolicy {
  readonly everyMs: number;
  /** Free space, percent. */
  readonly diskFreePercent: Threshold;
  /** What is left of a certificate. */
  readonly certificateMs: Threshold;
  /** Off a controller's clock, either way. */
  readonly clockMs: Threshold;
  /** Available memory, percent. */
  readonly memoryFreePercent: Threshold;
  /** Share of 10 s in which something waited for memory, percent. */
  readonly memoryWaitPercent: Threshold;
  readonly loadPerProcessor: Threshold;
}

export const hostCheckKinds = ['disk', 'certificate', 'clock', 'memory', 'load', 'service', 'report'] as const;
export const hostCheckStates = ['ok', 'warn', 'bad', 'inconclusive'] as const;

export type HostCheckState = (typeof hostCheckStates)[number];

/** One fact about a host, judged. */
export interface HostCheck {
  readonly check: (typeof hostCheckKinds)[number];
  /** Directory, certificate, controller or program; empty where there is only one. */
  readonly of: string;
  readonly state: HostCheckState;
  /** What was found, or why nothing is known. */
  readonly found: string;
}

/** Reports that are missed before what they said is no longer so. */
const missedReports = 3;
const dayMs = 86_400_000;

/**
 * Every fact of one host against its thresholds. What is not known is `inconclusive`, never `ok`.
 * @param heard the host's last report, and how long ago it came; null: none since this controller began
 * @param wallMs of whoever judges: what is left of a certificate is counted by it
 */
export function judgeHost(
  policy: HostCheckPolicy,
  heard: { readonly report: HostReport; readonly agoMs: number } | null,
  wallMs: number,
): readonly HostCheck[] {
  if (heard === null) return [unknown('report', '', 'its agent has said nothing of it yet')];
  const { report, agoMs } = heard;
  if (agoMs > missedReports * policy.everyMs)
    return [unknown('report', '', `its agent has said nothing of it for ${Math.round(agoMs / 1000)} s`)];
  return [
    ...report.disks.map(({ path, space }) =>
      space === null
        ? unknown('disk', path, 'its space is not known')
        : lowIsBad(
            'disk',
            path,
            percentOf(space.freeBytes, space.totalBytes),
            policy.diskFreePercent,
            (free) => `${free.toFixed(1)} % free`,
          ),
    ),
    ...report.certificates.map(({ name, notAfter }) =>
      notAfter === null
        ? unknown('certificate', name, 'it cannot be read')
        : lowIsBad('certificate', name, notAfter - wallMs, policy.certificateMs, lifeText),
    ),
    ...clockChecks(report, policy.clockMs),
    report.memory === null
      ? unknown('memory', 'available', 'the host does not say')
      : lowIsBad(
          'memory',
          'available',
          percentOf(report.memory.availableBytes, report.memory.totalBytes),
          policy.memoryFreePercent,
          (free) => `${free.toFixed(1)} %`,
        ),
    highIsBad(
      'memory',
      'waits',
      report.memoryWaitPercent,
      policy.memoryWaitPercent,
      (waits) => `${waits.toFixed(1)} % of the time`,
    ),
    highIsBad(
      'load',
      '',
      report.loadPerProcessor,
      policy.loadPerProcessor,
      (load) => `${load.toFixed(2)} for each processor`,
    ),
    ...report.services.map(serviceCheck),
  ];
}

const serviceJudged: Readonly<Record<ServiceState, HostCheckState>> = {
  running: 'ok',
  changing: 'warn',
  stopped: 'bad',
  failed: 'bad',
};

const serviceCheck = ({ service, state, said }: ServiceLook): HostCheck => ({
  check: 'service',
  of: service,
  state: state === null ? 'inconclusive' : serviceJudged[state],
  found: said,
});

/** The clock may be anywhere in its interval: only what holds for all of it is said. */
function clockChecks({ clocks }: HostReport, limits: Threshold): readonly HostCheck[] {
  if (clocks.length === 0) return [unknown('clock', '', 'no controller has answered')];
  return clocks.map(({ controller, offsetMs, uncertaintyMs }) => {
    const found = `${offsetMs >= 0 ? '+' : ''}${offsetMs.toFixed(1)} ms ± ${uncertaintyMs.toFixed(1)}`;
    const [least, most] = [Math.abs(offsetMs) - uncertaintyMs, Math.abs(offsetMs) + uncertaintyMs];
    const state =
      least >= limits.bad ? 'bad' : least >= limits.warn ? 'warn' : most < limits.warn ? 'ok' : 'inconclusive';
    return { check: 'clock', of: controller, state, found };
  });
}

const unknown = (check: HostCheck['check'], of: string, found: string): HostCheck => ({
  check,
  of,
  state: 'inconclusive',
  found,
});

const lowIsBad = (
  check: HostCheck['check'],
  of: string,
  value: number,
  { warn, bad }: Threshold,
  text: (value: number) => string,
): HostCheck => ({ check, of, state: value < bad ? 'bad' : value < warn ? 'warn' : 'ok', found: text(value) });

const highIsBad = (
  check: HostCheck['check'],
  of: string,
  value: number | null,
  { warn, bad }: Threshold,
  text: (value: number) => string,
): HostCheck =>
  value === null
    ? unknown(check, of, 'the host does not say')
    : { check, of, state: value >= bad ? 'bad' : value >= warn ? 'warn' : 'ok', found: text(value) };

const percentOf = (part: number, whole: number): number => (whole <= 0 ? 0 : (100 * part) / whole);

const lifeText = (leftMs: number): string =>
  leftMs < 0 ? `ended ${(-leftMs / dayMs).toFixed(1)} days ago` : `${(leftMs / dayMs).toFixed(1)} days left`;
