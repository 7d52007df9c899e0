import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import {
  type BfdSession,
  type BgpSession,
  type PrefixState,
  parseBfdPeers,
  parseBgpSummary,
  parsePreference,
  parsePrefix,
  parseVersion,
} from './parse.ts';
import type { FrrDaemon, Vtysh, VtyshAnswer } from './vtysh.ts';

export interface FrrDriverOptions {
  readonly vtysh: Vtysh;
  /** The router's own number. */
  readonly as: number;
  readonly epochs: GuardedEpochs;
}

/** Absolute values only: doing one twice is doing it once. */
export type RoutingAction =
  | { readonly kind: 'announce'; readonly epoch: Epoch; readonly prefix: string; readonly nextHop: string }
  | { readonly kind: 'withdraw'; readonly epoch: Epoch; readonly prefix: string; readonly nextHop: string }
  /** How much is preferred what one rule of a route map lets in. */
  | {
      readonly kind: 'prefer';
      readonly epoch: Epoch;
      readonly routeMap: string;
      readonly sequence: number;
      readonly localPreference: number;
    };

export type RoutingCondition =
  /** By this router, and told to at least one neighbour. */
  | { readonly kind: 'announced'; readonly prefix: string }
  | { readonly kind: 'withdrawn'; readonly prefix: string }
  | {
      readonly kind: 'preferred';
      readonly routeMap: string;
      readonly sequence: number;
      readonly localPreference: number;
    };

/** What one look at a router gave. Null: that part did not answer in time, or not sensibly; `reasons` says why. */
export interface RouterObservation {
  readonly version: string | null;
  readonly bgp: readonly BgpSession[] | null;
  readonly bfd: readonly BfdSession[] | null;
  readonly prefixes: Readonly<Record<string, PrefixState | null>>;
  readonly reasons: readonly string[];
}

/** Versions against which this driver has run. Another one is reported, not refused. */
const triedVersions = ['8.4'];
const lookAgainAfterMs = 20;
const prefixShape = /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/;
const addressShape = /^\d{1,3}(\.\d{1,3}){3}$/;
const nameShape = /^[A-Za-z0-9_.-]{1,63}$/;

/**
 * Drives one FRR router. FRR knows no epoch: the driver refuses older ones, durably, and everything is confirmed by looking. What it
 * changes is in the running configuration only, so that a router that restarts announces nothing.
 */
export class FrrDriver {
  readonly #options: FrrDriverOptions;

  constructor(options: FrrDriverOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever the router does. */
  async observe(options: CallOptions & { readonly prefixes: readonly string[] }): Promise<RouterObservation> {
    const until = hostMonoMs() + options.deadlineMs;
    const reasons: string[] = [];
    const look = async <Part>(daemon: FrrDaemon, command: string, parse: (text: string) => Part) => {
      const answer = await this.#ask(daemon, [command], until);
      if (answer.kind !== 'ok') {
        reasons.push(`${daemon}: ${answer.reason}`);
        return null;
      }
      try {
        return parse(answer.text);
      } catch (error) {
        reasons.push(`${daemon}, "${command}": ${error instanceof Error ? error.message : String(error)}`);
        return null;
      }
    };
    const [version, bgp, bfd, ...prefixes] = await Promise.all([
      look('bgpd', 'show version', parseVersion),
      look('bgpd', 'show bgp summary json', parseBgpSummary),
      look('bfdd', 'show bfd peers json', parseBfdPeers),
      ...options.prefixes.map((prefix) => look('bgpd', showPrefix(prefix), parsePrefix)),
    ]);
    if (version !== null && !triedVersions.some((tried) => version === tried || version.startsWith(`${tried}.`)))
      reasons.push(`version ${version} has not been tried; ${triedVersions.join(', ')} has`);
    return {
      version,
      bgp,
      bfd,
      prefixes: Object.fromEntries(options.prefixes.map((prefix, index) => [prefix, prefixes[index] ?? null])),
      reasons,
    };
  }

  /** `ok` only when it was seen to be so afterwards; what was not is `unknown`. */
  async perform(action: RoutingAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const wrong = shapeProblem(action);
    if (wrong !== null) return { kind: 'failed', code: 'bad-value', reason: wrong };
    const resource = action.kind === 'prefer' ? `route-map ${action.routeMap}` : `prefix ${action.prefix}`;
    if (!this.#options.epochs.admit(resource, action.epoch)) {
      const reason = `epoch ${action.epoch} is older than ${this.#options.epochs.highest(resource)} for ${resource}`;
      return { kind: 'failed', code: 'stale-epoch', reason };
    }
    let refusal: string | null = null;
    for (const { daemon, lines } of this.#commands(action)) {
      const answer = await this.#ask(daemon, ['configure terminal', ...lines], until);
      if (answer.kind === 'unknown') return { kind: 'unknown', reason: `${daemon}: ${answer.reason}` };
      // Taking away what is not there is refused, and is no failure: what counts is what is there afterwards.
      if (answer.kind === 'refused') refusal ??= `${daemon}: ${answer.reason}`;
    }
    const condition = conditionOf(action);
    for (;;) {
      const held = await this.confirm(condition, { deadlineMs: until - hostMonoMs() });
      if (held === 'holds') return { kind: 'ok', detail: {} };
      if (held === 'does-not-hold' && refusal !== null) return { kind: 'failed', code: 'refused', reason: refusal };
      if (held === 'unknown' || until - hostMonoMs() <= lookAgainAfterMs)
        return { kind: 'unknown', reason: `${action.kind} was not seen to take effect in time` };
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
    }
  }

  async confirm(condition: RoutingCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const until = hostMonoMs() + options.deadlineMs;
    const command = condition.kind === 'preferred' ? 'show running-config bgpd' : showPrefix(condition.prefix);
    const answer = await this.#ask('bgpd', [command], until);
    if (answer.kind !== 'ok') return 'unknown';
    try {
      return holds(condition, answer.text) ? 'holds' : 'does-not-hold';
    } catch {
      return 'unknown';
    }
  }

  #commands(action: RoutingAction): readonly { readonly daemon: FrrDaemon; readonly lines: readonly string[] }[] {
    const bgp = (line: string) => ({
      daemon: 'bgpd' as const,
      lines: [`router bgp ${this.#options.as}`, 'address-family ipv4 unicast', line],
    });
    switch (action.kind) {
      case 'announce':
        // The way to the service first: nobody is told of a prefix that leads nowhere.
        return [
          { daemon: 'staticd', lines: [`ip route ${action.prefix} ${action.nextHop}`] },
          bgp(`network ${action.prefix}`),
        ];
      case 'withdraw':
        return [
          bgp(`no network ${action.prefix}`),
          { daemon: 'staticd', lines: [`no ip route ${action.prefix} ${action.nextHop}`] },
        ];
      case 'prefer':
        return [
          {
            daemon: 'bgpd',
            lines: [
              `route-map ${action.routeMap} permit ${action.sequence}`,
              `set local-preference ${action.localPreference}`,
            ],
          },
        ];
    }
  }

  #ask(daemon: FrrDaemon, lines: readonly string[], untilMs: number): Promise<VtyshAnswer> {
    return this.#options.vtysh(daemon, lines, { deadlineMs: untilMs - hostMonoMs() });
  }
}

const showPrefix = (prefix: string): string => `show bgp ipv4 unicast ${prefix} json`;

function holds(condition: RoutingCondition, text: string): boolean {
  switch (condition.kind) {
    case 'announced': {
      const { sourced, advertisedTo } = parsePrefix(text);
      return sourced && advertisedTo.length > 0;
    }
    case 'withdrawn':
      return !parsePrefix(text).sourced;
    case 'preferred':
      return parsePreference(text, condition) === condition.localPreference;
  }
}

function conditionOf(action: RoutingAction): RoutingCondition {
  switch (action.kind) {
    case 'announce':
      return { kind: 'announced', prefix: action.prefix };
    case 'withdraw':
      return { kind: 'withdrawn', prefix: action.prefix };
    case 'prefer': {
      const { routeMap, sequence, localPreference } = action;
      return { kind: 'preferred', routeMap, sequence, localPreference };
    }
  }
}

/** Everything becomes part of a line that FRR reads: nothing but what such a line may hold is let through. */
function shapeProblem(action: RoutingAction): string | null {
  if (action.kind === 'prefer') {
    if (!nameShape.test(action.routeMap)) return `"${action.routeMap}" is not a name for a route map`;
    const numbers = [action.sequence, action.localPreference];
    return numbers.every((value) => Number.isSafeInteger(value) && value >= 0)
      ? null
      : `${numbers.join(', ')} are not whole numbers`;
  }
  if (!prefixShape.test(action.prefix)) return `"${action.prefix}" is not a prefix`;
  return addressShape.test(action.nextHop) ? null : `"${action.nextHop}" is not an address`;
}
