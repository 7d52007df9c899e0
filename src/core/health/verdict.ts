import type { HostId, SiteId } from '../base/ids.ts';
import type { Opinion } from './failure-detector.ts';

/**
 * What enough observers together say. `failed` has a basis: a `fact` (a supervisor saw it end, its own agent says what it
 * is doing) or a `quorum` of observers in at least two sites for silence (H5). Everything short of that is not `failed`.
 */
export interface Verdict {
  readonly state: 'healthy' | 'degraded' | 'suspect' | 'failed' | 'unknown';
  readonly basis: 'fact' | 'quorum' | null;
  /** One sentence each, with who said it. */
  readonly evidence: readonly string[];
}

/** One controller's view of every host, sent to the others. */
export interface PeerOpinion {
  readonly observer: SiteId;
  readonly hosts: Readonly<Record<HostId, { readonly opinion: Opinion; readonly silentMs: number }>>;
}

export interface Observer {
  readonly name: string;
  readonly site: SiteId;
  readonly opinion: Opinion;
  readonly silentMs: number;
}

/**
 * Silence of a host, judged by controllers. `failed` needs a majority of all voters to say `silent`, from at least two
 * sites; one observer that hears it is enough to make it at worst `suspect`. An observer beside the host has a say like any
 * other. One that is not heard itself has none (`unknown`), but still counts in the majority's denominator.
 */
export function hostVerdict(observers: readonly Observer[], voters: number): Verdict {
  const speakers = observers.filter((observer) => observer.opinion === 'silent');
  const alive = observers.filter((observer) => observer.opinion === 'alive');
  const evidence = observers.map((observer) =>
    observer.opinion === 'silent'
      ? `${observer.name}: silent for ${Math.round(observer.silentMs)} ms`
      : `${observer.name}: ${observer.opinion}`,
  );
  const sites = new Set(speakers.map((observer) => observer.site));
  if (alive.length === 0 && speakers.length > voters / 2 && sites.size >= 2)
    return { state: 'failed', basis: 'quorum', evidence };
  if (speakers.length > 0) return { state: 'suspect', basis: null, evidence };
  if (alive.length > 0) return { state: 'healthy', basis: null, evidence };
  return { state: 'unknown', basis: null, evidence };
}

/** A site has failed when every host in it has, by quorum. */
export function siteVerdict(hosts: readonly Verdict[]): Verdict {
  if (hosts.length === 0) return { state: 'unknown', basis: null, evidence: ['no host of it is known'] };
  const failed = hosts.filter((verdict) => verdict.state === 'failed').length;
  const evidence = [`${failed} of ${hosts.length} hosts failed`];
  if (failed === hosts.length) return { state: 'failed', basis: 'quorum', evidence };
  if (failed > 0) return { state: 'degraded', basis: null, evidence };
  if (hosts.some((verdict) => verdict.state === 'suspect')) return { state: 'suspect', basis: null, evidence };
  if (hosts.every((verdict) => verdict.state === 'unknown')) return { state: 'unknown', basis: null, evidence };
  return { state: 'healthy', basis: null, evidence };
}
