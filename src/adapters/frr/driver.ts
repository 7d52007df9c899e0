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
import type { FrrDaemon, Vtysh, VtyshAnswer, VtyshLook } from './vtysh.ts';

export interface FrrDriverOptions {
  readonly vtysh: Vtysh;
  /** What it sees, with one program where all daemons answer. */
  readonly look: VtyshLook;
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
  /** One daemon that stands still holds up whoever asks all of them: each is asked alone until all answer again. */
  #together = true;

  constructor(options: FrrDriverOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever the router does. */
  async observe(options: CallOptions & { readonly prefixes: readonly string[] }): Promise<RouterObservation> {
    const until = hostMonoMs() + options.deadlineMs;
    const reasons: string[] = [];
    const known = this.#together
      ? await this.#options.look(questionsOf(options), { deadlineMs: options.deadlineMs / 2 })
      : null;
    const look = async <Part>(daemon: FrrDaemon, command: string, parse: (text: string) => Part) => {
      const text = known?.get(command);
      try {
        if (text !== undefined) return parse(text);
      } catch {
        // Asked alone it says what is wrong.
      }
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
      look('staticd', showStatics, nextHopsIn),
      look('bgpd', showSummary, parseBgpSummary),
      look('bfdd', showBfd, parseBfdPeers),
      ...options.prefixes.map((prefix) => look('bgpd', showPrefix(prefix), parsePrefix)),
    ]);
    this.#version = bgp === null ? null : version;
    this.#together = known !== null || [nextHops, bgp, bfd, ...prefixes].every((part) => part !== null);
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
    const { refusal } = told;
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
    const [answer, statics] = await Promise.all([
      this.#ask('bgpd', [command], until),
      usesStatics(condition) ? this.#ask('staticd', [showStatics], until) : null,
    ]);
    if (answer.kind !== 'ok' || (statics !== null && statics.kind !== 'ok')) return 'unknown';
    try {
      return holds(condition, answer.text, statics?.text ?? '') ? 'holds' : 'does-not-hold';
    } catch {
      return 'unknown';
    }
  }

  /** What it refused, if it refused anything: taking away what is not there is no failure, and what counts is what is there afterwards. */
  async #tell(action: RoutingAction, until: number): Promise<Told> {
    let refusal: string | null = null;
    const say = async (daemon: FrrDaemon, ...lines: readonly string[]): Promise<Unknown | null> => {
      const answer = await this.#ask(daemon, ['configure terminal', ...lines], until);
      if (answer.kind === 'unknown') return { kind: 'unknown', reason: `${daemon}: ${answer.reason}` };
      if (answer.kind === 'refused') refusal ??= `${daemon}: ${answer.reason}`;
      return null;
    };
    const bgp = (line: string) => say('bgpd', `router bgp ${this.#options.as}`, 'address-family ipv4 unicast', line);
    const unknown = await this.#change(action, { say, bgp, until });
    return unknown ?? { kind: 'told', refusal };
  }

  async #change(action: RoutingAction, { say, bgp, until }: Change): Promise<Unknown | null> {
    switch (action.kind) {
      case 'announce':
        // The way to the service first: nobody is told of a prefix that leads nowhere.
        return (
          (await say('staticd', `ip route ${action.prefix} ${action.nextHop}`)) ??
          (await bgp(`network ${action.prefix}`)) ??
          (await this.#removeStatics(action.prefix, action.nextHop, { say, until }))
        );
      case 'withdraw':
        return (
          (await bgp(`no network ${action.prefix}`)) ?? (await this.#removeStatics(action.prefix, null, { say, until }))
        );
      case 'prefer':
        return say(
          'bgpd',
          `route-map ${action.routeMap} permit ${action.sequence}`,
          `set local-preference ${action.localPreference}`,
        );
    }
  }

  /** FRR takes a route away only with its next hop. */
  async #removeStatics(prefix: string, except: string | null, { say, until }: Omit<Change, 'bgp'>) {
    const running = await this.#ask('staticd', [showStatics], until);
    if (running.kind !== 'ok') return { kind: 'unknown' as const, reason: `staticd: ${running.reason}` };
    for (const line of parseStatics(running.text, prefix)) {
      const unknown = nextHopOf(line) === except ? null : await say('staticd', `no ${line}`);
      if (unknown !== null) return unknown;
    }
    return null;
  }

  #ask(daemon: FrrDaemon, lines: readonly string[], untilMs: number): Promise<VtyshAnswer> {
    return this.#options.vtysh(daemon, lines, { deadlineMs: untilMs - hostMonoMs() });
  }
}

type Unknown = Extract<ActionOutcome, { kind: 'unknown' }>;
type Told = Unknown | { readonly kind: 'told'; readonly refusal: string | null };

interface Change {
  readonly say: (daemon: FrrDaemon, ...lines: readonly string[]) => Promise<Unknown | null>;
  readonly bgp: (line: string) => Promise<Unknown | null>;
  readonly until: number;
}

const questionsOf = ({ prefixes }: { readonly prefixes: readonly string[] }): readonly string[] => [
  showVersion,
  showStatics,
  showSummary,
  showBfd,
  ...prefixes.map(showPrefix),
];

const showVersion = 'show version';
const showSummary = 'show bgp summary json';
const showBfd = 'show bfd peers json';
const showStatics = 'show running-config staticd';
const showPrefix = (prefix: string): string => `show bgp ipv4 unicast ${prefix} json`;

const usesStatics = ({ kind }: RoutingCondition): boolean => kind === 'announced' || kind === 'withdrawn';

function holds(condition: RoutingCondition, text: string, statics: string): boolean {
  switch (condition.kind) {
    case 'announced': {
      const { sourced, advertisedTo } = parsePrefix(text);
      const ways = parseStatics(statics, condition.prefix).map(nextHopOf);
      return sourced && advertisedTo.length > 0 && ways.length === 1 && ways[0] === condition.nextHop;
    }
    case 'withdrawn':
      return !parsePrefix(text).sourced && parseStatics(statics, condition.prefix).length === 0;
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
