import type { ConfigFile } from '../../base/config-file.ts';
import { type FixVenueConfig, readFixVenue } from './fix-venue-config.ts';
import type { VenueAddress } from './venue-session.ts';

/** What a takeover cancels at an exchange before anything else may be risked there. */
export const ON_TAKEOVER = ['keep', 'cancel-day', 'cancel-all'] as const;
export type OnTakeover = (typeof ON_TAKEOVER)[number];

export interface EngineVenueConfig extends VenueAddress {
  /** Empty = all symbols that no other exchange lists. */
  readonly symbols: readonly string[];
  readonly heartbeatMs: number;
  readonly onTakeover: OnTakeover;
  /** Null = its port speaks the binary protocol. */
  readonly fix: FixVenueConfig | null;
  /** Where the firm's epoch is raised without a session: a binary port. Null = nowhere. */
  readonly fencePort: number | null;
}

/** One exchange of an engine's configuration. */
export const readVenue = (section: ConfigFile): EngineVenueConfig => {
  const onTakeover = section.text('onTakeover', 'keep');
  const known = ON_TAKEOVER.find((each) => each === onTakeover);
  if (known === undefined) throw section.error('onTakeover', `must be one of ${ON_TAKEOVER.join(', ')}`);
  const fix = readFixVenue(section);
  const fencePort = section.count('fencePort', fix === null ? section.count('port') : 0);
  return {
    name: section.text('name', 'venue'),
    host: section.text('host', '127.0.0.1'),
    port: section.count('port'),
    firm: section.text('firm'),
    password: section.text('password', ''),
    symbols: section.textList('symbols', []),
    heartbeatMs: Math.max(50, section.count('heartbeatMs', 1000)),
    onTakeover: known,
    fix,
    fencePort: fencePort === 0 ? null : fencePort,
  };
};
