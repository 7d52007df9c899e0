import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import type { DnsTools, ToolAnswer } from './dns-tools.ts';
import { type DnsAnswer, parseAnswers } from './parse.ts';

export interface DnsDriverOptions {
  readonly tools: DnsTools;
  /** e.g. `firm.example` */
  readonly zone: string;
  readonly epochs: GuardedEpochs;
}

/** Absolute: the name has these addresses, or none; doing it twice is doing it once. */
export interface DnsAction {
  readonly kind: 'set-addresses';
  readonly epoch: Epoch;
  /** Inside the zone, without it: `trading`. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

export interface DnsCondition {
  readonly kind: 'has-addresses';
  readonly name: string;
  readonly addresses: readonly string[];
}

/** What one server has of a name. */
export interface NamedAddresses {
  /** Sorted. Empty where it has none. */
  readonly addresses: readonly string[];
  /** How long whoever asks may go on with it, also with the answer that it is not there. */
  readonly ttlMs: number;
  /** Under which it was set; 0 = by nobody who knows of epochs. */
  readonly epoch: number;
}

/** What one look at a server gave; null where it did not answer in time, or not sensibly. */
export interface DnsObservation {
  readonly version: string | null;
  readonly serial: number | null;
  readonly names: Readonly<Record<string, NamedAddresses | null>>;
  readonly reasons: readonly string[];
}

/** Versions against which this driver has run. Another one is reported, not refused. */
const triedVersions = ['9.18'];
const labelShape = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const addressShape = /^\d{1,3}(\.\d{1,3}){3}$/;
const maxAddresses = 16;
const maxTtlSeconds = 86_400;
/** Somebody else's update in between is looked at again this often. */
const attempts = 3;

type Named =
  | { readonly kind: 'ok'; readonly named: NamedAddresses }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Drives one authoritative server by signed dynamic updates. The epoch lies beside the name, as a text, and every update names the one
 * that it found as its prerequisite: so the server itself refuses what somebody newer has overtaken.
 */
export class DnsDriver {
  readonly #options: DnsDriverOptions;

  constructor(options: DnsDriverOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever the server does. */
  async observe(options: CallOptions & { readonly names: readonly string[] }): Promise<DnsObservation> {
    const until = hostMonoMs() + options.deadlineMs;
    const reasons: string[] = [];
    const [general, ...named] = await Promise.all([
      this.#ask(generalQuestions(this.#options.zone), until),
      ...options.names.map((name) => this.#named(name, until)),
    ]);
    if (general.kind === 'unknown') reasons.push(`server: ${general.reason}`);
    const [release, zone] = general.kind === 'ok' ? general.answers : [];
    const version = /^\d+(\.\d+)*/.exec(release?.records[0]?.data ?? '')?.[0] ?? null;
    if (version !== null && !triedVersions.some((tried) => `${version}.`.startsWith(`${tried}.`)))
      reasons.push(`version ${version} has not been tried; ${triedVersions.join(', ')} has`);
    if (zone !== undefined && !zone.authoritative) reasons.push(`it does not speak for ${this.#options.zone}`);
    const serial = Number(zone?.records[0]?.data.split(' ')[2] ?? Number.NaN);
    const names = options.names.map((name, index) => {
      const found = named[index]!;
      if (found.kind === 'ok') return [name, found.named] as const;
      reasons.push(`${name}: ${found.reason}`);
      return [name, null] as const;
    });
    return {
      version,
      serial: Number.isSafeInteger(serial) ? serial : null,
      names: Object.fromEntries(names),
      reasons,
    };
  }

  /** `ok` only when it was read back; `detail` says how long the former answer may be used by whoever has it (`formerTtlMs`). */
  async perform(action: DnsAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const wrong = shapeProblem(action);
    if (wrong !== null) return failed('bad-value', wrong);
    const { epochs } = this.#options;
    const resource = `name ${action.name}`;
    const stale = (known: number) =>
      failed('stale-epoch', `epoch ${action.epoch} is older than ${known} for ${resource}`);
    if (!epochs.admit(resource, action.epoch)) return stale(epochs.highest(resource));
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const before = await this.#named(action.name, until);
      if (before.kind === 'unknown') return before;
      if (before.named.epoch > action.epoch) return stale(before.named.epoch);
      const detail = { formerTtlMs: before.named.ttlMs };
      if (before.named.epoch === action.epoch && isSame(before.named.addresses, action.addresses))
        return { kind: 'ok', detail };
      const answer = await this.#options.tools.update(this.#lines(action, before.named.epoch), {
        deadlineMs: until - hostMonoMs(),
      });
      if (answer.kind === 'unknown') return answer;
      if (answer.kind === 'ok') return this.#readBack(action, detail, until);
      // Somebody changed it in between: what they set decides.
      if (!/^(NX|YX)RRSET/.test(answer.code)) return failed('refused', `the server answered ${answer.code}`);
    }
    return { kind: 'unknown', reason: 'others changed it each time in between' };
  }

  async confirm(condition: DnsCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const found = await this.#named(condition.name, hostMonoMs() + options.deadlineMs);
    if (found.kind === 'unknown') return 'unknown';
    return isSame(found.named.addresses, condition.addresses) ? 'holds' : 'does-not-hold';
  }

  async #readBack(action: DnsAction, detail: Readonly<Record<string, number>>, until: number): Promise<ActionOutcome> {
    const after = await this.#named(action.name, until);
    if (after.kind === 'unknown') return after;
    return after.named.epoch === action.epoch && isSame(after.named.addresses, action.addresses)
      ? { kind: 'ok', detail }
      : { kind: 'unknown', reason: 'it was accepted, and something else was read back' };
  }

  #lines({ epoch, name, addresses, ttlSeconds }: DnsAction, found: number): readonly string[] {
    const { zone } = this.#options;
    const [host, mark] = [`${name}.${zone}.`, `${markOf(name)}.${zone}.`];
    return [
      `zone ${zone}`,
      found === 0 ? `prereq nxrrset ${mark} TXT` : `prereq yxrrset ${mark} TXT "${found}"`,
      `update delete ${host} A`,
      ...addresses.map((address) => `update add ${host} ${ttlSeconds} A ${address}`),
      `update delete ${mark} TXT`,
      `update add ${mark} ${ttlSeconds} TXT "${epoch}"`,
    ];
  }

  async #named(name: string, until: number): Promise<Named> {
    const { zone } = this.#options;
    const asked = await this.#ask(
      [
        [`${name}.${zone}.`, 'A'],
        [`${markOf(name)}.${zone}.`, 'TXT'],
      ],
      until,
    );
    if (asked.kind === 'unknown') return asked;
    const [addresses, mark] = asked.answers as [DnsAnswer, DnsAnswer];
    for (const answer of [addresses, mark]) {
      if (!answered.includes(answer.status)) return { kind: 'unknown', reason: `the server answered ${answer.status}` };
      if (!answer.authoritative) return { kind: 'unknown', reason: `it does not speak for ${zone}` };
    }
    const epoch = Number(mark.records.find(({ type }) => type === 'TXT')?.data ?? 0);
    if (!Number.isSafeInteger(epoch) || epoch < 0) return { kind: 'unknown', reason: 'its mark holds no epoch' };
    const records = addresses.records.filter(({ type }) => type === 'A');
    const holding = records.length > 0 ? records : addresses.records.filter(({ type }) => type === 'SOA');
    const named = {
      addresses: records.map(({ data }) => data).toSorted(),
      ttlMs: Math.max(0, ...holding.map(({ ttlMs }) => ttlMs)),
      epoch,
    };
    return { kind: 'ok', named };
  }

  async #ask(
    questions: readonly (readonly string[])[],
    until: number,
  ): Promise<
    | { readonly kind: 'ok'; readonly answers: readonly DnsAnswer[] }
    | { readonly kind: 'unknown'; readonly reason: string }
  > {
    const answer: ToolAnswer = await this.#options.tools.query(questions, { deadlineMs: until - hostMonoMs() });
    if (answer.kind === 'refused') return { kind: 'unknown', reason: answer.code };
    if (answer.kind === 'unknown') return answer;
    try {
      return { kind: 'ok', answers: parseAnswers(answer.text, questions.length) };
    } catch (error) {
      return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
    }
  }
}

const answered = ['NOERROR', 'NXDOMAIN'];
const markOf = (name: string): string => `_epoch.${name}`;
const generalQuestions = (zone: string): readonly (readonly string[])[] => [
  ['version.bind.', 'CH', 'TXT'],
  [`${zone}.`, 'SOA'],
];

const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.toSorted().join() === right.toSorted().join();

/** Everything becomes part of a line that nsupdate reads: nothing but what such a line may hold is let through. */
function shapeProblem({ epoch, name, addresses, ttlSeconds }: DnsAction): string | null {
  if (!Number.isSafeInteger(epoch) || epoch < 1) return `${epoch} is not an epoch`;
  if (!labelShape.test(name)) return `"${name}" is not a name in a zone`;
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 0 || ttlSeconds > maxTtlSeconds)
    return `${ttlSeconds} is not a number of seconds up to ${maxTtlSeconds}`;
  if (addresses.length > maxAddresses) return `${addresses.length} addresses are more than ${maxAddresses}`;
  const wrong = addresses.find((address) => !addressShape.test(address));
  return wrong === undefined ? null : `"${wrong}" is not an address`;
}

const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });
