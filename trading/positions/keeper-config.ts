import { ConfigNode } from '../load/config-node.ts';
import type { Address } from '../load/line-connection.ts';
import { defaultInstrument, type Instrument } from './position.ts';

export interface KeeperConfig {
  readonly instance: string;
  /** Orders ports of engines or fronts; whichever is primary is followed. */
  readonly engines: readonly Address[];
  readonly listen: Address;
  /** By symbol; others have the default one. */
  readonly instruments: Readonly<Record<string, Instrument>>;
}

export const readKeeperConfig = (file: string): KeeperConfig => {
  const root = ConfigNode.read(file);
  const instruments = root.has('instruments') ? root.children('instruments') : [];
  return {
    instance: root.string('instance'),
    engines: root.children('engines').map((each) => each.address()),
    listen: root.child('listen').address(),
    instruments: Object.fromEntries(
      instruments.map((each) => [
        each.string('symbol'),
        {
          currency: each.has('currency') ? each.string('currency') : defaultInstrument.currency,
          minorPerTickLot: each.number('minorPerTickLot', defaultInstrument.minorPerTickLot),
        },
      ]),
    ),
  };
};
