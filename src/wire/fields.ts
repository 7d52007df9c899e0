import type { Json } from '../core/base/canonical-json.ts';

/** A value from outside does not have the expected shape. `at` is its path, e.g. `command.order.instance`. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
  readonly at: string;

  constructor(at: string, found: string) {
    super(`"${at}" ${found}`);
    this.at = at;
  }
}

/**
 * Reads one JSON object from outside, member by member. Every method throws `ShapeError` naming the path when the member is
 * not what was asked for; members that nobody asks for are ignored, so that a newer peer may send more.
 */
export class Fields {
  readonly at: string;
  readonly #record: Readonly<Record<string, unknown>>;

  private constructor(record: Readonly<Record<string, unknown>>, at: string) {
    this.#record = record;
    this.at = at;
  }

  static of(value: unknown, at: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new ShapeError(at, 'must be an object');
    return new Fields(value as Readonly<Record<string, unknown>>, at);
  }

  /** The text must be JSON and an object. */
  static parse(text: string, at: string): Fields {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new ShapeError(at, 'is not JSON');
    }
    return Fields.of(value, at);
  }

  has(name: string): boolean {
    const value = this.#record[name];
    return Object.hasOwn(this.#record, name) && value !== undefined && value !== null;
  }

  text<Text extends string = string>(name: string, fallback?: string): Text {
    const value = this.#member(name, fallback);
    if (typeof value !== 'string' || value === '') throw this.error(name, 'must be a text that is not empty');
    return value as Text;
  }

  textOrNull<Text extends string = string>(name: string): Text | null {
    return this.has(name) ? this.text<Text>(name) : null;
  }

  /** Any text, also an empty one. */
  words(name: string, fallback?: string): string {
    const value = this.#member(name, fallback);
    if (typeof value !== 'string') throw this.error(name, 'must be a text');
    return value;
  }

  oneOf<Word extends string>(name: string, words: readonly Word[], fallback?: Word): Word {
    const value = this.#member(name, fallback);
    const found = words.find((word) => word === value);
    if (found === undefined) throw this.error(name, `must be one of ${words.join(', ')}`);
    return found;
  }

  /** A whole number, 0 or more. */
  count<Count extends number = number>(name: string, fallback?: number): Count {
    const value = this.#member(name, fallback);
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw this.error(name, 'must be a whole number, 0 or more');
    return value as Count;
  }

  number(name: string, fallback?: number): number {
    const value = this.#member(name, fallback);
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.error(name, 'must be a number');
    return value;
  }

  numberOrNull(name: string): number | null {
    return this.has(name) ? this.number(name) : null;
  }

  flag(name: string, fallback?: boolean): boolean {
    const value = this.#member(name, fallback);
    if (typeof value !== 'boolean') throw this.error(name, 'must be true or false');
    return value;
  }

  fields(name: string): Fields {
    return Fields.of(this.#record[name], this.#path(name));
  }

  fieldsOrNull(name: string): Fields | null {
    return this.has(name) ? this.fields(name) : null;
  }

  list<Item>(name: string, item: (value: unknown, at: string) => Item, fallback?: readonly unknown[]): readonly Item[] {
    const value = this.#member(name, fallback);
    if (!Array.isArray(value)) throw this.error(name, 'must be a list');
    return value.map((each, index) => item(each, `${this.#path(name)}[${index}]`));
  }

  texts<Text extends string = string>(name: string, fallback?: readonly string[]): readonly Text[] {
    return this.list(name, textItem<Text>, fallback);
  }

  /** An object used as a map. */
  map<Item>(
    name: string,
    item: (value: unknown, at: string) => Item,
    fallback?: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, Item>> {
    const { at } = this;
    const fields = Fields.of(this.#member(name, fallback), at === '' ? name : `${at}.${name}`);
    return Object.fromEntries(
      Object.entries(fields.#record).map(([key, value]) => [key, item(value, fields.#path(key))]),
    );
  }

  /** Any JSON, as it is. */
  json(name: string, fallback?: Json): Json {
    const value = this.#member(name, fallback);
    if (value === undefined) throw this.error(name, 'is missing');
    return value as Json;
  }

  /** The whole object, once its shape has been checked. */
  raw(): Readonly<Record<string, unknown>> {
    return this.#record;
  }

  error(name: string, found: string): ShapeError {
    return new ShapeError(this.#path(name), Object.hasOwn(this.#record, name) ? found : `is missing; it ${found}`);
  }

  #member(name: string, fallback: unknown): unknown {
    const value = Object.hasOwn(this.#record, name) ? this.#record[name] : undefined;
    return value === undefined || value === null ? (fallback === undefined ? value : fallback) : value;
  }

  #path(name: string): string {
    return this.at === '' ? name : `${this.at}.${name}`;
  }
}

export function textItem<Text extends string = string>(value: unknown, at: string): Text {
  if (typeof value !== 'string' || value === '') throw new ShapeError(at, 'must be a text that is not empty');
  return value as Text;
}

export function textOrNullItem<Text extends string = string>(value: unknown, at: string): Text | null {
  return value === null ? null : textItem<Text>(value, at);
}

export function numberItem(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ShapeError(at, 'must be a number');
  return value;
}
