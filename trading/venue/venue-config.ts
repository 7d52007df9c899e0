import { ConfigFile, type ListenAddress } from '../base/config-file.ts';

export interface VenueConfig {
  readonly listen: ListenAddress;
  readonly dataDir: string;
  /** Guards the admin messages; null = there are none. */
  readonly tokenFile: string | null;
  readonly seed: number;
  /** Share of ordered lots that counterparties take, 0–1. */
  readonly fillShare: number;
  /** Empty = any symbol. */
  readonly symbols: ReadonlySet<string>;
  /** From the command line, only for proving that checkers can fail. */
  readonly letStaleThrough: number;
}

/** Arguments: the configuration file, and optionally `--let-stale-through N`. */
export const readVenueConfig = (args: readonly string[]): VenueConfig => {
  const file = ConfigFile.read(args[0]);
  const flag = args.indexOf('--let-stale-through');
  return {
    listen: file.listen('listen'),
    dataDir: file.directory('dataDir'),
    tokenFile: file.optionalText('tokenFile') === null ? null : file.filePath('tokenFile'),
    seed: file.count('seed', 1),
    fillShare: file.share('fillShare', 0.4),
    symbols: new Set(file.textList('symbols', [])),
    letStaleThrough: flag === -1 ? 0 : Number(args[flag + 1] ?? 1),
  };
};
