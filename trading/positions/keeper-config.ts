import { ConfigNode } from '../load/config-node.ts';
import type { Address } from '../load/line-connection.ts';
import { type ReaderPass, readReaderPass } from '../oms/reader-pass.ts';
import type { BookSource } from '../reconcile/book-source.ts';
import { parseReconcile, type ReconcileConfig } from '../reconcile/config.ts';
import { defaultInstrument, type Instrument } from './position.ts';

export interface KeeperConfig {
  readonly instance: string;
  /** Orders ports of engines or fronts; whichever is primary is followed. */
  readonly engines: readonly Address[];
  readonly listen: Address;
  /** Shown to engines that remove entries. */
  readonly readerPass?: ReaderPass | undefined;
  /** Market data services of its site, which mark positions where a question asks for that; none = nobody does. */
  readonly marketData: readonly Address[];
  /** The component contract's endpoint; null: it serves its figures only, and no agent drives it. */
  readonly control: { readonly address: Address; readonly tokenFile: string; readonly dataDir: string } | null;
  readonly checkEveryMs: number;
  readonly checkDeadlineMs: number;
  /** What was taken in is put on disk so often; 0 = never. Without `control` it has no place to. */
  readonly keepEveryMs: number;
  /** With what its recovery compares the book given, beside the engine; null = it cannot. */
  readonly reconcile: ((own: BookSource) => ReconcileConfig) | null;
  /** By symbol; others have the default one. */
  readonly instruments: Readonly<Record<string, Instrument>>;
}

export const readKeeperConfig = (file: string): KeeperConfig => {
  const root = ConfigNode.read(file);
  const instruments = root.has('instruments') ? root.children('instruments') : [];
  const control = root.optional('control');
  const engines = root.children('engines').map((each) => each.address());
  const reconcile = root.optional('reconcile');
  return {
    instance: root.string('instance'),
    engines,
    reconcile: reconcile === null ? null : (own) => parseReconcile(reconcile, { engines, books: [own] }),
    listen: root.child('listen').address(),
    readerPass: readReaderPass(root),
    marketData: root.has('marketData') ? root.children('marketData').map((each) => each.address()) : [],
    control:
      control === null
        ? null
        : { address: control.address(), tokenFile: control.path('tokenFile'), dataDir: root.path('dataDir') },
    checkEveryMs: root.number('checkEveryMs', 5000),
    checkDeadlineMs: root.number('checkDeadlineMs', 2000),
    keepEveryMs: root.number('keepEveryMs', 10_000),
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
