import { parseDatabase } from '../load/config.ts';
import { ConfigNode } from '../load/config-node.ts';
import type { Address } from '../load/line-connection.ts';
import type { BookSource, BookSources } from './book-source.ts';
import { databaseSource } from './database-source.ts';
import { engineSource } from './engine-source.ts';
import { keeperSource } from './keeper-source.ts';
import type { ReconciliationSettings } from './reconciliation.ts';
import { venueSource } from './venue-source.ts';

export interface ReconcileConfig {
  readonly sources: BookSources;
  readonly settings: ReconciliationSettings;
  /** File of the breaks. */
  readonly store: string;
}

/**
 * Reads `engines [{host, port}]`, `keeper {host, port}` or `keepers [{host, port}]`, `databases [{host, port, user, passwordFile, database}]` with `stream`,
 * `venues [{name, host, port, firm, password?}]`, `tolerance`, `alertAbove` (lots), `settleMs`, `deadlineMs` and `store`. Everything but
 * `venues`, `store` and one book of the firm may be left out; paths are relative to the file.
 */
export const readReconcileConfig = (file: string): ReconcileConfig => parseReconcile(ConfigNode.read(file));

/** The same of a part of another configuration, which adds engines and books of its own. */
export const parseReconcile = (
  root: ConfigNode,
  given: { readonly engines: readonly Address[]; readonly books: readonly BookSource[] } = { engines: [], books: [] },
): ReconcileConfig => {
  const named = root.has('engines') ? root.children('engines').map((each) => each.address()) : [];
  const engines = [...given.engines, ...named];
  const keeper = root.optional('keeper')?.address() ?? null;
  const keepers = [
    ...(keeper === null ? [] : [keeper]),
    ...(root.has('keepers') ? root.children('keepers').map((each) => each.address()) : []),
  ];
  const databases = root.has('databases') ? root.children('databases').map(parseDatabase) : [];
  const stream = root.has('stream') ? root.string('stream') : 'engine';
  const venues = root.children('venues').map((each) => ({
    ...each.address(),
    name: each.has('name') ? each.string('name') : 'the exchange',
    firm: each.string('firm'),
    ...(each.has('password') ? { password: each.string('password') } : {}),
  }));
  if (venues.length === 0) throw root.wrong('venues', 'a list with at least one exchange', []);
  const books = [
    ...given.books,
    ...(keepers.length === 0 ? [] : [keeperSource({ name: 'positions', addresses: keepers })]),
    ...(databases.length === 0 ? [] : [databaseSource({ name: 'database', stream, addresses: databases })]),
  ];
  if (engines.length === 0 && books.length === 0)
    throw root.wrong('engines', 'a list with at least one address, unless there is a keeper or a database', engines);
  const settings = {
    toleranceLots: root.number('tolerance', defaultSettings.toleranceLots),
    alertAboveLots: root.number('alertAbove', defaultSettings.alertAboveLots),
    settleMs: root.number('settleMs', defaultSettings.settleMs),
    deadlineMs: root.number('deadlineMs', defaultSettings.deadlineMs),
  };
  if (settings.alertAboveLots < settings.toleranceLots)
    throw root.wrong('alertAbove', `at least the tolerance (${settings.toleranceLots})`, settings.alertAboveLots);
  return {
    sources: {
      engine: engines.length === 0 ? null : engineSource({ name: 'engine', addresses: engines }),
      books,
      exchange: venueSource({ name: 'exchange', venues }),
    },
    settings,
    store: root.path('store'),
  };
};

/** Docs/reference/topology.md gives the same for a topology that says nothing. */
export const defaultSettings: ReconciliationSettings = {
  toleranceLots: 0.001,
  alertAboveLots: 100,
  settleMs: 2000,
  deadlineMs: 5000,
};
