import { InvalidArgumentError } from 'commander';
import { parseDuration } from './view/time-text.ts';

/** `30s`, `5min`: milliseconds. */
export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError('a duration with its unit is needed: 250ms, 30s, 5min, 2h.');
  return ms;
}

/** A duration in minutes, as brakes and approvals count it; at most a week. */
export function minutesOption(text: string): number {
  const minutes = durationOption(text) / 60_000;
  if (minutes > 7 * 24 * 60) throw new InvalidArgumentError('at most a week (7d).');
  return minutes;
}

/** `orders:12`, `db:unknown`: what is accepted to be lost, named. */
export function lossOption(text: string): string {
  if (!/^[^:\s]+:[^:\s]+(,[^:\s]+:[^:\s]+)*$/.test(text))
    throw new InvalidArgumentError('name what may be lost and how much, e.g. orders:12 or trades:unknown.');
  return text;
}

/** `db:bravo-db,engine:bravo-eng1+bravo-eng2`: who is done without. */
export function exposureOption(text: string): string {
  if (!/^[^:,\s]+:[^:,\s]*(,[^:,\s]+:[^:,\s]*)*$/.test(text))
    throw new InvalidArgumentError(
      'name each component and who is missing: holdfast resume --dry-run shows the words.',
    );
  return text;
}

export function wholeNumberOption(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a whole number is needed.');
  return Number(text);
}

/** An option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
