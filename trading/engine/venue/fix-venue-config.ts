import type { ConfigFile } from '../../base/config-file.ts';
import type { EngineVenueConfig } from './venue-config.ts';

/** How an engine trades at an exchange over FIX 4.4. */
export interface FixVenueConfig {
  readonly compId: string;
  /** The exchange's CompID. */
  readonly venueCompId: string;
  /** As at the exchange: one tick is the last decimal of a price. */
  readonly priceDecimals: number;
}

/** Reads the section `fix` of an exchange; without it the exchange is traded over its binary port. */
export const readFixVenue = (section: ConfigFile): FixVenueConfig | null => {
  const fix = section.section('fix');
  if (fix === null) return null;
  const priceDecimals = fix.count('priceDecimals', 0);
  if (priceDecimals > 8) throw fix.error('fix.priceDecimals', 'must be at most 8');
  return {
    compId: fix.text('compId', section.text('firm')),
    venueCompId: fix.text('venueCompId', 'VENUE'),
    priceDecimals,
  };
};

/** Names of the FIX sessions in the journal: that of the exchange. */
export const fixSessionNames = (venues: readonly EngineVenueConfig[]): readonly string[] =>
  venues.filter(({ fix }) => fix !== null).map(({ name }) => name);
