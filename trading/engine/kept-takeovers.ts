import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asRecord, countField, type JsonRecord, parseRecord, textField } from '../base/json-record.ts';
import type { TakeoverReport } from './venue/takeover.ts';

/** Epochs whose takeover's report is in an engine's data directory, oldest first. */
export const keptTakeovers = (directory: string): readonly number[] =>
  readdirSync(directory)
    .flatMap((name) => /^takeover-(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((left, right) => left - right);

/** Null: what is there is no report. */
export const keptTakeover = (directory: string, epoch: number): TakeoverReport | null =>
  takeoverIn(parseRecord(readFileSync(join(directory, `takeover-${epoch}.json`), 'utf8')));

/** A report as it is kept and as an engine tells it; null = it is none. */
export const takeoverIn = (record: JsonRecord | null): TakeoverReport | null => {
  const usable =
    record !== null &&
    countField(record, 'epoch') !== null &&
    textField(record, 'instance') !== null &&
    asRecord(record['orders']) !== null &&
    asRecord(record['venues']) !== null &&
    Array.isArray(record['inDoubt']);
  return usable ? (record as unknown as TakeoverReport) : null;
};
