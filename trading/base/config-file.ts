import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { CodedError } from './coded-error.ts';
import { asRecord, countField, type JsonRecord, parseRecord, textField } from './json-record.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

/** Reads one process's configuration. Every complaint names the file and the field. */
export class ConfigFile {
  readonly path: string;
  readonly #record: JsonRecord;

  private constructor(path: string, record: JsonRecord) {
    this.path = path;
    this.#record = record;
  }

  static read(path: string | undefined): ConfigFile {
    if (path === undefined) throw configError('(no file)', 'no configuration file was named on the command line');
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      throw configError(path, `it cannot be read (${cause instanceof Error ? cause.message : String(cause)})`);
    }
    const record = parseRecord(text);
    if (record === null) throw configError(path, 'it is not a JSON object');
    return new ConfigFile(resolve(path), record);
  }

  section(name: string): ConfigFile | null {
    if (this.#record[name] === undefined) return null;
    const record = asRecord(this.#record[name]);
    if (record === null) throw this.error(name, 'must be an object');
    return new ConfigFile(this.path, record);
  }

  /** The objects of a list; none when it is not there. */
  sections(name: string): readonly ConfigFile[] {
    const list = this.#record[name] ?? [];
    const records = Array.isArray(list) ? list.map(asRecord) : [null];
    return records.map((record) => {
      if (record === null) throw this.error(name, 'must be a list of objects');
      return new ConfigFile(this.path, record);
    });
  }

  requiredSection(name: string): ConfigFile {
    const section = this.section(name);
    if (section === null) throw this.error(name, 'is missing');
    return section;
  }

  text(name: string, fallback?: string): string {
    if (this.#record[name] === undefined && fallback !== undefined) return fallback;
    const value = textField(this.#record, name);
    if (value === null) throw this.error(name, 'must be a text that is not empty');
    return value;
  }

  optionalText(name: string): string | null {
    return this.#record[name] === undefined || this.#record[name] === null ? null : this.text(name);
  }

  count(name: string, fallback?: number): number {
    if (this.#record[name] === undefined && fallback !== undefined) return fallback;
    const value = countField(this.#record, name);
    if (value === null) throw this.error(name, 'must be a whole number, 0 or more');
    return value;
  }

  /** A share between 0 and 1. */
  share(name: string, fallback: number): number {
    const value = this.#record[name] ?? fallback;
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw this.error(name, 'must be between 0 and 1');
    return value;
  }

  textList(name: string, fallback: readonly string[]): readonly string[] {
    const value = this.#record[name] ?? fallback;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
      throw this.error(name, 'must be a list of texts');
    return value as string[];
  }

  names(): readonly string[] {
    return Object.keys(this.#record);
  }

  /** A path, relative to the configuration file. */
  filePath(name: string): string {
    const value = this.text(name);
    return isAbsolute(value) ? value : resolve(dirname(this.path), value);
  }

  /** A directory, relative to the configuration file; created when it is not there. */
  directory(name: string): string {
    const path = this.filePath(name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  listen(name: string): ListenAddress {
    const section = this.requiredSection(name);
    return { host: section.text('host', '127.0.0.1'), port: section.count('port') };
  }

  error(name: string, complaint: string): CodedError {
    return configError(this.path, `"${name}" ${complaint}`);
  }
}

const configError = (path: string, found: string): CodedError =>
  new CodedError({
    code: 'HF-7101',
    attempted: `read the configuration ${path}`,
    found,
    next: 'correct the file; trading/README.md shows one of each kind',
  });
