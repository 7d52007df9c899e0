import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { labCopyAuthority } from '../../lab/cli.ts';
import type { GroupView } from '../../lab/demo/status-view.ts';
import { commandProblems } from '../../lab/evidence-look.ts';
import type { RuleId } from '../../src/core/decision/safety-rule.ts';
import type { OperatorAnswer, OperatorRequest } from '../../src/wire/operator-api.ts';
import { activeSite, LabUnderTest, projectRoot, standbySite } from './lab-under-test.ts';

const minute = 60_000;
const FAULT_MS = 15 * minute;
/** Of the lease: whoever were to act without a person would have by now. */
const LEASES_WATCHED = 4;

describe('people stand in for a proof that nothing else can give', { timeout: 15 * minute }, () => {
  let lab: LabUnderTest;
  let group: string;
  before(async () => {
    lab = await LabUnderTest.open('suite-people', { ratePerSecond: 100 });
    group = lab.topology.groups[0]!.id;
  });
  afterEach((context) => lab.noteResult(context));
  after(() => lab?.close());

  /** Asks until the answer is a yes; what is refused meanwhile is told. */
  async function granted(person: string, request: OperatorRequest): Promise<void> {
    let said = '';
    await lab.eventually(`${person}: ${request.kind}`, 60_000, async () => {
      const answer = await lab.platform.ask(person, request).catch(() => null);
      const found = answer?.kind === 'refused' ? `${answer.code} ${answer.found}` : (answer?.kind ?? 'no answer');
      if (found !== said) lab.narrate(`${person}, ${request.kind}: ${found}`);
      said = found;
      return answer?.kind === 'ok';
    });
  }

  const codeOf = (answer: OperatorAnswer) => (answer.kind === 'refused' ? answer.code : answer.kind);

  /** For some leases the epoch stays: nobody acts by himself. What was acknowledged meanwhile. */
  async function standsStill(mark: string, epoch: number) {
    await lab.platform.mark(mark);
    const until = performance.now() + LEASES_WATCHED * lab.topology.timing.selfFenceAfterMs;
    await lab.eventually('some leases have passed', 2 * minute, async () => {
      const seen = await lab.platform.group();
      assert.equal(seen.record?.epoch, epoch, 'nobody raised the epoch');
      return performance.now() > until;
    });
    const { ordersAcked, commitsAcked } = await lab.platform.flow(mark);
    return { ordersAcked, commitsAcked };
  }

  const blockOf = ({ decision }: GroupView, rule: RuleId): string | null =>
    decision?.rules.find((each) => each.rule === rule && each.outcome === 'block')?.reason ?? null;

  it('an authority that was restored from a copy: nobody promotes or writes until an admin adopts it, then trading goes on and nothing is lost', async () => {
    const before = await lab.settled();
    const { bytes } = await labCopyAuthority({ root: projectRoot, name: lab.name });
    assert.ok(bytes > 0);
    await lab.platform.mark('after the copy');
    await lab.acknowledged('after the copy', 500);
    await lab.break({ kind: 'authority-restored' }, null);
    const blocked = await lab.platform.until(
      'every holder has stopped itself',
      ({ instances, diagnoses }) => {
        const primary = instances.find((each) => each.observation?.role === 'primary' || !each.fresh);
        if (primary) return `${primary.instance} is ${primary.observation?.role}`;
        return diagnoses.length > 0 ? null : 'nothing is said to be wrong';
      },
      2 * minute,
    );
    lab.narrate(`blocked: ${blocked.diagnoses.map((each) => `${each.kind}: ${each.summary}`).join('; ')}`);
    lab.narrate(`R-INCARNATION: ${blockOf(blocked, 'R-INCARNATION')}`);
    const nothing = { ordersAcked: 0, commitsAcked: 0 };
    assert.deepEqual(await standsStill('restored', before.record!.epoch), nothing);
    const adopt = { kind: 'adopt', group, reason: 'the copy of a minute ago' } as const;
    await assert.rejects(lab.platform.ask('Omar Operator', adopt), { code: 'HF-3107' });
    await granted('Adam Admin', adopt);
    const taken = await lab.takenOver(before.record!.epoch);
    assert.ok(taken.record!.epoch > before.record!.epoch + 1000, `epoch ${taken.record!.epoch}`);
    assert.notEqual(taken.record!.incarnation, before.record!.incarnation);
    await lab.platform.mark('adopted');
    await lab.acknowledged('adopted', 500);
    await lab.settled();
    assert.deepEqual(commandProblems(lab.evidence()), []);
    const { verdict, reasons, staleWritesAccepted } = await lab.verified();
    assert.deepEqual(
      { verdict, reasons, staleWritesAccepted },
      { verdict: 'met', reasons: [], staleWritesAccepted: 0 },
    );
  });

  it('a database whose gate was gone before its host: the take-over is blocked and says why, until two people say that the host is off', async () => {
    await lab.acknowledge();
    const before = await lab.settled();
    const active = activeSite(before);
    const database = lab.component('postgres');
    const holder = before.record!.grants[database.id]!.holder!;
    const { host } = database.instances.find((each) => each.id === holder)!;
    const frozen = await lab.break({ kind: 'freeze', target: { kind: 'warden', host } }, FAULT_MS);
    await lab.platform.until(
      'the renewals of the database name no gate',
      ({ leases }) => {
        const lease = leases.find((each) => each.component === database.id);
        return lease && lease.gate === null ? null : `the last names ${lease?.gate?.kind}`;
      },
      2 * minute,
    );
    const off = await lab.break({ kind: 'host-power-off', host }, FAULT_MS);
    const blocked = await lab.platform.until(
      'R-FENCE blocks',
      (seen) => (blockOf(seen, 'R-FENCE')?.includes(holder) ? null : `decision ${seen.decision?.reason ?? 'none'}`),
      2 * minute,
    );
    lab.narrate(`R-FENCE: ${blockOf(blocked, 'R-FENCE')}`);
    // The engine lives, and takes orders on; the database is what nobody can be sure of.
    assert.equal((await standsStill('unproved', before.record!.epoch)).commitsAcked, 0);
    const word = (reason: string) =>
      ({ kind: 'fence', group, instance: holder, attest: true, lift: false, reason }) as const;
    await granted('Ada Approver', word('I pulled its plug'));
    assert.equal(
      codeOf(await lab.platform.ask('Ada Approver', word('still pulled'))),
      'HF-4119',
      'one person is not two',
    );
    assert.equal((await standsStill('one word', before.record!.epoch)).commitsAcked, 0);
    await granted('Rhea Risk', word('I stand before it: no light is on'));
    const taken = await lab.takenOver(before.record!.epoch);
    assert.equal(activeSite(taken), standbySite(lab.topology, active));
    const proof = taken.run!.proofs.find((each) => each.scope === holder);
    assert.equal(proof?.method, 'attested', JSON.stringify(taken.run!.proofs));
    await lab.heal(frozen);
    await lab.heal(off);
    await lab.settled();
    assert.deepEqual(commandProblems(lab.evidence()), []);
    const { verdict, reasons, staleWritesAccepted } = await lab.verified();
    assert.deepEqual(
      { verdict, reasons, staleWritesAccepted },
      { verdict: 'met', reasons: [], staleWritesAccepted: 0 },
    );
  });
});
