import { readFileSync } from 'node:fs';
import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { Lead, Preference } from '../../core/topology/served.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import {
  leadsExactly,
  type Routes,
  type SeenServer,
  type ServedLook,
  type ServedServer,
} from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { FrrDriver, RouterObservation } from './driver.ts';
import { savedAnnouncements } from './parse.ts';

export interface ServedRouterOptions {
  readonly driver: FrrDriver;
  readonly leads: Readonly<Record<string, Lead>>;
  /** What bgpd starts with. */
  readonly configFile: string;
  /** Held to, whoever has the traffic; empty = paths are as the router has them. */
  readonly preferences: readonly Preference[];
}

/** Longer than routers of two sites need to be told one after the other; a site that is cut off hears of nobody else. */
const othersAnnounceWithinMs = 700;
const lookAgainAfterMs = 20;

/** One router as an agent leads it: each prefix announced with the way to an instance, or withdrawn. */
export class ServedRouter implements ServedServer {
  readonly #options: ServedRouterOptions;

  constructor(options: ServedRouterOptions) {
    this.#options = options;
  }

  async look(options: CallOptions): Promise<ServedLook> {
    const until = hostMonoMs() + options.deadlineMs;
    const { driver, leads: wanted } = this.#options;
    const names = Object.keys(wanted);
    const seen = await driver.observe({ ...options, prefixes: names });
    const { bgp, bfd, prefixes, nextHops, reasons } = seen;
    if (bgp === null || nextHops === null || names.some((name) => prefixes[name] == null))
      return { kind: 'unknown', reason: reasons[0] ?? 'it did not answer' };
    const preferred = await this.#preferred({ deadlineMs: until - hostMonoMs() });
    if (preferred.some(({ held }) => held === 'unknown'))
      return { kind: 'unknown', reason: 'what it prefers was not found out in time' };
    const others = preferred.filter(({ held }) => held === 'does-not-hold');
    const leads: Record<string, InstanceId | null | 'elsewhere'> = {};
    for (const [name, lead] of Object.entries(wanted))
      leads[name] = ledTo({ sourced: prefixes[name]!.sourced, ways: nextHops[name] ?? [], lead });
    return {
      kind: 'seen',
      leads,
      concerns: [
        ...others.map(({ routeMap, sequence }) => `${routeMap} ${sequence} does not prefer what it was told`),
        ...this.#savedConcerns(names),
        ...concernsOf(seen),
      ],
      remarks: reasons,
      figures: {
        ...(preferred.length === 0 ? {} : { preferred: preferred.length - others.length }),
        bgpSessions: bgp.length,
        bgpEstablished: bgp.filter(({ established }) => established).length,
        ...(bfd === null ? {} : { bfdSessions: bfd.length, bfdUp: bfd.filter(({ status }) => status === 'up').length }),
      },
    };
  }

  async lead(epoch: Epoch, routes: Routes, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    for (const [prefix, instance] of Object.entries(routes)) {
      const nextHop = instance === null ? null : this.#options.leads[prefix]?.as[instance];
      if (nextHop === undefined)
        return {
          kind: 'failed',
          code: 'unnamed',
          reason: `the topology does not say by which address ${instance} is reached for ${prefix}`,
        };
      if (nextHop === null) await this.#othersAnnounce(prefix, Math.min(until, hostMonoMs() + othersAnnounceWithinMs));
      const outcome = await this.#options.driver.perform(
        nextHop === null ? { kind: 'withdraw', epoch, prefix } : { kind: 'announce', epoch, prefix, nextHop },
        { deadlineMs: until - hostMonoMs() },
      );
      if (outcome.kind !== 'ok') return outcome;
    }
    for (const preference of this.#options.preferences) {
      const left = { deadlineMs: until - hostMonoMs() };
      const outcome = await this.#options.driver.perform({ kind: 'prefer', epoch, ...preference }, left);
      if (outcome.kind !== 'ok') return outcome;
    }
    return { kind: 'ok', detail: {} };
  }

  isLed(seen: SeenServer, routes: Routes): boolean {
    return leadsExactly(seen, routes) && (seen.figures['preferred'] ?? 0) === this.#options.preferences.length;
  }

  #preferred(options: CallOptions) {
    const { driver, preferences } = this.#options;
    const look = async (preference: Preference) => ({
      ...preference,
      held: await driver.confirm({ kind: 'preferred', ...preference }, options),
    });
    return Promise.all(preferences.map(look));
  }

  /** Whoever still comes here is led on in between: who withdraws before the new site has announced loses what is sent in between. */
  async #othersAnnounce(prefix: string, until: number): Promise<void> {
    const { driver } = this.#options;
    const is = (kind: 'withdrawn' | 'announced-elsewhere') =>
      driver.confirm({ kind, prefix }, { deadlineMs: until - hostMonoMs() });
    if ((await is('withdrawn')) !== 'does-not-hold') return;
    while ((await is('announced-elsewhere')) === 'does-not-hold' && until - hostMonoMs() > lookAgainAfterMs)
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
  }

  /** What it would announce by itself after a restart, before anybody could say whether that holds. */
  #savedConcerns(prefixes: readonly string[]): readonly string[] {
    const { configFile } = this.#options;
    let saved: string;
    try {
      saved = readFileSync(configFile, 'utf8');
    } catch {
      return [`what it would announce after a restart is not known: ${configFile} cannot be read`];
    }
    return savedAnnouncements(saved, prefixes).map(
      (prefix) => `${configFile} announces ${prefix}: a router that starts with it does so, whoever has the traffic`,
    );
  }
}

/** A way to a prefix that is not announced leads those who already come here. */
function ledTo({
  sourced,
  ways,
  lead,
}: {
  readonly sourced: boolean;
  readonly ways: readonly string[];
  readonly lead: Lead;
}): InstanceId | null | 'elsewhere' {
  if (!sourced && ways.length === 0) return null;
  const instance = Object.entries(lead.as).find(([, address]) => address === ways[0])?.[0];
  return sourced && ways.length === 1 && instance !== undefined ? (instance as InstanceId) : 'elsewhere';
}

function concernsOf({ bgp, bfd, prefixes }: RouterObservation): readonly string[] {
  const announced = Object.entries(prefixes).flatMap(([prefix, state]) => (state?.sourced ? [{ prefix, state }] : []));
  return [
    ...announced.flatMap(({ prefix, state }) => {
      const others = state.learnt.flatMap(({ asPath }) => (asPath === '' ? [] : [asPath.split(' ').at(-1)!]));
      return [...new Set(others)].map((as) => `${prefix} is announced by ${as} as well`);
    }),
    ...announced
      .filter(({ state }) => state.advertisedTo.length === 0)
      .map(({ prefix }) => `no neighbour was told of ${prefix}`),
    ...(bgp ?? [])
      .filter(({ established }) => !established)
      .map(({ neighbour, description, state }) => `BGP with ${description ?? neighbour} is ${state}`),
    ...(bfd === null ? ['bfdd does not answer'] : []),
    ...(bfd ?? [])
      .filter(({ status }) => status !== 'up')
      .map(({ neighbour, status }) => `the path to ${neighbour} is ${status}`),
  ];
}
