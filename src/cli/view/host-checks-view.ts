import type { HostCheck, HostCheckState } from '../../core/health/host-checks.ts';
import type { GroupView } from './status-view.ts';

const glyphs: Readonly<Record<HostCheckState, string>> = { ok: '●', warn: '▲', bad: '✕', inconclusive: '?' };
/** The worst first; what is not known comes before what is merely worth a look. */
const order: readonly HostCheckState[] = ['bad', 'inconclusive', 'warn', 'ok'];

/** One sentence for each fact about a host that is not as it should be, or not known; the worst first. Empty where nobody looks. */
export function hostTroubles({ hosts }: GroupView): readonly string[] {
  return hosts
    .flatMap(({ host, checks }) => (checks ?? []).map((check) => ({ host, check })))
    .filter(({ check }) => check.state !== 'ok')
    .toSorted((left, right) => order.indexOf(left.check.state) - order.indexOf(right.check.state))
    .map(({ host, check }) => `${glyphs[check.state]} ${host}: ${checkText(check)}`);
}

/** `disk /var/lib 3.2 % free`. */
const checkText = ({ check, of, found }: HostCheck): string =>
  [check, of, found].filter((word) => word !== '').join(' ');
