import { TradingWorld } from '../../trading/testing/trading-world.ts';
import { componentContract } from './component-contract.ts';
import { nobody, WritelessGround } from './writeless-ground.ts';

/** Market data without an exchange: what the contract says of everybody holds without one. */
componentContract({
  component: 'reference market data',
  parts: { primary: false, replication: false, testOrder: false, route: false },
  ground: async () =>
    new WritelessGround(await TradingWorld.open(), 'market-data', {
      publish: { host: '127.0.0.1', port: 0 },
      venues: [{ name: 'venue', feedA: nobody, feedB: nobody, recovery: nobody }],
    }),
});
