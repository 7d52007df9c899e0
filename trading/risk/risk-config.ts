import { asRecord } from '../base/json-record.ts';
import { parseDatabase } from '../load/config.ts';
import { ConfigNode } from '../load/config-node.ts';
import type { Address } from '../load/line-connection.ts';
import type { DatabaseAddress } from '../oms/order-store.ts';
import { type ReaderPass, readReaderPass } from '../oms/reader-pass.ts';
import { parseRuleChange, type Rule } from './limits.ts';

export interface RiskConfig {
  readonly instance: string;
  readonly dataDir: string;
  readonly control: Address;
  readonly controlTokenFile: string;
  readonly listen: Address;
  /** Shown to engines that remove entries. */
  readonly readerPass?: ReaderPass | undefined;
  /** Shown to engines, and asked for from whoever changes a rule. */
  readonly tokenFile: string;
  readonly token: string;
  /** Orders ports of the site's engines. */
  readonly engines: readonly Address[];
  /** Market data services of its site, which references that follow the market are taken from; none = nothing is known of a market. */
  readonly marketData: readonly Address[];
  readonly database: DatabaseAddress;
  readonly databaseDeadlineMs: number;
  /** Under which order management has stored the engine's entries. */
  readonly stream: string;
  /** Exposures are kept after so many entries, for the next start to begin with; 0 = never. */
  readonly keepEveryEntries: number;
  /** Rules where the database has none yet. */
  readonly initial: readonly Rule[];
}

export const readRiskConfig = (file: string): RiskConfig => {
  const root = ConfigNode.read(file);
  const control = root.child('control');
  const initial: readonly unknown[] = root.has('initial') ? root.list('initial') : [];
  return {
    instance: root.string('instance'),
    dataDir: root.path('dataDir'),
    control: control.address(),
    controlTokenFile: control.path('tokenFile'),
    listen: root.child('listen').address(),
    readerPass: readReaderPass(root),
    tokenFile: root.path('tokenFile'),
    token: root.secret('tokenFile'),
    engines: root.children('engines').map((each) => each.address()),
    marketData: root.has('marketData') ? root.children('marketData').map((each) => each.address()) : [],
    database: parseDatabase(root.child('database')),
    databaseDeadlineMs: root.number('databaseDeadlineMs', 5000),
    stream: root.has('stream') ? root.string('stream') : 'engine',
    keepEveryEntries: root.number('keepEveryEntries', 50_000),
    initial: initial.map((each, index) => {
      const change = parseRuleChange(asRecord(each) ?? {});
      if (typeof change === 'string') throw root.wrong(`initial[${index}]`, `a rule (${change})`, each);
      return { scope: change.scope, name: change.name, killed: change.killed ?? false, limits: change.limits ?? {} };
    }),
  };
};
