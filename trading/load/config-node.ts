import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CodedError } from '../base/coded-error.ts';
import { asRecord, type JsonRecord, parseRecord } from '../base/json-record.ts';
import type { Address } from './line-connection.ts';

/** One object of a JSON configuration; every accessor names the field and what it should have been. */
export class ConfigNode {
  readonly #fields: JsonRecord;
  readonly #where: string;
  readonly #file: string;

  static read(file: string): ConfigNode {
    const path = resolve(file);
    return new ConfigNode(parseRecord(readText(path, path)), '', path);
  }

  private constructor(value: unknown, where: string, file: string) {
    const fields = asRecord(value);
    if (fields === null) throw configError(file, where || 'the file', 'an object', value);
    this.#fields = fields;
    this.#where = where;
    this.#file = file;
  }

  string(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== 'string' || value === '') throw this.wrong(name, 'a text', value);
    return value;
  }

  number(name: string, fallback?: number): number {
    const value = this.#fields[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw this.wrong(name, 'a number', value);
    return value;
  }

  strings(name: string): string[] {
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length === 0 || value.some((each) => typeof each !== 'string')) {
      throw this.wrong(name, 'a list of texts', value);
    }
    return value as string[];
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null;
  }

  /** Set to null on purpose, as opposed to absent. */
  isNull(name: string): boolean {
    return this.#fields[name] === null;
  }

  child(name: string): ConfigNode {
    return new ConfigNode(this.#fields[name], this.#at(name), this.#file);
  }

  optional(name: string): ConfigNode | null {
    return this.has(name) ? this.child(name) : null;
  }

  list(name: string): readonly unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) throw this.wrong(name, 'a list', value);
    return value;
  }

  children(name: string): ConfigNode[] {
    return this.list(name).map((each, index) => new ConfigNode(each, `${this.#at(name)}[${index}]`, this.#file));
  }

  address(): Address {
    return { host: this.string('host'), port: this.number('port') };
  }

  path(name: string): string {
    return resolve(dirname(this.#file), this.string(name));
  }

  /** Content of the file that the field names, without the line end. */
  secret(name: string): string {
    return readText(this.path(name), this.#file).trim();
  }

  /** A complaint about a field, for what this class cannot check. */
  wrong(name: string, expected: string, found: unknown): CodedError {
    return configError(this.#file, this.#at(name), expected, found);
  }

  #at(name: string): string {
    return this.#where === '' ? name : `${this.#where}.${name}`;
  }
}

const readText = (path: string, config: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CodedError({
      code: 'HF-7203',
      attempted: `read the configuration ${config}`,
      found: `${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      next: 'name a file that is there and may be read',
      cause,
    });
  }
};

const configError = (file: string, where: string, expected: string, found: unknown): CodedError =>
  new CodedError({
    code: 'HF-7203',
    attempted: `read the configuration ${file}`,
    found: `${where} must be ${expected}, not ${JSON.stringify(found)}`,
    next: 'correct the file and start again',
  });
