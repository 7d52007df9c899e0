import { ConfigFile, type ListenAddress } from '../base/config-file.ts';
import { TokenFile } from '../base/token-file.ts';
import { KEEP_ALL, type RetentionSettings } from './journal-retention.ts';
import type { Limits } from './pre-trade.ts';
import { type EngineVenueConfig, readVenue } from './venue/venue-config.ts';

export interface EngineConfig {
  readonly instance: string;
  readonly site: string;
  readonly dataDir: string;
  readonly control: ListenAddress;
  readonly tokenFile: string;
  readonly orders: ListenAddress;
  readonly replication: ListenAddress;
  /** The secret that the engines of a group share; null = whoever can reach the replication port is believed. */
  readonly replicationTokenFile: string | null;
  /** At least one; of those that list no symbols there is one at most. */
  readonly venues: readonly EngineVenueConfig[];
  readonly limits: Limits;
  /** Null: no risk engine has a say, only the limits above hold. */
  readonly risk: RiskSettings | null;
  /** See `JournalOptions.sync`. */
  readonly sync: 'group' | 'none';
  /** A segment of the journal that has reached this is followed by another. */
  readonly segmentBytes: number;
  /** What of the journal a standby keeps. */
  readonly retention: RetentionSettings;
  readonly timing: EngineTiming;
  readonly maxHeldEntries: number;
  /** A standby takes a checkpoint after so many entries; 0 = never. */
  readonly checkpointEveryEntries: number;
  /** Orders and requests whose memory is taken at the start, beyond those of the journal. */
  readonly reserveOrders: number;
}

export interface RiskSettings {
  /** What a risk engine must show before it is believed. */
  readonly token: TokenFile;
  /** New risk is refused when no risk engine has approved for so long. */
  readonly silentAfterMs: number;
  readonly askEveryMs: number;
  /** Whether orders that only take a position back pass meanwhile; cancels always do. */
  readonly reducingPasses: boolean;
}

export interface EngineTiming {
  readonly heartbeatMs: number;
  /** A replica silent for longer is reported lost. */
  readonly replicaLostMs: number;
  /** An upstream silent for longer is reported at once, and again each time this passes. */
  readonly upstreamSilentMs: number;
  /** A connection to a silent upstream is given up after this. */
  readonly upstreamGiveUpMs: number;
  readonly dialDeadlineMs: number;
  readonly venueDeadlineMs: number;
  /** How long `promote` waits for the venue to be reconciled before it answers without. */
  readonly reconcileDeadlineMs: number;
  readonly drainDeadlineMs: number;
  readonly testOrderDeadlineMs: number;
  /** A standby rehearses its takeover so long after it first followed somebody; 0 = never. */
  readonly rehearseAfterMs: number;
}

/** The bound that docs/reference/risk.md names. */
const RISK_SILENT_AFTER_MS = 1000;
const HEARTBEAT_MS = 100;
const MAX_ID_BYTES = 64;
const SEGMENT_BYTES = 16 * 1024 * 1024;
const EVERY_ENTRIES = 1_000_000;

const readVenues = (file: ConfigFile): readonly EngineVenueConfig[] => {
  const listed = file.sections('venues').map(readVenue);
  const single = file.section('venue');
  const venues = single === null ? listed : [readVenue(single), ...listed];
  if (venues.length === 0) throw file.error('venues', 'must name at least one exchange');
  if (new Set(venues.map(({ name }) => name)).size < venues.length) throw file.error('venues', 'names one twice');
  if (venues.filter(({ symbols }) => symbols.length === 0).length > 1)
    throw file.error('venues', 'may have one that lists no symbols, which trades what the others do not list');
  const symbols = venues.flatMap((venue) => venue.symbols);
  if (new Set(symbols).size < symbols.length) throw file.error('venues', 'lists one symbol at two exchanges');
  return venues;
};

const readRetention = (retain: ConfigFile): RetentionSettings => {
  const readers = retain.textList('readers', []);
  const tokenFile = retain.optionalText('tokenFile') === null ? null : retain.filePath('tokenFile');
  if (readers.length > 0 && tokenFile === null)
    throw retain.error(
      'journal.retain.tokenFile',
      'must be there where readers are named: what they say removes entries',
    );
  return { entries: retain.count('entries', 0), readers, tokenFile };
};

/** Reads and defaults one engine's configuration; `trading/README.md` shows one. */
export const readEngineConfig = (path: string | undefined): EngineConfig => {
  const file = ConfigFile.read(path);
  const control = file.requiredSection('control');
  const venues = readVenues(file);
  const replication = file.requiredSection('replication');
  const limits = file.section('limits');
  const timing = file.section('timing');
  const journal = file.section('journal');
  const sync = journal?.text('sync', 'group') ?? 'group';
  if (sync !== 'group' && sync !== 'none') throw file.error('journal.sync', 'must be "group" or "none"');
  const retain = journal?.section('retain') ?? null;
  const retention = retain === null ? KEEP_ALL : readRetention(retain);
  const risk = file.section('risk');
  const silentAfterMs = risk?.count('silentAfterMs', RISK_SILENT_AFTER_MS) ?? RISK_SILENT_AFTER_MS;
  const whenSilent = risk?.text('whenSilent', 'cancels') ?? 'cancels';
  if (risk !== null && whenSilent !== 'cancels' && whenSilent !== 'reducing')
    throw file.error('risk.whenSilent', 'must be "cancels" or "reducing"');
  const heartbeatMs = Math.max(5, timing?.count('heartbeatMs', HEARTBEAT_MS) ?? HEARTBEAT_MS);
  if (risk !== null && silentAfterMs < 2 * heartbeatMs)
    throw file.error('risk.silentAfterMs', `must be at least twice timing.heartbeatMs (${heartbeatMs})`);
  const instance = file.text('instance');
  if (Buffer.byteLength(instance) > MAX_ID_BYTES) throw file.error('instance', `is longer than ${MAX_ID_BYTES} bytes`);
  const ms = (name: string, fallback: number) => timing?.count(name, fallback) ?? fallback;
  return {
    instance,
    site: file.text('site', ''),
    dataDir: file.directory('dataDir'),
    control: file.listen('control'),
    tokenFile: control.filePath('tokenFile'),
    orders: file.listen('orders'),
    replication: file.listen('replication'),
    replicationTokenFile: replication.optionalText('tokenFile') === null ? null : replication.filePath('tokenFile'),
    venues,
    limits: {
      symbols: new Set(limits?.textList('symbols', []) ?? []),
      maxPrice: limits?.count('maxPrice', 10_000_000) ?? 10_000_000,
      maxQty: limits?.count('maxQty', 1_000_000) ?? 1_000_000,
      maxNotional: limits?.count('maxNotional', 1_000_000_000_000) ?? 1_000_000_000_000,
      maxOpenOrdersPerClient: limits?.count('maxOpenOrdersPerClient', 1_000_000) ?? 1_000_000,
    },
    risk:
      risk === null
        ? null
        : {
            token: new TokenFile(risk.filePath('tokenFile')),
            silentAfterMs,
            askEveryMs: risk.count('askEveryMs', Math.max(1, Math.floor(silentAfterMs / 4))),
            reducingPasses: whenSilent === 'reducing',
          },
    sync,
    segmentBytes: Math.max(4096, journal?.count('segmentBytes', SEGMENT_BYTES) ?? SEGMENT_BYTES),
    retention,
    timing: {
      heartbeatMs,
      replicaLostMs: ms('replicaLostMs', 400),
      upstreamSilentMs: ms('upstreamSilentMs', 250),
      upstreamGiveUpMs: ms('upstreamGiveUpMs', 2000),
      dialDeadlineMs: ms('dialDeadlineMs', 1000),
      venueDeadlineMs: ms('venueDeadlineMs', 500),
      reconcileDeadlineMs: ms('reconcileDeadlineMs', 2000),
      drainDeadlineMs: ms('drainDeadlineMs', 1000),
      testOrderDeadlineMs: ms('testOrderDeadlineMs', 2000),
      rehearseAfterMs: ms('rehearseAfterMs', 1000),
    },
    maxHeldEntries: file.count('maxHeldEntries', 20_000),
    checkpointEveryEntries: file.section('checkpoints')?.count('everyEntries', EVERY_ENTRIES) ?? EVERY_ENTRIES,
    reserveOrders: file.count('reserveOrders', 0),
  };
};
