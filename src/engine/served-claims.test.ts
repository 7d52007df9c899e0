import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder } from '../../test/builders/facts.ts';
import { componentId } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import { type Agreement, agreementOf, type Claim } from '../core/network/agreement.ts';
import { ledByTraffic, redisSeats, routeSubject, servedClaims } from './served-claims.ts';

const leads = (name: string, to: string | null, figures: Readonly<Record<string, number>> = {}) =>
  ({ leads: { [name]: to }, figures }) as Partial<InstanceObservation>;
const prefix = '10.255.0.0/24';

/** alfa is active under epoch 7, and everything is found to lead there. */
const well = () =>
  new FactsBuilder({ servers: true })
    .observation('alfa-proxy', leads('orders', 'alfa-front'))
    .observation('bravo-proxy', leads('orders', null))
    .observation('alfa-pooler', leads('trading', 'alfa-db'))
    .observation('bravo-pooler', leads('trading', null))
    .observation('alfa-names', leads('trading', 'alfa-front'))
    .observation('bravo-names', leads('trading', 'alfa-front'))
    .observation('alfa-cache', leads('cache', 'alfa-cache', { openEpoch: 7 }))
    .observation('bravo-cache', leads('cache', null, { openEpoch: 0 }))
    .observation('alfa-router', leads(prefix, 'alfa-front'))
    .observation('bravo-router', leads(prefix, null))
    .observation('alfa-registry', leads('engine', 'alfa-eng1', { epoch: 7 }))
    .observation('bravo-registry', leads('engine', 'alfa-eng1', { epoch: 7 }))
    .observation('alfa-gateway', leads('orders', 'alfa-proxy', { holds: 1, runs: 1 }))
    .observation('bravo-gateway', leads('orders', 'bravo-proxy', { holds: 1, runs: 1 }));

const record = (subject: string, name: string): Claim => ({
  vantage: 'controller',
  subject,
  source: 'record',
  says: { kind: 'writer', name },
  epoch: 7,
});

function agreements({ facts }: FactsBuilder): ReadonlyMap<string, Agreement> {
  const served = facts.topology.components.filter((component) => component.served !== undefined);
  const claims = [
    record(routeSubject, 'alfa'),
    record('db', 'alfa-db'),
    record('engine', 'alfa-eng1'),
    ...redisSeats(facts.record!, facts).map(({ component, instance }) => record(component, instance!)),
    ...served.flatMap((component) => servedClaims(component, facts)),
  ];
  return new Map(agreementOf(claims).map((each) => [each.subject, each]));
}
const of = (at: FactsBuilder, subject: string) => agreements(at).get(subject)!;
const against = (at: FactsBuilder, subject: string) =>
  of(at, subject).against.map(({ vantage, says }) => `${vantage}: ${says}`);

test('proxies, names, routes, shared addresses, poolers, services and Redis all name the writer of the record', () => {
  const all = agreements(well());
  assert.deepEqual(
    [...all.values()].map(({ subject, verdict }) => [subject, verdict]),
    [
      [routeSubject, 'agree'],
      ['db', 'agree'],
      ['engine', 'agree'],
      ['cache', 'agree'],
    ],
  );
  assert.deepEqual(all.get(routeSubject)!.with, [
    'controller',
    'alfa-proxy (orders)',
    'bravo-proxy (orders)',
    'alfa-names (trading)',
    'bravo-names (trading)',
    `alfa-router (${prefix})`,
    `bravo-router (${prefix})`,
    '10.0.1.9 (alfa-gateway, alfa-proxy)',
    '10.0.2.9 (bravo-gateway, bravo-proxy)',
  ]);
});

const disputes: readonly (readonly [string, string, Partial<InstanceObservation>, string, RegExp])[] = [
  [
    'a proxy that leads to the other site',
    'alfa-proxy',
    leads('orders', 'bravo-front'),
    routeSubject,
    /^alfa-proxy \(orders\): bravo/,
  ],
  [
    'a proxy that is closed at the active site',
    'alfa-proxy',
    leads('orders', null),
    routeSubject,
    /^alfa-proxy .*not alfa/,
  ],
  [
    'a name that is at the other site',
    'bravo-names',
    leads('trading', 'bravo-front'),
    routeSubject,
    /^bravo-names .*bravo/,
  ],
  ['a name that is nowhere', 'bravo-names', leads('trading', null), routeSubject, /nobody/],
  [
    'a prefix that two sites announce',
    'bravo-router',
    leads(prefix, 'bravo-front'),
    routeSubject,
    /^bravo-router .*: bravo/,
  ],
  [
    'a prefix that leads to who knows where',
    'alfa-router',
    leads(prefix, 'elsewhere'),
    routeSubject,
    /does not name there/,
  ],
  [
    'a pooler that leads to the former primary',
    'bravo-pooler',
    leads('trading', 'bravo-db'),
    'db',
    /^bravo-pooler .*bravo-db/,
  ],
  [
    'a service that is recorded under an older epoch',
    'alfa-registry',
    leads('engine', 'alfa-eng1', { epoch: 6 }),
    'engine',
    /epoch 6/,
  ],
  [
    'a Redis that is open where the record names another one',
    'bravo-cache',
    leads('cache', 'bravo-cache', { openEpoch: 7 }),
    'cache',
    /^bravo-cache .*: bravo-cache/,
  ],
];

for (const [what, instance, seen, subject, words] of disputes)
  test(`${what} differs, and is named with what it says`, () => {
    const at = well().observation(instance, seen);
    assert.equal(of(at, subject).verdict, 'differ');
    assert.ok(
      against(at, subject).some((line) => words.test(line)),
      against(at, subject).join('; '),
    );
  });

test('what is not heard, or does not answer, agrees with nobody', () => {
  for (const at of [
    well().instance('bravo-router', { fresh: false }),
    well().observation('bravo-router', { health: 'unknown', reason: 'no answer' }),
    well().observation('bravo-router', { leads: {} }),
  ]) {
    const { verdict, unknown } = of(at, routeSubject);
    assert.deepEqual([verdict, unknown.map(({ vantage }) => vantage)], ['unknown', [`bravo-router (${prefix})`]]);
  }
});

test('a shared address at two machines differs, one that may be at a machine that is not heard is unknown', () => {
  const pair = (at: FactsBuilder) => {
    const component = at.facts.topology.components.find(({ kind }) => kind === 'keepalived')!;
    (component.served!.servers as Record<string, object>)['bravo-gateway'] = { sharedAddress: '10.0.1.9/24' };
    return at;
  };
  assert.deepEqual(against(pair(well()), routeSubject), [
    '10.0.1.9 (orders): two owners, alfa-gateway and bravo-gateway',
  ]);
  const silent = of(pair(well().instance('bravo-gateway', { fresh: false })), routeSubject);
  assert.deepEqual(
    [silent.verdict, silent.unknown],
    ['unknown', [{ vantage: '10.0.1.9 (orders)', why: 'bravo-gateway may have it and is not heard' }]],
  );
});

test('a shared address names what the proxy beside its owner leads to', () => {
  const at = well().observation('alfa-proxy', leads('orders', null));
  assert.ok(against(at, routeSubject).some((line) => line.startsWith('10.0.1.9 (alfa-gateway, alfa-proxy)')));
});

test('poolers that proxies lead to are compared with the pooler of the site that has the traffic of the record', () => {
  const { facts } = well()
    .observation('alfa-proxy', { leads: { orders: 'alfa-front', database: 'alfa-pooler' } } as never)
    .observation('bravo-proxy', { leads: { orders: null, database: null } } as never);
  const topology = {
    ...facts.topology,
    components: facts.topology.components.map((each) =>
      each.kind !== 'haproxy'
        ? each
        : {
            ...each,
            served: {
              ...each.served!,
              leads: { ...each.served!.leads, database: { to: componentId('pooler'), as: {}, ttlSeconds: null } },
            },
          },
    ),
  };
  const behind = { ...facts, topology };
  assert.deepEqual(ledByTraffic(behind.record!, behind), { pooler: 'alfa-pooler' });
  const verdict = (writer: string) =>
    agreementOf([
      record('pooler', writer),
      ...servedClaims(topology.components.find(({ kind }) => kind === 'haproxy')!, behind),
    ]).find(({ subject }) => subject === 'pooler')!;
  assert.equal(verdict('alfa-pooler').verdict, 'agree');
  assert.equal(verdict('bravo-pooler').verdict, 'differ');
  // What is held is compared with who holds it.
  assert.deepEqual(ledByTraffic(facts.record!, facts), {});
});
