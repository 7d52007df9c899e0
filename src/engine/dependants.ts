import type { HostId, InstanceId } from '../core/base/ids.ts';
import { hasUpstream } from '../core/health/instance-observation.ts';
import type { Verdict } from '../core/health/verdict.ts';
import type { InstanceReport } from './messages.ts';

/** What its agent said of an instance last. `fresh`: nothing since speaks against it. */
export interface Word {
  readonly report: InstanceReport;
  readonly ageMs: number;
  readonly fresh: boolean;
}

interface Dependant {
  readonly id: InstanceId;
  /** Since it heard its upstream, as far as is known here. */
  readonly heardAgoMs: number;
}

/** Who depends on an instance, by their own fresh words: those that have it, and those that lost it. */
export interface Dependants {
  readonly held: readonly Dependant[];
  readonly lost: readonly Dependant[];
}

export function dependantsOf(upstream: InstanceId, words: ReadonlyMap<InstanceId, Word>): Dependants {
  const held: Dependant[] = [];
  const lost: Dependant[] = [];
  for (const [id, { report, ageMs, fresh }] of words) {
    const seen = report.observation?.upstream;
    if (!fresh || id === upstream || seen?.instance !== upstream) continue;
    (hasUpstream(seen) ? held : lost).push({ id, heardAgoMs: ageMs + seen.silentMs });
  }
  return { held, lost };
}

/**
 * The verdict on an instance of a host that is silent by quorum of the controllers. A dependant that still has it turns that into a
 * suspicion (H5), for as long as its lease may run: after that it may be connected as it likes, it releases nothing.
 *
 * @param overMs since its lease is over; null = it may run
 */
export function silentHost(host: Verdict, dependants: Dependants, overMs: number | null): Verdict {
  const evidence = [...host.evidence];
  if (dependants.held.length > 0 && overMs === null) return stillHad(dependants.held, evidence);
  return { state: 'failed', basis: 'quorum', evidence: [...evidence, ...wordsOf(dependants, overMs)] };
}

/**
 * The verdict on a process that its own agent does not hear. Where there are dependants one of them must have lost it too, and none
 * may have heard it since (H5), for as long as its lease may run: who was cut off lost it as well, and that says nothing of it.
 *
 * @param overMs since its lease is over; null = it may run
 */
export function frozenProcess(host: HostId, dependants: Dependants, overMs: number | null): Verdict {
  const evidence = [`${host}: its process exists and does not answer`];
  const having = dependants.held.filter((one) => dependants.lost.every((other) => heardLater(one, other)));
  if (having.length > 0 && overMs === null) return stillHad(having, evidence);
  const words = wordsOf(dependants, overMs);
  return { state: 'failed', basis: words.length > 0 ? 'quorum' : 'fact', evidence: [...evidence, ...words] };
}

/** Dependants of a process that stops hear it for the last time at one moment, give or take a heartbeat and the length of a link. */
const ONE_MOMENT_MS = 100;

const heardLater = (one: Dependant, other: Dependant): boolean => one.heardAgoMs < other.heardAgoMs - ONE_MOMENT_MS;

const stillHad = (by: readonly Dependant[], evidence: readonly string[]): Verdict => ({
  state: 'suspect',
  basis: null,
  evidence: [...evidence, `still has it: ${namesOf(by)}`],
});

function wordsOf({ held, lost }: Dependants, overMs: number | null): readonly string[] {
  const words: string[] = [];
  if (held.length > 0 && overMs !== null)
    words.push(`still has it: ${namesOf(held)}`, `its lease ran out ${Math.round(overMs)} ms ago`);
  if (lost.length > 0) words.push(`lost it: ${namesOf(lost)}`);
  return words;
}

const namesOf = (dependants: readonly Dependant[]): string => dependants.map(({ id }) => id).join(', ');
