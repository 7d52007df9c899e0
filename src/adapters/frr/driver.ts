import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import {
  type BfdSession,
  type BgpSession,
  nextHopOf,
  type PrefixState,
  parseBfdPeers,
  parseBgpSummary,
  parsePreference,
  parsePrefix,
  parseStatics,
  parseVersion,
} from './parse.ts';
import type { FrrDaemon, Vty, VtyAnswer } from './vty.ts';

export interface FrrDriverOptions {
  readonly vty: Vty;
  /** The router's own number. */
  readonly as: number;
  readonly epochs: GuardedEpochs;
}

/** Absolute values only: doing one twice is doing it once. */
export type RoutingAction =
  | { readonly kind: 'announce'; readonly epoch: Epoch; readonly prefix: string; readonly nextHop: string }
  /** Wherever it led to. */
  | { readonly kind: 'withdraw'; readonly epoch: Epoch; readonly prefix: string }
  /** How much is preferred what one rule of a route map lets in. */
  | {
      readonly kind: 'prefer';
      readonly epoch: Epoch;
      readonly routeMap: string;
      readonly sequence: number;
      readonly localPreference: number;
    };

export type RoutingCondition =
  /** By this router, told to at least one neighbour, and it leads there and nowhere else. */
  | { readonly kind: 'announced'; readonly prefix: string; readonly nextHop: string }
  /** By this router, which has no way of its own to it either. */
  | { readonly kind: 'withdrawn'; readonly prefix: string }
  /** By somebody of another autonomous system, as this router has heard. */
  | { readonly kind: 'announced-elsewhere'; readonly prefix: string }
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
  /** Where its own routes of each prefix lead. */
  readonly nextHops: Readonly<Record<string, readonly string[]>> | null;
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
  /** Asked for again after bgpd was away. */
  #version: string | null = null;

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
    const nextHopsIn = (text: string): Readonly<Record<string, readonly string[]>> =>
      Object.fromEntries(options.prefixes.map((prefix) => [prefix, parseStatics(text, prefix).map(nextHopOf)]));
    const [version, nextHops, bgp, bfd, ...prefixes] = await Promise.all([
      this.#version ?? look('bgpd', showVersion, parseVersion),
      look('staticd', showRunning, nextHopsIn),
      look('bgpd', showSummary, parseBgpSummary),
      look('bfdd', showBfd, parseBfdPeers),
      ...options.prefixes.map((prefix) => look('bgpd', showPrefix(prefix), parsePrefix)),
    ]);
    this.#version = bgp === null ? null : version;
    if (version !== null && !triedVersions.some((tried) => version === tried || version.startsWith(`${tried}.`)))
      reasons.push(`version ${version} has not been tried; ${triedVersions.join(', ')} has`);
    return {
      version,
      bgp,
      bfd,
      prefixes: Object.fromEntries(options.prefixes.map((prefix, index) => [prefix, prefixes[index] ?? null])),
      nextHops,
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
    const told = await this.#tell(action, until);
    if (told.kind === 'unknown') return told;
    let { refusal } = told;
    const condition = conditionOf(action);
    const taken = new Set<string>();
    for (;;) {
      const seen = await this.#see(condition, until);
      if (seen?.holds === true) return { kind: 'ok', detail: {} };
      const surplus = seen === null ? [] : surplusWays(action, seen.ways).filter((way) => !taken.has(way));
      for (const way of surplus) {
        taken.add(way);
        const answer = await this.#say('staticd', [`no ${way}`], until);
        if (answer.kind === 'unknown') return answer;
        refusal ??= answer.refusal;
      }
      if (surplus.length > 0) continue;
      if (seen !== null && refusal !== null) return { kind: 'failed', code: 'refused', reason: refusal };
      if (seen === null || until - hostMonoMs() <= lookAgainAfterMs)
        return { kind: 'unknown', reason: `${action.kind} was not seen to take effect in time` };
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
    }
  }

  async confirm(condition: RoutingCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const seen = await this.#see(condition, hostMonoMs() + options.deadlineMs);
    if (seen === null) return 'unknown';
    return seen.holds ? 'holds' : 'does-not-hold';
  }

  /** Whether it holds, and the ways of the router's own to its prefix; null: that is not known. */
  async #see(condition: RoutingCondition, until: number): Promise<Seen | null> {
    const command = condition.kind === 'preferred' ? showRunning : showPrefix(condition.prefix);
    const [answer, statics] = await Promise.all([
      this.#ask('bgpd', [command], until),
      usesStatics(condition) ? this.#ask('staticd', [showRunning], until) : null,
    ]);
    if (answer.kind !== 'ok' || (statics !== null && statics.kind !== 'ok')) return null;
    try {
      const running = statics?.text ?? '';
      const ways = condition.kind === 'preferred' ? [] : parseStatics(running, condition.prefix);
      return { holds: holds(condition, answer.text, ways), ways };
    } catch {
      return null;
    }
  }

  /** What it refused, if it refused anything: taking away what is not there is no failure, and what counts is what is there afterwards. */
  async #tell(action: RoutingAction, until: number): Promise<Told> {
    const bgp = (line: string) =>
      this.#say('bgpd', [`router bgp ${this.#options.as}`, 'address-family ipv4 unicast', line], until);
    switch (action.kind) {
      case 'announce': {
        // The way to the service first: nobody is told of a prefix that leads nowhere.
        const way = await this.#say('staticd', [`ip route ${action.prefix} ${action.nextHop}`], until);
        if (way.kind === 'unknown') return way;
        const told = await bgp(`network ${action.prefix}`);
        return told.kind === 'unknown' ? told : { kind: 'told', refusal: way.refusal ?? told.refusal };
      }
      case 'withdraw':
        return bgp(`no network ${action.prefix}`);
      case 'prefer': {
        const rule = `route-map ${action.routeMap} permit ${action.sequence}`;
        return this.#say('bgpd', [rule, `set local-preference ${action.localPreference}`], until);
      }
    }
  }

  async #say(daemon: FrrDaemon, lines: readonly string[], until: number): Promise<Told> {
    const answer = await this.#ask(daemon, ['configure terminal', ...lines], until);
    if (answer.kind === 'unknown') return { kind: 'unknown', reason: `${daemon}: ${answer.reason}` };
    return { kind: 'told', refusal: answer.kind === 'refused' ? `${daemon}: ${answer.reason}` : null };
  }

  #ask(daemon: FrrDaemon, lines: readonly string[], untilMs: number): Promise<VtyAnswer> {
    return this.#options.vty(daemon, lines, { deadlineMs: untilMs - hostMonoMs() });
  }
}

type Unknown = Extract<ActionOutcome, { kind: 'unknown' }>;
type Told = Unknown | { readonly kind: 'told'; readonly refusal: string | null };

interface Seen {
  readonly holds: boolean;
  readonly ways: readonly string[];
}

/** What leads to the prefix and is to be taken away: FRR takes a way away only with its next hop. */
function surplusWays(action: RoutingAction, ways: readonly string[]): readonly string[] {
  if (action.kind === 'prefer') return [];
  return action.kind === 'withdraw' ? ways : ways.filter((way) => nextHopOf(way) !== action.nextHop);
}

const showVersion = 'show version';
const showSummary = 'show bgp summary json';
const showBfd = 'show bfd peers json';
/** Of one daemon, what that has as its configuration. */
const showRunning = 'write terminal';
const showPrefix = (prefix: string): string => `show bgp ipv4 unicast ${prefix} json`;

const usesStatics = ({ kind }: RoutingCondition): boolean => kind === 'announced' || kind === 'withdrawn';

function holds(condition: RoutingCondition, text: string, ways: readonly string[]): boolean {
  switch (condition.kind) {
    case 'announced': {
      const { sourced, advertisedTo } = parsePrefix(text);
      const leads = ways.length === 1 && nextHopOf(ways[0]!) === condition.nextHop;
      return sourced && advertisedTo.length > 0 && leads;
    }
    case 'withdrawn':
      return !parsePrefix(text).sourced && ways.length === 0;
    case 'announced-elsewhere':
      return parsePrefix(text).learnt.some(({ asPath }) => asPath !== '');
    case 'preferred':
      return parsePreference(text, condition) === condition.localPreference;
  }
}

function conditionOf(action: RoutingAction): RoutingCondition {
  switch (action.kind) {
    case 'announce':
      return { kind: 'announced', prefix: action.prefix, nextHop: action.nextHop };
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
  if (action.kind === 'withdraw' || addressShape.test(action.nextHop)) return null;
  return `"${action.nextHop}" is not an address`;
}
