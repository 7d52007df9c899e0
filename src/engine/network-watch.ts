import type { Json } from '../core/base/canonical-json.ts';
import type { SiteId, WallMs } from '../core/base/ids.ts';
import { type Alert, nextAlert, noAlert } from '../core/network/alert.ts';
import { type Budget, budgetsOf, type Judgement, joins, judge } from '../core/network/budget.ts';
import { type NetworkReport, networkReportEveryMs, probingHosts } from '../core/network/network-report.ts';
import type { Topology } from '../core/topology/topology.ts';

/** What was said longer ago than this says nothing of now. */
const saidWithinMs = 5 * networkReportEveryMs;

/** What one controller has heard of the paths between sites, against their budgets. People read it; no decision does. */
export class NetworkWatch {
  readonly #topology: Topology;
  readonly #budgets: readonly Budget[];
  readonly #heard = new Map<SiteId, { readonly report: NetworkReport; readonly at: number }>();
  readonly #alerts = new Map<string, Alert>();

  constructor(topology: Topology) {
    this.#topology = topology;
    this.#budgets = topology.network === undefined ? [] : budgetsOf(topology);
  }

  /** From a site's prober; of any other host nothing is taken. */
  report(report: NetworkReport, now: number): void {
    const { network } = this.#topology;
    if (network === undefined || probingHosts(this.#topology).get(report.site)?.id !== report.host) return;
    this.#heard.set(report.site, { report, at: now });
    for (const { to, trips } of report.paths)
      for (const budget of this.#budgetsFor(report.site, to)) {
        const key = alertKey(budget, report.site, to);
        this.#alerts.set(key, nextAlert(this.#alerts.get(key) ?? noAlert, judge(budget, trips), now, network));
      }
  }

  /** Every path between two sites, also those of which nothing is known, with why. */
  project(now: number, wall: WallMs): Json {
    const { network, sites } = this.#topology;
    const probing = probingHosts(this.#topology);
    if (network === undefined) return { at: wall, measures: null, paths: [] };
    const paths = sites.flatMap(({ id: from }) =>
      sites
        .filter(({ id }) => id !== from)
        .map(({ id: to }) => this.#path(from, to, probing.get(from)?.id ?? null, now)),
    );
    const { everyMs, answerWithinMs, windowMs } = network;
    return { at: wall, measures: { everyMs, answerWithinMs, windowMs }, paths };
  }

  #path(from: SiteId, to: SiteId, host: string | null, now: number): Json {
    const heard = this.#heard.get(from);
    const ageMs = heard === undefined ? null : Math.round(now - heard.at);
    const measured = heard?.report.paths.find((path) => path.to === to) ?? null;
    const why = this.#whyUnknown({ from, to, host, ageMs, measured: measured !== null }, heard?.report.problem ?? null);
    return {
      from,
      to,
      host,
      ageMs,
      unknown: why,
      trips: measured === null ? null : ({ ...measured.trips } as Json),
      answeredMsAgo: measured?.answeredMsAgo ?? null,
      budgets: this.#budgetsFor(from, to).map((budget) => {
        const unknown: Judgement = { outcome: 'unknown', reasons: why === null ? [] : [why] };
        const judged = why === null ? judge(budget, measured?.trips ?? null) : unknown;
        const alert = this.#alerts.get(alertKey(budget, from, to)) ?? noAlert;
        return {
          id: budget.id,
          trafficClass: budget.trafficClass,
          percentile: budget.percentile,
          limitMs: budget.limitMs,
          lossPercent: budget.lossPercent,
          jitterMs: budget.jitterMs,
          outcome: judged.outcome,
          reasons: [...judged.reasons],
          alert: alert.raised
            ? { sinceMsAgo: Math.round(now - (alert.changedAt ?? now)), reasons: [...alert.reasons] }
            : null,
        };
      }),
    };
  }

  #whyUnknown(
    path: {
      readonly from: SiteId;
      readonly to: SiteId;
      readonly host: string | null;
      readonly ageMs: number | null;
      readonly measured: boolean;
    },
    problem: string | null,
  ): string | null {
    const { from, to, host, ageMs, measured } = path;
    if (host === null) return `${from} has no host that could measure`;
    if (!probingHosts(this.#topology).has(to)) return `${to} has no host that could answer`;
    if (ageMs === null) return `nothing was heard of the prober on ${host}`;
    if (ageMs > saidWithinMs) return `nothing was heard of the prober on ${host} for ${(ageMs / 1000).toFixed(1)} s`;
    if (problem !== null) return problem;
    return measured ? null : `${host} does not measure it`;
  }

  #budgetsFor(from: SiteId, to: SiteId): readonly Budget[] {
    return this.#budgets.filter(({ between }) => joins(between, [from, to]));
  }
}

const alertKey = ({ id }: Budget, from: SiteId, to: SiteId): string => `${id}|${from}|${to}`;
