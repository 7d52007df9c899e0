import { labServers } from '../../../lab/cli.ts';
import { type GroupView, unsettled, unsettledBut } from '../../../lab/demo/status-view.ts';
import { alreadyOpen } from '../../../src/adapters/pgbouncer/console.ts';
import { indexOf } from '../../../src/core/topology/topology-index.ts';
import type { FaultBench } from '../../lab/faults-in-a-row.ts';
import type { LabUnderTest } from '../../lab/lab-under-test.ts';
import { databaseAddress } from '../../lab/sabotage.ts';
import { serverPlaces } from '../../lab/server-faults.ts';
import { PatroniFirm } from '../netns-patroni/patroni-firm.ts';
import { everyServerIsWell } from './every-server-is-well.ts';
import { LedFirm } from './led-firm.ts';
import { RedisWatch } from './redis-watch.ts';

const wellWithinMs = 120_000;
const connectWithinMs = 1_500;
/** A look at all of them takes processors. */
const lookAgainAfterMs = 500;

/** What a row of faults needs of a lab whose agents lead its servers. */
export function serversBench(lab: LabUnderTest): FaultBench {
  const firm = new LedFirm(lab);
  const { siteOfInstance } = indexOf(lab.topology);
  let watches = 0;
  return {
    servers: serverPlaces(firm.placement),
    loginAt: async (instance) => {
      const login = databaseAddress(lab.platform, instance);
      // From inside its site, so that it writes on where the site is cut off.
      const dial = firm.dialFrom(`observer/${siteOfInstance.get(instance)}`);
      const socket = await dial({ host: login.host!, port: login.port! }, { deadlineMs: connectWithinMs });
      return { ...login, stream: () => alreadyOpen(socket) };
    },
    settled: async () => {
      const lacks = lab.database.kind === 'patroni' ? patroniLacks(lab) : unsettled;
      await lab.settled(lacks);
      await everyServerIsWell(lab, wellWithinMs);
      await serversLackNothing(lab);
      return lab.settled(lacks);
    },
    watch: (before) => RedisWatch.open(lab, firm, { key: `watch-${++watches}`, before }),
    close: () => firm.close(),
  };
}

/** By the servers' own word, also of those that no agent leads. */
async function serversLackNothing(lab: LabUnderTest): Promise<void> {
  const { root, name } = lab.platform.lab;
  let lacking: readonly string[] = ['none was looked at'];
  const allHealthy = async () => {
    const { state } = await lab.status();
    const seen = (await labServers({ root, name }, state)) ?? [];
    lacking = seen.filter(({ state: health }) => health !== 'healthy').map(({ key, lacks }) => `${key}: ${lacks}`);
    return lacking.length === 0;
  };
  await lab.eventually('no server lacks anything', wellWithinMs, allHealthy, lookAgainAfterMs).catch((error) => {
    throw new Error(`some server is not well: ${lacking.join('; ')}`, { cause: error });
  });
}

/** Whoever the record leads to is primary, also at another site, as nothing moves with what Patroni does by itself; and the other one has everything. */
function patroniLacks(lab: LabUnderTest): (view: GroupView) => string | null {
  const firm = new PatroniFirm(lab);
  return (view) => {
    const holder = firm.adopted(view);
    if (holder === null) return 'nobody is adopted';
    return unsettledBut(view, ['GroupSplit']) ?? firm.lacks(view, firm.siteOf(holder));
  };
}
