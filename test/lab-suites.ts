/** One part of `npm run test:lab`: real servers, or a whole lab. */
export interface LabSuite {
  readonly name: string;
  readonly about: string;
  /** From the project's root; may be patterns. */
  readonly files: readonly string[];
  /** What has to be there: network namespaces and their Debian packages, root, or nothing. */
  readonly needs: 'namespaces' | 'root' | 'nothing';
  /** Labs that it brings up; taken down after it, however it ended. */
  readonly labs: readonly string[];
  /** Only for what hangs. */
  readonly withinMs: number;
  /** CI has no time for it: another one shows most of it there, or none does. */
  readonly notInCi?: true;
}

const netns = (
  name: string,
  about: string,
  labs: readonly string[],
  more: Partial<Pick<LabSuite, 'withinMs' | 'notInCi'>> = {},
): LabSuite => ({
  name,
  about,
  files: [`test/integration/netns-${name}.integration.test.ts`],
  needs: 'namespaces',
  labs,
  withinMs: 420_000,
  ...more,
});

/** In the order in which they are played: what the others stand on comes first. */
export const labSuites: readonly LabSuite[] = [
  netns('lab', 'network, routers, VRRP, power of machines', ['suite-netns', 'suite-netns-killed']),
  netns('servers', 'HAProxy, DNS, pgBouncer, Redis, Prometheus and their drivers', ['suite-servers']),
  netns('agents', 'agents that lead these servers', ['suite-agents']),
  netns('database', 'PostgreSQL under Patroni, pgBackRest and their drivers', ['suite-database'], {
    withinMs: 600_000,
    notInCi: true,
  }),
  netns('database-agents', 'agents beside Patroni', ['suite-database-agents']),
  netns('platform', 'controllers, agents and engines on it', ['suite-platform'], { notInCi: true }),
  netns('firm', 'a firm behind its servers', ['suite-firm']),
  netns('routed-firm', 'a firm behind routers, shared addresses and service discovery', ['suite-routed-firm'], {
    notInCi: true,
  }),
  netns('patroni-firm', 'a firm whose database is under Patroni, led by its own controllers', ['suite-patroni-firm'], {
    withinMs: 600_000,
    notInCi: true,
  }),
  netns(
    'mixed-servers',
    'faults drawn from a seed, one after the other, on a firm behind its servers, which nobody operates',
    ['suite-mixed-servers'],
    { withinMs: 5_400_000, notInCi: true },
  ),
  netns('played-scenarios', 'all scenarios that this ground can play, each on a lab of its own', ['suite-play-netns'], {
    withinMs: 10_800_000,
    notInCi: true,
  }),
  netns('cycles', 'a whole lab up and down, and killed on the way', ['suite-cycles'], {
    withinMs: 900_000,
    notInCi: true,
  }),
  {
    name: 'etcd',
    about: 'three real etcd servers and the authority on them',
    files: ['test/integration/etcd.integration.test.ts'],
    needs: 'root',
    labs: [],
    withinMs: 420_000,
  },
  {
    name: 'dial',
    about: 'connections into network namespaces that are handed over to tests',
    files: ['test/integration/namespace-dial.integration.test.ts'],
    needs: 'namespaces',
    labs: [],
    withinMs: 120_000,
  },
  {
    name: 'gate',
    about: 'the gate by nftables',
    files: ['src/adapters/gate/nftables-gate.test.ts'],
    needs: 'root',
    labs: [],
    withinMs: 120_000,
  },
  {
    name: 'quickfix',
    about: 'FIX 4.4 with QuickFIX in both directions, where it is installed (libquickfix-dev, g++)',
    files: ['test/integration/*-quickfix.integration.test.ts'],
    needs: 'nothing',
    labs: [],
    withinMs: 420_000,
  },
  {
    name: 'redis',
    about: 'whom a real Sentinel may promote; where Redis is installed',
    files: ['test/integration/redis-promotion.integration.test.ts'],
    needs: 'nothing',
    labs: [],
    withinMs: 240_000,
  },
  {
    name: 'supervisord',
    about: 'programs that supervisord keeps: looked at, ordered, barred; where it is installed (supervisor)',
    files: ['test/integration/supervisord.integration.test.ts'],
    needs: 'nothing',
    labs: [],
    withinMs: 240_000,
  },
  {
    name: 'whole',
    about: 'whole labs on loopback, one case of each kind',
    files: ['test/lab/!(demo-can-fail|other-firms|mixed-faults|all-scenarios).test.ts'],
    needs: 'nothing',
    labs: [],
    withinMs: 1_800_000,
  },
  {
    name: 'mixed',
    about: 'faults drawn from a seed, one after the other on one lab, which nobody operates',
    files: ['test/lab/mixed-faults.test.ts'],
    needs: 'nothing',
    labs: ['suite-mixed'],
    withinMs: 3_600_000,
    notInCi: true,
  },
  {
    name: 'scenarios',
    about: "all of the simulator's scenarios that a lab can play; two of them are among the whole labs",
    files: ['test/lab/all-scenarios.test.ts'],
    needs: 'nothing',
    labs: ['suite-play'],
    withinMs: 7_200_000,
    notInCi: true,
  },
  {
    name: 'demos',
    about: 'the demo of other firms, and demos that lose something',
    files: ['test/lab/{demo-can-fail,other-firms}.test.ts'],
    needs: 'nothing',
    labs: [],
    withinMs: 600_000,
    notInCi: true,
  },
];

/** What came of a suite. `notTried`: why none of it was played. */
export interface SuiteTotals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Of those that passed, how many failed at first. */
  readonly again: number;
  readonly notTried: string | null;
}

/** 0: everything that was asked for was played and holds. 1: something does not. 5: what was played holds, and not everything was. */
export function exitCodeOf(totals: readonly SuiteTotals[]): 0 | 1 | 5 {
  if (totals.some(({ failed }) => failed > 0)) return 1;
  const played = totals.every(({ passed, notTried }) => notTried === null && passed > 0);
  return played ? 0 : 5;
}

export const countsText = ({ passed, failed, skipped, again }: Omit<SuiteTotals, 'notTried'>): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped${again === 0 ? '' : `, ${again} at a second try`}`;

/** The last line. */
export function totalsText(totals: readonly SuiteTotals[], seconds: number): string {
  const sum = (of: (each: SuiteTotals) => number) => totals.reduce((all, each) => all + of(each), 0);
  const notTried = totals.filter((each) => each.notTried !== null).length;
  const suites = notTried === 0 ? '' : `, ${notTried} of ${totals.length} suites not tried`;
  const counts = countsText({
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
    again: sum(({ again }) => again),
  });
  return `${counts}${suites}; ${Math.round(seconds)} s`;
}
