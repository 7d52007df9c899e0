import { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';

interface Measure {
  /** As in "a duration". */
  readonly what: string;
  /** Factor from each unit to the one that the field is stored in. */
  readonly units: Readonly<Record<string, number>>;
  readonly example: string;
  readonly above?: number;
  readonly atMost?: number;
}

/** A number with its unit, as people write it (`30s`, `10Gb/s`), in the unit that the code counts in. */
function quantity({ what, units, example, above, atMost }: Measure) {
  const known = Object.keys(units);
  return z.unknown().transform((written, context): number => {
    const refuse = (message: string, remedy = `write ${what} as ${example} (units: ${known.join(', ')})`) => {
      context.addIssue({ code: 'custom', message, params: { code: 'HF-2005', remedy } });
      return z.NEVER;
    };
    if (typeof written === 'number')
      return refuse(`${written} has no unit`, `write ${nearestExample(written, known, example)}`);
    if (typeof written !== 'string') return refuse(`this is not ${what}`);
    const match = /^(-?\d+(?:\.\d+)?)\s*(\S*)$/.exec(written.trim());
    if (!match) return refuse(`"${written}" is not ${what}`);
    const [, digits, unit] = match as unknown as [string, string, string];
    const factor = units[unit];
    if (unit === '') return refuse(`${digits} has no unit`, `write ${nearestExample(Number(digits), known, example)}`);
    if (factor === undefined) {
      const meant = aliases[unit.toLowerCase()] ?? didYouMean(unit, known);
      const hint = meant !== null && known.includes(meant) ? `did you mean ${digits}${meant}? ` : '';
      return refuse(`"${unit}" is not a unit of ${what}`, `${hint}units here: ${known.join(', ')}`);
    }
    const value = Math.round(Number(digits) * factor * 1e6) / 1e6;
    if (value < 0) return refuse(`${written} is negative`);
    if (above !== undefined && value <= above) return refuse(`${written} must be more than ${above}`);
    if (atMost !== undefined && value > atMost) return refuse(`${written} is more than ${atMost} ${known[0]}`);
    return value;
  });
}

/** What other people's files call the same units. */
const aliases: Readonly<Record<string, string>> = {
  m: 'min',
  mins: 'min',
  minutes: 'min',
  sec: 's',
  secs: 's',
  seconds: 's',
  msec: 'ms',
  millis: 'ms',
  hr: 'h',
  hours: 'h',
  days: 'd',
  gbps: 'Gb/s',
  mbps: 'Mb/s',
  'gbit/s': 'Gb/s',
  'mbit/s': 'Mb/s',
  'btu/hr': 'BTU/h',
  btu: 'BTU/h',
  percent: '%',
};

const nearestExample = (number: number, units: readonly string[], example: string) =>
  units.length === 1
    ? `${number}${units[0]}`
    : `the number with its unit, e.g. ${example} (units: ${units.join(', ')})`;

const durations = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
/** Milliseconds, 0 allowed. */
export const duration = quantity({ what: 'a duration', units: durations, example: '30s, 250ms or 15min' });
/** Milliseconds, more than 0. */
export const positiveDuration = quantity({
  what: 'a duration',
  units: durations,
  example: '30s, 250ms or 15min',
  above: 0,
});
/** Megabits a second. */
export const bandwidth = quantity({
  what: 'a bandwidth',
  units: { 'Mb/s': 1, 'Gb/s': 1000, 'Tb/s': 1_000_000 },
  example: '10Gb/s',
  above: 0,
});
export const percent = quantity({ what: 'a percentage', units: { '%': 1 }, example: '99.99%', atMost: 100 });
/** Gigabytes. */
export const memorySize = quantity({ what: 'a size', units: { GB: 1, TB: 1000 }, example: '4TB' });
/** Terabytes. */
export const storageSize = quantity({ what: 'a size', units: { TB: 1, GB: 0.001, PB: 1000 }, example: '100TB' });
/** Kilowatts. */
export const electricPower = quantity({ what: 'a power', units: { kW: 1, MW: 1000, W: 0.001 }, example: '150kW' });
export const coolingPower = quantity({ what: 'a cooling power', units: { 'BTU/h': 1 }, example: '511800BTU/h' });
/** Parts per million. */
export const clockRate = quantity({ what: 'a clock rate', units: { ppm: 1 }, example: '1000ppm', above: 0 });
/** Lots, which need not be whole: a tolerance may lie below one. */
export const lots = quantity({ what: 'a number of lots', units: { lots: 1, lot: 1 }, example: '100lots' });
