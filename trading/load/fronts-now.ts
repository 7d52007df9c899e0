import { monoMs } from './clock.ts';
import type { FrontConfig, Fronts, NamedWay } from './config.ts';
import { askNameServer, NameCache } from './name-cache.ts';

/** Where a client goes at this moment: every front that it knows of. */
export interface FrontsNow {
  now(): readonly FrontConfig[];
  /** Resolves when a front is known, or by the deadline. */
  known(deadlineMs: number): Promise<void>;
  /** What the name stands for, and since when; null where clients know the fronts themselves. */
  named(): { readonly addresses: readonly string[]; readonly changedAtMonoMs: number | null } | null;
}

export function frontsNow(fronts: Fronts): FrontsNow {
  if ('name' in fronts) return frontsByName(fronts);
  return { now: () => fronts, known: async () => {}, named: () => null };
}

function frontsByName(way: NamedWay): FrontsNow {
  const { name, servers, ordersPort, database } = way;
  const cache = new NameCache({ name, servers, ask: askNameServer, nowMs: monoMs });
  const front = (host: string): FrontConfig => ({
    site: host,
    orders: { host, port: ordersPort },
    database: { host, ...database },
  });
  return {
    now: () => cache.addresses().map(front),
    known: (deadlineMs) => cache.known(deadlineMs),
    named: () => ({ addresses: cache.addresses(), changedAtMonoMs: cache.changedAtMs }),
  };
}
