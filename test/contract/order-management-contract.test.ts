import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TradingWorld } from '../../trading/testing/trading-world.ts';
import { componentContract } from './component-contract.ts';
import { nobody, WritelessGround } from './writeless-ground.ts';

/** Order management without its database: what the contract says of everybody holds without it. */
componentContract({
  component: 'reference order management',
  parts: { primary: false, replication: false, testOrder: false, route: false },
  ground: async () => {
    const world = await TradingWorld.open();
    writeFileSync(join(world.directory, 'password'), 'unused\n', { mode: 0o600 });
    const database = { ...nobody, user: 'nobody', database: 'none', passwordFile: 'password' };
    return new WritelessGround(world, 'oms', { engines: [nobody], database });
  },
});
