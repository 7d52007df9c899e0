import { asRecord, countField, type JsonRecord, textField } from '../base/json-record.ts';

/** Larger than any figure: "no limit" where a number is wanted. */
export const unlimited = Number.MAX_SAFE_INTEGER;

/** Bounds of one scope; lots, and values in ticks × lots. A field that is not there bounds nothing. */
export interface Limits {
  /** Lots of one order. */
  readonly maxOrderQty?: number;
  /** Price × lots of one order. */
  readonly maxOrderNotional?: number;
  readonly maxOpenOrders?: number;
  /** Lots held of one symbol, to either side, open orders counted as if they were filled. */
  readonly maxPosition?: number;
  /** Value of what is held, at the mark, and of all open orders. */
  readonly maxExposure?: number;
  /** Loss, realised and not, since the first trade. */
  readonly maxLoss?: number;
  /** Ticks that prices of orders are measured against. */
  readonly referencePrice?: number;
  /** The reference follows the market instead, and counts while what is known of it is no older than this. */
  readonly maxReferenceAgeMs?: number;
  /** Ticks that stand in for a reference that follows the market while nothing recent enough is known of it. */
  readonly fallbackPrice?: number;
  /** How far a price may be from it to either side, in hundredths of a percent of it. */
  readonly maxDeviationBps?: number;
}

export const limitNames = [
  'maxOrderQty',
  'maxOrderNotional',
  'maxOpenOrders',
  'maxPosition',
  'maxExposure',
  'maxLoss',
  'referencePrice',
  'maxReferenceAgeMs',
  'fallbackPrice',
  'maxDeviationBps',
] as const satisfies readonly (keyof Limits)[];

export const leastReferenceAgeMs = 1500;

/** Whom a rule is about: the whole firm, a client or a symbol. The client and the symbol `*` stand for those without a rule of their own. */
export type Scope = 'firm' | 'client' | 'symbol';

/** Which bounds mean something for a scope. */
const namesOf: Readonly<Record<Scope, readonly (keyof Limits)[]>> = {
  firm: ['maxOpenOrders', 'maxExposure', 'maxLoss'],
  client: ['maxOrderQty', 'maxOrderNotional', 'maxOpenOrders', 'maxPosition', 'maxExposure', 'maxLoss'],
  symbol: [
    'maxOrderQty',
    'maxOrderNotional',
    'maxPosition',
    'referencePrice',
    'maxReferenceAgeMs',
    'fallbackPrice',
    'maxDeviationBps',
  ],
};

export interface Rule {
  readonly scope: Scope;
  /** Empty for the firm. */
  readonly name: string;
  /** Nothing new is let through, whatever it is; cancels pass. */
  readonly killed: boolean;
  readonly limits: Limits;
}

/** What a person asks for; what is not named stays as it was. */
export interface RuleChange {
  readonly scope: Scope;
  readonly name: string;
  readonly killed?: boolean;
  /** Replaces all bounds of the scope. */
  readonly limits?: Limits;
}

/** All rules in force: the limits and the kill switches. A fold over changes. */
export class RuleBook {
  readonly #rules = new Map<string, Rule>();

  static of(rules: Iterable<Rule>): RuleBook {
    const book = new RuleBook();
    for (const rule of rules) book.#rules.set(keyOf(rule), rule);
    return book;
  }

  get rules(): readonly Rule[] {
    return [...this.#rules.values()];
  }

  find(scope: Scope, name: string): Rule | null {
    return this.#rules.get(keyOf({ scope, name })) ?? null;
  }

  /** The rule as it will be after the change; nothing is changed by asking. */
  after(change: RuleChange): Rule {
    const before = this.find(change.scope, change.name);
    return {
      scope: change.scope,
      name: change.name,
      killed: change.killed ?? before?.killed ?? false,
      limits: change.limits ?? before?.limits ?? {},
    };
  }

  put(rule: Rule): void {
    this.#rules.set(keyOf(rule), rule);
  }

  /** Nothing but these rules is in force from now on. */
  replaceAll(rules: Iterable<Rule>): void {
    this.#rules.clear();
    for (const rule of rules) this.put(rule);
  }

  get firmKilled(): boolean {
    return this.find('firm', '')?.killed ?? false;
  }

  killed(scope: 'client' | 'symbol', name: string): boolean {
    return this.find(scope, name)?.killed === true || this.find(scope, '*')?.killed === true;
  }

  /** The bound in force: the name's own, else that of `*`, else none. */
  limit(scope: Scope, name: string, limit: keyof Limits): number {
    return this.find(scope, name)?.limits[limit] ?? this.find(scope, '*')?.limits[limit] ?? unlimited;
  }

  /** How old the market may be that a symbol's reference follows; null = it follows none. A price of its own comes first. */
  referenceAgeMs(symbol: string): number | null {
    if (this.find('symbol', symbol)?.limits.referencePrice !== undefined) return null;
    const ageMs = this.limit('symbol', symbol, 'maxReferenceAgeMs');
    return ageMs === unlimited ? null : ageMs;
  }

  /**
   * The lowest and the highest price that an order in a symbol may have; no price is between them where there must be a reference and is
   * none. `market`: what the market says, recent enough; null = nothing.
   */
  collar(symbol: string, market: number | null): { readonly low: number; readonly high: number } {
    const own = this.find('symbol', symbol)?.limits;
    const bps = this.limit('symbol', symbol, 'maxDeviationBps');
    const follows = this.referenceAgeMs(symbol) !== null;
    if (bps === unlimited || (own?.referencePrice === undefined && !follows)) return { low: 0, high: unlimited };
    const reference = follows ? (market ?? own?.fallbackPrice) : own?.referencePrice;
    if (reference === undefined) return { low: 1, high: 0 };
    const [exact, away] = [BigInt(reference), BigInt(bps)];
    const span = 10_000n;
    const low = away >= span ? 0n : (exact * (span - away) + span - 1n) / span;
    return { low: Number(low), high: Math.min(unlimited, Number((exact * (span + away)) / span)) };
  }

  /** Names with a rule of their own. */
  names(scope: Scope): readonly string[] {
    return this.rules.filter((rule) => rule.scope === scope).map((rule) => rule.name);
  }
}

const keyOf = ({ scope, name }: { readonly scope: Scope; readonly name: string }): string => `${scope} ${name}`;

const NAME = /^(?:\*|[A-Za-z0-9._:-]{1,64})$/;

/** The change in a request or a configuration, or a sentence that says why there is none. */
export const parseRuleChange = (record: JsonRecord): RuleChange | string => {
  const scope = record['scope'];
  if (scope !== 'firm' && scope !== 'client' && scope !== 'symbol') return 'scope must be firm, client or symbol';
  const name = scope === 'firm' ? '' : textField(record, 'name');
  if (name === null || (scope !== 'firm' && !NAME.test(name))) return `name must be that of a ${scope}, or *`;
  const killed = record['killed'];
  if (killed !== undefined && typeof killed !== 'boolean') return 'killed must be true or false';
  const limits = record['limits'] === undefined ? undefined : parseLimits(scope, record['limits']);
  if (typeof limits === 'string') return limits;
  if (name === '*' && limits?.referencePrice !== undefined) return 'a referencePrice is that of one symbol, not of *';
  if (name === '*' && limits?.fallbackPrice !== undefined) return 'a fallbackPrice is that of one symbol, not of *';
  if (killed === undefined && limits === undefined) return 'it changes nothing: name killed or limits';
  return { scope, name, ...(killed === undefined ? {} : { killed }), ...(limits === undefined ? {} : { limits }) };
};

const parseLimits = (scope: Scope, value: unknown): Limits | string => {
  const record = asRecord(value);
  if (record === null) return 'limits must be an object';
  const allowed = namesOf[scope];
  const limits: { -readonly [Name in keyof Limits]?: number } = {};
  for (const name of Object.keys(record)) {
    const known = allowed.find((each) => each === name);
    if (known === undefined) return `a ${scope} has no limit ${name}; it may have ${allowed.join(', ')}`;
    const bound = countField(record, known);
    if (bound === null) return `${known} must be a whole number, 0 or more`;
    limits[known] = bound;
  }
  const { referencePrice, fallbackPrice, maxReferenceAgeMs } = limits;
  if (referencePrice !== undefined && (maxReferenceAgeMs ?? fallbackPrice) !== undefined)
    return 'a reference is a referencePrice or follows the market (maxReferenceAgeMs, fallbackPrice), not both';
  if (maxReferenceAgeMs !== undefined && maxReferenceAgeMs < leastReferenceAgeMs)
    return `maxReferenceAgeMs must be ${leastReferenceAgeMs} or more: how fresh the market is known to be is told once a second`;
  return limits;
};

/** In words the rules that only one of two lists has as they are. */
export const rulesThatDiffer = (left: readonly Rule[], right: readonly Rule[]): readonly string[] => {
  const textOf = ({ scope, name, killed, limits }: Rule) =>
    `${scope} ${name} ${killed} ${JSON.stringify(Object.entries(limits).toSorted())}`;
  const [here, there] = [left.map(textOf), right.map(textOf)];
  return [...here.filter((text) => !there.includes(text)), ...there.filter((text) => !here.includes(text))];
};
