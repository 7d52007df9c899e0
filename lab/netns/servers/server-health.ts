import { machineContext, type NamespaceWish } from '../machine-context.ts';
import { commandOnMachine } from '../router-health.ts';
import { planServers } from './plan-servers.ts';
import { type LabServer, serverKey } from './server.ts';

/** One server as it is now. `unknown`: its machine did not answer in time. */
export interface ServerHealth {
  readonly key: string;
  readonly state: 'healthy' | 'unhealthy' | 'unknown';
  /** In words; null when healthy. */
  readonly lacks: string | null;
}

const lookWithinMs = 3_000;
/** The servers need the processors more than whoever looks. */
const looksAtOnce = 4;

/**
 * Looks at each server of a running lab as `lab up` did.
 * @param keys of the lab's processes; only servers among them are looked at
 */
export async function serverHealth(wish: NamespaceWish, keys: ReadonlySet<string>): Promise<readonly ServerHealth[]> {
  const context = machineContext(wish);
  // What they were started with is of no interest any more.
  const ground = { topology: wish.topology, plan: context.plan, secret: () => '' };
  const servers = planServers(ground, () => ({ ca: '', cert: '', key: '' })).filter((each) =>
    keys.has(serverKey(each)),
  );
  const look = async (server: LabServer): Promise<ServerHealth> => {
    let silent = false;
    const lacks = await server.lacks(async (command) => {
      const { code, stdout, timedOut } = await commandOnMachine(context, server.node.id, command, lookWithinMs);
      silent ||= timedOut;
      return code === 0 ? stdout : null;
    });
    const key = serverKey(server);
    if (lacks === null) return { key, state: 'healthy', lacks };
    return silent
      ? { key, state: 'unknown', lacks: `no answer within ${lookWithinMs / 1000} s` }
      : { key, state: 'unhealthy', lacks };
  };
  const seen: ServerHealth[] = [];
  const waiting = [...servers];
  const work = async () => {
    for (let server = waiting.shift(); server !== undefined; server = waiting.shift()) seen.push(await look(server));
  };
  await Promise.all(Array.from({ length: looksAtOnce }, work));
  return seen.toSorted((left, right) => left.key.localeCompare(right.key));
}
