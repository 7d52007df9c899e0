import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupRecord } from '../../src/core/authority/group-record.ts';
import { hostId, siteId } from '../../src/core/base/ids.ts';
import { parseFault } from '../../src/core/drill/fault.ts';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import { checkFault, isOverAtOnce } from '../fault.ts';
import { aimOf, type LabMoment } from './aim.ts';
import { labFirm } from './ground-firm.ts';
import { loopbackSwitches, namespaceSwitches } from './ground-switches.ts';

const topology = topologyOf(
  shapeOf({
    firm: { servingSites: 2, enginesPerSite: 2, archive: false, services: false },
    policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
  }),
);
const record = {
  activeSite: 'alfa',
  grants: { db: { holder: 'alfa-db' }, engine: { holder: 'alfa-eng2' } },
} as unknown as GroupRecord;
const moment: LabMoment = { topology, record, leader: siteId('bravo'), switches: loopbackSwitches };

function aim(words: string, at: LabMoment = moment) {
  const fault = parseFault(words);
  assert.ok(fault.ok, words);
  return aimOf(fault.value, at);
}

const aims: readonly (readonly [string, string, object, string | null])[] = [
  ['kill primary of engine', 'alfa-eng2', { kind: 'kill', target: { kind: 'instance', instance: 'alfa-eng2' } }, null],
  ['kill standby of engine', 'alfa-eng1', { kind: 'kill', target: { kind: 'instance', instance: 'alfa-eng1' } }, null],
  [
    'kill agent of primary of db',
    'agent alfa-d',
    { kind: 'kill', target: { kind: 'agent', host: 'alfa-d' } },
    'agent/alfa-d',
  ],
  [
    'kill leading controller',
    'controller bravo',
    { kind: 'kill', target: { kind: 'controller', site: 'bravo' } },
    'controller/bravo',
  ],
  [
    'freeze leading controller',
    'controller bravo',
    { kind: 'freeze', target: { kind: 'controller', site: 'bravo' } },
    null,
  ],
  ['freeze host of primary of db', 'alfa-d', { kind: 'freeze', target: { kind: 'host', host: 'alfa-d' } }, null],
  ['power off host of remote standby of db', 'bravo-d', { kind: 'host-power-off', host: 'bravo-d' }, null],
  ['power off active site', 'alfa', { kind: 'site-power-off', site: 'alfa' }, null],
  ['power off witness site', 'wit', { kind: 'site-power-off', site: 'wit' }, null],
  ['isolate standby site', 'bravo', { kind: 'site-isolated', site: 'bravo' }, null],
  ['silence host alfa-x', 'alfa-x', { kind: 'host-silent', host: hostId('alfa-x') }, null],
  ['cut active site from standby site', 'alfa ↔ bravo', { kind: 'cut', between: ['alfa', 'bravo'] }, null],
  ['cut one way active site to witness site', 'alfa → wit', { kind: 'one-way', from: 'alfa', to: 'wit' }, null],
  [
    'lose 20 % between active site and standby site',
    '20 % of alfa ↔ bravo',
    { kind: 'loss', between: ['alfa', 'bravo'], percent: 20 },
    null,
  ],
  ['restore the authority from its copy', 'what was written since is forgotten', { kind: 'authority-restored' }, null],
  [
    'stop the authority',
    'the process of the authority',
    { kind: 'freeze', target: { kind: 'process', key: 'authority' } },
    null,
  ],
];

for (const [words, what, fault, restarts] of aims)
  test(`"${words}" is aimed with a switch that the lab has`, () => {
    const found = aim(words);
    assert.deepEqual(found, { what, faults: [fault], restarts, everyMs: null });
    checkFault(topology, found!.faults[0]!, isOverAtOnce(found!.faults[0]!) ? null : 1000);
  });

test('a link that flaps is cut for as long as it is open', () => {
  assert.deepEqual(aim('flap the link of active site and standby site every 300 ms'), {
    what: 'alfa ↔ bravo',
    faults: [{ kind: 'cut', between: ['alfa', 'bravo'] }],
    restarts: null,
    everyMs: 300,
  });
});

test('who is not there now is aimed at by nothing', () => {
  assert.equal(aim('kill primary of engine', { ...moment, record: null }), null);
  assert.equal(aim('kill leading controller', { ...moment, leader: null }), null);
  assert.equal(aim('cut active site from site alfa'), null);
  assert.equal(aim('kill standby of db'), null);
});

test('on namespaces sites are cut over every way, and the authority has no quorum when none of its voters moves', () => {
  const switches = namespaceSwitches(topology);
  const faults = (words: string) => aim(words, { ...moment, switches })?.faults;
  assert.deepEqual(faults('cut active site from standby site'), [
    { kind: 'cut', between: ['alfa', 'bravo'], over: 'any-way' },
  ]);
  assert.deepEqual(faults('cut one way active site to witness site'), [
    { kind: 'one-way', from: 'alfa', to: 'wit', over: 'any-way' },
  ]);
  assert.deepEqual(
    faults('stop the authority'),
    ['etcd/alfa-x', 'etcd/bravo-x', 'etcd/wit-a'].map((key) => ({ kind: 'freeze', target: { kind: 'process', key } })),
  );
});

test('a server that no agent starts is killed as a process of its machine, and started again as one', () => {
  const firm = labFirm(
    topologyOf(
      shapeOf({
        firm: {
          servingSites: 2,
          enginesPerSite: 2,
          archive: true,
          services: false,
          servers: true,
          delegatedDatabase: true,
        },
        policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
      }),
    ),
    { title: 'servers', pace: 1, ground: 'netns' },
  );
  const led = {
    activeSite: 'alfa',
    grants: { engine: { holder: 'alfa-eng2' } },
    delegates: { db: { component: 'db', holder: 'bravo-db' } },
  } as unknown as GroupRecord;
  const at = { ...moment, topology: firm, record: led, switches: namespaceSwitches(firm) };
  const killed = (key: string) => ({ faults: [{ kind: 'kill', target: { kind: 'process', key } }], restarts: key });
  assert.deepEqual(aim('kill primary of db', at), {
    what: 'bravo-db',
    everyMs: null,
    ...killed('patroni-db/bravo-d'),
  });
  assert.deepEqual(aim('kill instance alfa-cache', at), {
    what: 'alfa-cache',
    everyMs: null,
    ...killed('redis/alfa-x'),
  });
  assert.deepEqual(aim('kill primary of engine', at)?.faults, [
    { kind: 'kill', target: { kind: 'instance', instance: 'alfa-eng2' } },
  ]);
});
