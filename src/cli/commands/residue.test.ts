import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupRecord, LeaseRecord } from '../../core/authority/group-record.ts';
import type { Json } from '../../core/base/canonical-json.ts';
import { epoch, instanceId, runId } from '../../core/base/ids.ts';
import type { ResidueLookId, ResidueReport } from '../../core/residue/residue.ts';
import { GROUP } from '../../sim/build-topology.ts';
import type { InstanceModel } from '../../sim/instance-model.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { residueCommand } from './residue.ts';

const residue = (firm: SimulatedFirm) => residueCommand(contextOf(firm, { terminal: new FakeTerminal() }));

const found = ({ json }: CommandOutcome): readonly string[] =>
  (json as unknown as ResidueReport).looks.flatMap(({ look, findings }) =>
    findings.filter(({ certainty }) => certainty === 'residue').map(({ place }) => `${look} ${place}`),
  );

/** After an unattended failover to bravo and the return of alfa, when everybody is where they belong. */
function afterFailover(): SimulatedFirm {
  const firm = new SimulatedFirm({ shape: { sitePolicy: 'automatic' } });
  const back = firm.loseActiveSite();
  firm.passUntil('bravo serves', () => firm.world.record?.traffic === 'bravo' && firm.world.record.run === null);
  back();
  firm.pass(20_000);
  return firm;
}

const instance = ({ world }: SimulatedFirm, id: string): InstanceModel => world.instances.get(instanceId(id))!;

/** Written past everybody, as a restored key or a hand would. */
function write(firm: SimulatedFirm, key: string, value: unknown): void {
  const { authority } = firm.world;
  const revision = authority.below(key).find(([name]) => name === key)![1].revision;
  const place = { site: firm.world.record!.activeSite!, host: null };
  let outcome: string | null = null;
  const body = { compare: [{ key, revision }], put: [{ key, value: value as Json }] };
  authority.transact(place, body, 5_000, authority.incarnation, ({ kind }) => {
    outcome = kind;
  });
  firm.passUntil('it is written', () => outcome !== null, 1_000);
  assert.equal(outcome, 'committed');
}

test('after a failover it is inconclusive while the old site is off, and clean once that is back and has been seen to', async () => {
  const firm = new SimulatedFirm({ shape: { sitePolicy: 'automatic' } });
  assert.equal((await residue(firm)).exitCode, 0);
  const back = firm.loseActiveSite();
  firm.passUntil('bravo serves', () => firm.world.record?.traffic === 'bravo' && firm.world.record.run === null);
  const off = await residue(firm);
  assert.equal(off.exitCode, 5, off.text);
  assert.match(off.text, /^VERDICT inconclusive: .*\n.*\? process +\? alfa-db: nothing fresh is known of it/);
  back();
  firm.pass(20_000);
  const clean = await residue(firm);
  assert.deepEqual([clean.exitCode, found(clean)], [0, []], clean.text);
});

const planted: readonly (readonly [look: ResidueLookId, place: string, plant: (firm: SimulatedFirm) => void])[] = [
  ['process', 'alfa-eng1', (firm) => instance(firm, 'alfa-eng1').freeze()],
  [
    'gate',
    'alfa-front',
    (firm) => {
      instance(firm, 'alfa-front').routed = true;
    },
  ],
  [
    'authority',
    `group/${GROUP}`,
    (firm) =>
      write(firm, `group/${GROUP}`, { ...firm.world.record, run: runId('trading-99') } satisfies Partial<GroupRecord>),
  ],
  [
    'epoch',
    'alfa-eng1',
    (firm) => {
      instance(firm, 'alfa-eng1').epoch = firm.world.record!.epoch + 3;
    },
  ],
  [
    'lease',
    `lease/${GROUP}/db`,
    (firm) => {
      const key = `lease/${GROUP}/db`;
      const lease = firm.world.authority.value<LeaseRecord>(key)!;
      write(firm, key, { ...lease, holder: instanceId('alfa-db'), epoch: epoch(1) });
    },
  ],
  [
    'detached',
    'wit-db',
    (firm) => {
      instance(firm, 'wit-db').hidden = true;
    },
  ],
];

for (const [look, place, plant] of planted)
  test(`residue that was planted is found: ${look} at ${place}`, async () => {
    const firm = afterFailover();
    assert.deepEqual(found(await residue(firm)), []);
    plant(firm);
    let seen: CommandOutcome | null = null;
    for (let look = 0; look < 10; look += 1) {
      seen = await residue(firm);
      if (found(seen).length > 0) break;
      firm.pass(100);
    }
    assert.ok(found(seen!).includes(`${look} ${place}`), seen!.text);
    assert.equal(seen!.exitCode, 1);
    assert.match(seen!.text, /remedy/);
  });
