/** A day and a time of the day somewhere. */
export interface LocalTime {
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly minuteOfDay: number;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

const formatterOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formatters.set(timeZone, made);
  return made;
};

/** What a clock on the wall there shows at an instant; the zone's rules come with the runtime (ICU). */
export const localTimeAt = (instantMs: number, timeZone: string): LocalTime => {
  const parts = new Map(
    formatterOf(timeZone)
      .formatToParts(instantMs)
      .map(({ type, value }) => [type, value]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? '';
  return {
    date: `${part('year')}-${part('month')}-${part('day')}`,
    minuteOfDay: Number(part('hour')) * 60 + Number(part('minute')),
  };
};

/**
 * The instant at which a clock on the wall there shows this time. A time that a change of clocks skips is taken as if the clock had not
 * been changed yet; of one that comes twice the first is meant. No market changes its phase at such an hour.
 */
export const instantOf = (local: LocalTime, timeZone: string): number => {
  const asIfUtc = Date.parse(`${local.date}T00:00:00Z`) + local.minuteOfDay * 60_000;
  const offsets = [asIfUtc - DAY_MS, asIfUtc + DAY_MS].map((near) => offsetMs(near, timeZone));
  const fitting = offsets.map((offset) => asIfUtc - offset).filter((at) => at + offsetMs(at, timeZone) === asIfUtc);
  return fitting.length > 0 ? Math.min(...fitting) : asIfUtc - offsets[0]!;
};

/** How far the clock there is ahead of UTC at an instant. */
const offsetMs = (instantMs: number, timeZone: string): number => {
  const { date, minuteOfDay } = localTimeAt(instantMs, timeZone);
  const shown = Date.parse(`${date}T00:00:00Z`) + minuteOfDay * 60_000;
  return shown - Math.floor(instantMs / 60_000) * 60_000;
};

const DAY_MS = 86_400_000;
