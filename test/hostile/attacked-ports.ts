import { MESSAGE_BYTES } from '../../trading/engine/binary-protocol.ts';
import type { TradingProcess } from '../../trading/testing/child-process.ts';
import type { AttackedStack, Recorded } from './attacked-stack.ts';
import * as dialects from './dialects.ts';
import { byFirstByte, FIX, type Framing, LINES, lengthFirst } from './framing.ts';
import type { Dialect } from './hostile-peer.ts';

export interface AttackedPort {
  readonly name: string;
  readonly dialect: Dialect;
  readonly framing: Framing;
  readonly process: (stack: AttackedStack) => TradingProcess;
  /** Its name among what the process says that it listens on. */
  readonly listens: string;
  /** Sessions to alter. Left out: the dialect's own good messages have to do. */
  readonly recorded?: Recorded;
  /** Each costs it files and syncs: an exchange without passwords begins books for every firm that a stranger invents. */
  readonly costly?: true;
}

const ofEngine = (stack: AttackedStack): TradingProcess => stack.engine.process;
/** Whoever knows a token may do what it permits: only to the engine that nobody needs. */
const ofSpare = (stack: AttackedStack): TradingProcess => stack.spare.process;
const ofExchange = (stack: AttackedStack): TradingProcess => stack.world.venue;
const service = (name: string) => (stack: AttackedStack) => stack.service(name);

const lines = { framing: LINES };
const control = { dialect: dialects.control, listens: 'control', framing: LINES };
const replication = {
  dialect: dialects.replication,
  listens: 'replication',
  framing: lengthFirst({ bytes: 4, countsItself: false }),
};

/** Every TCP port of every process of the trading stack. */
export const ATTACKED_PORTS: readonly AttackedPort[] = [
  {
    name: 'engine, orders, lines',
    dialect: dialects.engineText,
    listens: 'orders',
    process: ofEngine,
    ...lines,
    recorded: 'lines',
  },
  {
    name: 'engine, orders, binary',
    dialect: dialects.engineBinary,
    listens: 'orders',
    process: ofEngine,
    framing: byFirstByte(MESSAGE_BYTES),
    recorded: 'client',
  },
  { name: 'engine, replication', process: ofEngine, ...replication },
  {
    name: 'engine, replication, by one who knows the token',
    process: ofSpare,
    ...replication,
    recorded: 'replication',
  },
  { name: 'engine, control', process: ofEngine, ...control },
  { name: 'engine, control, by one who knows the token', process: ofSpare, ...control, recorded: 'control' },
  {
    name: 'exchange, lines',
    dialect: dialects.exchangeText,
    listens: 'venue',
    process: ofExchange,
    ...lines,
    costly: true,
  },
  {
    name: 'exchange, binary',
    dialect: dialects.exchangeBinary,
    listens: 'binary',
    process: ofExchange,
    framing: lengthFirst({ bytes: 2, countsItself: true }),
    recorded: 'exchange',
    costly: true,
  },
  {
    name: 'exchange, FIX',
    dialect: dialects.fix,
    listens: 'fix',
    process: ofExchange,
    framing: FIX,
    recorded: 'fix',
  },
  {
    name: 'exchange, recovery of market data',
    dialect: dialects.recovery,
    listens: 'recovery',
    process: ofExchange,
    ...lines,
    recorded: 'recovery',
  },
  {
    name: 'position keeper',
    dialect: dialects.keeper,
    listens: 'positions',
    process: service('positions'),
    ...lines,
  },
  { name: 'position keeper, control', process: service('positions'), ...control },
  {
    name: 'order management, queries',
    dialect: dialects.queries,
    listens: 'queries',
    process: service('oms'),
    ...lines,
  },
  { name: 'order management, control', process: service('oms'), ...control },
  { name: 'risk engine', dialect: dialects.risk, listens: 'risk', process: service('risk'), ...lines },
  { name: 'risk engine, control', process: service('risk'), ...control },
  { name: 'market data', dialect: dialects.marketData, listens: 'publish', process: service('market-data'), ...lines },
  { name: 'market data, control', process: service('market-data'), ...control },
  {
    name: 'front, orders',
    dialect: dialects.engineText,
    listens: 'services.orders',
    process: service('front'),
    ...lines,
    recorded: 'lines',
  },
  { name: 'front, control', process: service('front'), ...control },
];

/** The number of the port. */
export const portOf = ({ listens, process }: AttackedPort, stack: AttackedStack): number =>
  listens === 'services.orders' ? stack.frontPort : process(stack).port(listens);
