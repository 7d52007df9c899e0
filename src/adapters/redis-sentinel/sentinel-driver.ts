import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DialAddress } from '../system/dial.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import {
  parsePeers,
  parseReplicas,
  parseServer,
  parseSet,
  type SentinelReplica,
  type SentinelSet,
  textOf,
} from './parse.ts';
import type { RedisTalk } from './redis-talk.ts';
import { RespError, type RespValue } from './resp.ts';

export interface SentinelDriverOptions {
  readonly talk: RedisTalk;
  /** The other sentinels of the set, which have the same password. */
  readonly peer: (address: DialAddress) => RedisTalk;
  /** What the sentinels call the set. */
  readonly set: string;
  readonly epochs: GuardedEpochs;
}

/** Has the sentinels make another server primary. Sentinel chooses which: where it is not `to`, that is a failure, and done. */
export interface SentinelAction {
  readonly kind: 'failover';
  readonly epoch: Epoch;
  readonly from: DialAddress;
  readonly to: DialAddress;
}

export interface SentinelCondition {
  readonly kind: 'primary-at';
  readonly address: DialAddress;
}

/** What one sentinel says; null where it did not answer in time, or not sensibly. */
export interface SentinelObservation {
  readonly version: string | null;
  readonly primary: SentinelSet | null;
  readonly replicas: readonly SentinelReplica[] | null;
  /** Enough sentinels can be reached to agree on a failover, and to carry it out. */
  readonly quorate: boolean | null;
  readonly reasons: readonly string[];
}

/** Whom one of the sentinels names; null = it did not say. */
export interface SentinelWord {
  /** Null: the one that this driver asks. */
  readonly sentinel: DialAddress | null;
  readonly primary: DialAddress | null;
}

const triedVersions = ['7.0'];
const lookAgainAfterMs = 20;

/**
 * Drives one Sentinel. Sentinels act on their own: a promotion that nobody asked for is something that is seen here, and adopted or
 * countered by whoever decides; the server is closed to writers until then.
 */
export class SentinelDriver {
  readonly #options: SentinelDriverOptions;

  constructor(options: SentinelDriverOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever the sentinel does. */
  async observe(options: CallOptions): Promise<SentinelObservation> {
    const { talk, set } = this.#options;
    const commands = [['INFO', 'server'], ...['MASTER', 'REPLICAS', 'CKQUORUM'].map((verb) => ['SENTINEL', verb, set])];
    const answer = await talk(commands, options);
    if (answer.kind !== 'ok')
      return { version: null, primary: null, replicas: null, quorate: null, reasons: [answer.reason] };
    const reasons: string[] = [];
    const part = <Part>(name: string, read: () => Part): Part | null => {
      try {
        return read();
      } catch (error) {
        reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        return null;
      }
    };
    const [server, master, replicas, quorum] = answer.replies;
    const version = part('server', () => parseServer(textOf(server)).version);
    if (version !== null && !triedVersions.some((tried) => `${version}.`.startsWith(`${tried}.`)))
      reasons.push(`version ${version} has not been tried; ${triedVersions.join(', ')} has`);
    if (quorum instanceof RespError) reasons.push(`quorum: ${quorum.message}`);
    return {
      version,
      primary: part('set', () => parseSet(refused(master))),
      replicas: part('replicas', () => parseReplicas(refused(replicas))),
      quorate: quorum instanceof RespError ? (/^NOQUORUM/.test(quorum.message) ? false : null) : quorum !== undefined,
      reasons,
    };
  }

  /** `ok` when this sentinel says that `to` is primary, also where it was before. */
  async perform(action: SentinelAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const { epochs, set } = this.#options;
    const resource = `sentinel ${set}`;
    if (!epochs.admit(resource, action.epoch)) {
      const reason = `epoch ${action.epoch} is older than ${epochs.highest(resource)} for ${resource}`;
      return { kind: 'failed', code: 'stale-epoch', reason };
    }
    const before = await this.#primary(until);
    if (before.kind !== 'ok') return before;
    if (isAt(before.address, action.to)) return { kind: 'ok', detail: {} };
    if (!isAt(before.address, action.from))
      return { kind: 'failed', code: 'moved', reason: `the primary is ${textOfAddress(before.address)}` };
    const answer = await this.#ask(['SENTINEL', 'FAILOVER', set], until);
    if (answer.kind === 'unknown') return answer;
    if (answer.reply instanceof RespError) {
      const { message } = answer.reply;
      return { kind: 'failed', code: /^NOGOODSLAVE/.test(message) ? 'no-candidate' : 'refused', reason: message };
    }
    for (;;) {
      const now = await this.#primary(until);
      if (now.kind !== 'ok') return now;
      if (isAt(now.address, action.to)) return { kind: 'ok', detail: {} };
      if (!isAt(now.address, action.from)) {
        const reason = `sentinel made ${textOfAddress(now.address)} the primary`;
        return { kind: 'failed', code: 'elsewhere', reason };
      }
      if (until - hostMonoMs() <= lookAgainAfterMs)
        return { kind: 'unknown', reason: 'the failover was not seen to end in time' };
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
    }
  }

  async confirm(condition: SentinelCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const now = await this.#primary(hostMonoMs() + options.deadlineMs);
    if (now.kind !== 'ok') return 'unknown';
    return isAt(now.address, condition.address) ? 'holds' : 'does-not-hold';
  }

  /** Whom each sentinel of the set names: this one, and those that it knows of. Empty: not even this one answers. */
  async words({ deadlineMs }: CallOptions): Promise<readonly SentinelWord[]> {
    const until = hostMonoMs() + deadlineMs;
    const { talk, peer, set } = this.#options;
    const answer = await talk([this.#whoIsPrimary, ['SENTINEL', 'SENTINELS', set]], { deadlineMs });
    if (answer.kind !== 'ok') return [];
    const [said, known] = answer.replies;
    const own = this.#addressIn(said ?? null);
    const peers = known === undefined || known instanceof RespError ? [] : parsePeers(known);
    const others = peers.map(async ({ host, port }): Promise<SentinelWord> => {
      const heard = await peer({ host, port })([this.#whoIsPrimary], { deadlineMs: until - hostMonoMs() });
      const named = heard.kind === 'ok' ? this.#addressIn(heard.replies[0] ?? null) : null;
      return { sentinel: { host, port }, primary: named?.kind === 'ok' ? named.address : null };
    });
    return [{ sentinel: null, primary: own.kind === 'ok' ? own.address : null }, ...(await Promise.all(others))];
  }

  get #whoIsPrimary(): readonly string[] {
    return ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#options.set];
  }

  async #primary(until: number): Promise<NamedPrimary> {
    const answer = await this.#ask(this.#whoIsPrimary, until);
    return answer.kind === 'unknown' ? answer : this.#addressIn(answer.reply);
  }

  #addressIn(reply: RespValue): NamedPrimary {
    if (reply === null) return { kind: 'failed', code: 'unknown-set', reason: `it knows no set ${this.#options.set}` };
    if (!Array.isArray(reply) || reply.length !== 2)
      return { kind: 'unknown', reason: reply instanceof RespError ? reply.message : 'the answer is no address' };
    return { kind: 'ok', address: { host: String(reply[0]), port: Number(reply[1]) } };
  }

  async #ask(command: readonly string[], until: number) {
    const answer = await this.#options.talk([command], { deadlineMs: until - hostMonoMs() });
    if (answer.kind !== 'ok') return { kind: 'unknown', reason: answer.reason } as const;
    return { kind: 'ok', reply: answer.replies[0] ?? null } as const;
  }
}

type NamedPrimary =
  | { readonly kind: 'ok'; readonly address: DialAddress }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

const isAt = (left: DialAddress, right: DialAddress): boolean => left.host === right.host && left.port === right.port;
const textOfAddress = ({ host, port }: DialAddress): string => `${host}:${port}`;

/** @throws Error with Redis's own words */
function refused<Value>(value: Value): Exclude<Value, RespError | undefined> {
  if (value instanceof RespError) throw new Error(value.message);
  if (value === undefined) throw new Error('there was no answer');
  return value as Exclude<Value, RespError | undefined>;
}
