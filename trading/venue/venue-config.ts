import { ConfigFile, type ListenAddress } from '../base/config-file.ts';
import { MARKET_CALENDARS, type MarketCalendar } from './calendar/market-calendar.ts';
import { clockOf, liveClock, type VenueClock } from './calendar/venue-clock.ts';
import { PHASES, type Phase, SELF_TRADES, type SelfTrade } from './core/terms.ts';
import { type FixConfig, readFixConfig } from './fix/fix-config.ts';
import type { MarketDataConfig } from './market-data/market-data.ts';
import { CANCEL_ON_DISCONNECT, type SessionRules } from './sessions/session-desk.ts';

export interface VenueConfig {
  readonly listen: ListenAddress;
  /** Order entry in the binary protocol; null = not offered. */
  readonly binary: ListenAddress | null;
  /** Order entry and drop copy in FIX 4.4; null = not offered. */
  readonly fix: FixConfig | null;
  /** The public feeds; null = there are none. */
  readonly marketData: MarketDataConfig | null;
  readonly dataDir: string;
  /** Guards the admin messages; null = there are none. */
  readonly tokenFile: string | null;
  readonly seed: number;
  /** Share of ordered lots that counterparties take, 0–1. */
  readonly fillShare: number;
  /** Empty = any symbol. */
  readonly symbols: ReadonlySet<string>;
  readonly selfTrade: SelfTrade;
  readonly sessions: SessionRules;
  /** Null = the market is in `phase` for good, whatever the time. */
  readonly calendar: MarketCalendar | null;
  readonly clock: VenueClock;
  readonly phase: Phase;
  /** From the command line, only for proving that checkers can fail. */
  readonly letStaleThrough: number;
  /** From the command line: it kills itself the n-th time that its books have what a FIX session has not kept yet; 0 = never. */
  readonly endBeforeStore: number;
}

/** Arguments: the configuration file, and optionally `--let-stale-through N` and `--end-before-store N`. */
export const readVenueConfig = (args: readonly string[]): VenueConfig => {
  const file = ConfigFile.read(args[0]);
  const fix = file.section('fix');
  const flag = (name: string): number => {
    const at = args.indexOf(name);
    return at === -1 ? 0 : Number(args[at + 1] ?? 1);
  };
  return {
    listen: file.listen('listen'),
    binary: file.section('binary') === null ? null : file.listen('binary'),
    fix: fix === null ? null : readFixConfig(file, fix),
    marketData: readMarketData(file.section('marketData')),
    dataDir: file.directory('dataDir'),
    tokenFile: file.optionalText('tokenFile') === null ? null : file.filePath('tokenFile'),
    seed: file.count('seed', 1),
    fillShare: file.share('fillShare', 0.4),
    symbols: new Set(file.textList('symbols', [])),
    selfTrade: wordIn(file, 'selfTrade', SELF_TRADES, 'pass'),
    sessions: readSessions(file.section('sessions')),
    ...readCalendar(file.section('calendar')),
    phase: wordIn(file, 'phase', PHASES, 'continuous'),
    letStaleThrough: flag('--let-stale-through'),
    endBeforeStore: flag('--end-before-store'),
  };
};

const readSessions = (section: ConfigFile | null): SessionRules => {
  const listed = section?.section('passwords') ?? null;
  const passwords = new Map((listed?.names() ?? []).map((firm) => [firm, listed!.text(firm)]));
  const mode = section === null ? 'epochs' : wordIn(section, 'mode', ['epochs', 'credentials'] as const, 'epochs');
  if (mode === 'credentials' && passwords.size === 0)
    throw section!.error('sessions.passwords', 'must name at least one firm where sessions have no epochs');
  const cancelOnDisconnect =
    section === null ? 'off' : wordIn(section, 'cancelOnDisconnect', CANCEL_ON_DISCONNECT, 'off');
  return { mode, passwords, cancelOnDisconnect, graceMs: section?.count('graceMs', 2000) ?? 2000 };
};

const readMarketData = (section: ConfigFile | null): MarketDataConfig | null => {
  if (section === null) return null;
  const host = section.text('host', '127.0.0.1');
  const address = (name: string): ListenAddress => ({ host, port: section.count(name, 0) });
  return { a: address('feedA'), b: address('feedB'), recovery: address('recovery') };
};

const readCalendar = (section: ConfigFile | null): Pick<VenueConfig, 'calendar' | 'clock'> => {
  if (section === null) return { calendar: null, clock: liveClock };
  const name = section.text('market');
  const calendar = MARKET_CALENDARS.get(name);
  const known = [...MARKET_CALENDARS.keys()].join(', ');
  if (calendar === undefined) throw section.error('calendar.market', `must be one of ${known}`);
  const [startsAt, since] = [section.optionalText('startsAt'), section.optionalText('since')];
  return { calendar, clock: clockOf(calendar, { startsAt, since, speed: section.count('speed', 1) }) };
};

const wordIn = <Word extends string>(file: ConfigFile, name: string, words: readonly Word[], fallback: Word): Word => {
  const value = file.text(name, fallback);
  const found = words.find((word) => word === value);
  if (found === undefined) throw file.error(name, `must be one of ${words.join(', ')}`);
  return found;
};
