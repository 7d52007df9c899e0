import { ConfigNode } from './config-node.ts';
import type { Address } from './line-connection.ts';
import { defaultOutageRules, type OutageRules } from './outage.ts';

/** What clients know of one site: the services of its front. Nothing behind a front is ever addressed. */
export interface FrontConfig {
  readonly site: string;
  readonly orders: Address;
  readonly database: DatabaseAddress;
}

/** What clients know where the firm has a name: its name servers, and the ports behind every address that they give. */
export interface NamedWay {
  readonly name: string;
  /** `HOST:PORT` */
  readonly servers: readonly string[];
  readonly ordersPort: number;
  readonly database: Omit<DatabaseAddress, 'host'>;
}

export type Fronts = readonly FrontConfig[] | NamedWay;

export interface DatabaseAddress extends Address {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Behind a pooler that keeps no statement for the next transaction. */
  readonly pooled?: true;
}

export interface LoadConfig {
  readonly clients: readonly string[];
  readonly ratePerSecond: number;
  readonly commitsPerSecond: number;
  /** Connections to PostgreSQL; each has at most one commit in flight. */
  readonly commitLanes: number;
  readonly symbols: readonly string[];
  /** Of a hundred requests while orders are open, so many replaces; 0 by default. */
  readonly replacePercent: number;
  readonly seed: number;
  readonly fronts: Fronts;
  readonly ledgerDir: string;
  readonly control: Address & { readonly tokenFile: string };
  readonly outage: OutageRules;
  /** While a client has no answering session every front is tried this often. */
  readonly probeEveryMs: number;
  /** Nothing heard for this long while requests are unanswered: look elsewhere, keep the silent connection. */
  readonly silentAfterMs: number;
  /** Space that the order ledger sets aside at start; about two minutes of 1000 orders a second by default. */
  readonly preallocateBytes: number;
  /** An unanswered request is recorded as unknown after this. */
  readonly unknownAfterMs: number;
}

/** Parses the generator's JSON configuration. Paths are relative to the file; passwords are read from their `passwordFile`. */
export const readLoadConfig = (file: string): LoadConfig => {
  const root = ConfigNode.read(file);
  const control = root.child('control');
  const outage = root.optional('outage');
  return {
    clients: root.strings('clients'),
    ratePerSecond: root.number('ratePerSecond', 1000),
    commitsPerSecond: root.number('commitsPerSecond', 100),
    commitLanes: root.number('commitLanes', 4),
    symbols: root.strings('symbols'),
    replacePercent: root.number('replacePercent', 0),
    seed: root.number('seed', 1),
    fronts: root.has('way') ? parseWay(root.child('way')) : root.children('fronts').map(parseFront),
    ledgerDir: root.path('ledgerDir'),
    control: { ...control.address(), tokenFile: control.path('tokenFile') },
    outage: {
      sustainedMs: outage?.number('sustainedMs', defaultOutageRules.sustainedMs) ?? defaultOutageRules.sustainedMs,
      maxGapMs: outage?.number('maxGapMs', defaultOutageRules.maxGapMs) ?? defaultOutageRules.maxGapMs,
    },
    probeEveryMs: root.number('probeEveryMs', 10),
    silentAfterMs: root.number('silentAfterMs', 150),
    preallocateBytes: root.number('preallocateBytes', 32 * 1024 * 1024),
    unknownAfterMs: root.number('unknownAfterMs', 1000),
  };
};

const parseFront = (front: ConfigNode): FrontConfig => ({
  site: front.string('site'),
  orders: front.child('orders').address(),
  database: parseDatabase(front.child('database')),
});

const parseWay = (way: ConfigNode): NamedWay => {
  const database = way.child('database');
  return {
    name: way.string('name'),
    servers: way.strings('servers'),
    ordersPort: way.number('ordersPort'),
    database: { port: database.number('port'), ...parseLogin(database), pooled: true },
  };
};

export const parseDatabase = (node: ConfigNode): DatabaseAddress => ({
  ...node.address(),
  ...(node.has('others') ? { others: node.children('others').map((other) => other.address()) } : {}),
  ...parseLogin(node),
});

const parseLogin = (node: ConfigNode) => ({
  user: node.string('user'),
  password: node.secret('passwordFile'),
  database: node.string('database'),
});
