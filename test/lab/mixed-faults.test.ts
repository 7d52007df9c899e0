import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { GroupView, StatusView } from '../../lab/demo/status-view.ts';
import { commandProblems, runWords } from '../../lab/evidence-look.ts';
import { isOverAtOnce } from '../../lab/fault.ts';
import { messageOf } from '../../lab/lab-error.ts';
import type { SiteId } from '../../src/core/base/ids.ts';
import { evidenceProblems } from '../../src/core/evidence/verify-evidence.ts';
import { readEvidence, verifyChains } from '../../src/wire/evidence-bundle/bundle.ts';
import { type DrawnFault, drawFaults, faultList, startedAgain, wordsOf } from './drawn-faults.ts';
import { LabUnderTest, quick } from './lab-under-test.ts';
import { leftBehind } from './left-behind.ts';
import { WriterProbe } from './writer-probe.ts';

const minute = 60_000;
/** If the suite itself dies; it ends each of them before. */
const FAULT_ENDS_MS = 10 * minute;
const CLEAN_WITHIN_MS = 30_000;
const ORDERS_AFTERWARDS = 200;

const seed = wholeNumberOf('HOLDFAST_FAULT_SEED', 12);
const drawn = drawFaults(seed, wholeNumberOf('HOLDFAST_FAULTS', quick ? 4 : 20));
const again = `HOLDFAST_FAULT_SEED=${seed} HOLDFAST_FAULTS=${drawn.length}`;

describe(`${drawn.length} mixed faults in a row, seed ${seed}: nobody does anything about them, nothing is lost or left behind`, {
  timeout: 60 * minute,
}, () => {
  let lab: LabUnderTest;
  let probe: WriterProbe;
  let beganAtMs: number;
  let broken: string | null = null;

  before(async () => {
    lab = await LabUnderTest.open('suite-mixed', {
      ratePerSecond: 100,
      overlays: [join(import.meta.dirname, 'mixed-faults.yaml')],
    });
    for (const line of [again, ...faultList(drawn, leaseMs(lab)).split('\n')]) {
      lab.narrate(line);
      process.stdout.write(`${line}\n`);
    }
    const database = lab.component('postgres');
    const eligible = database.instances.filter((each) => each.eligible).map((each) => each.id);
    const { record } = await lab.settled();
    probe = await WriterProbe.open(lab.platform, eligible, record!.grants[database.id]!.holder!);
    beganAtMs = Date.now();
  });
  afterEach((context) => lab?.noteResult(context));
  after(async () => {
    process.stdout.write(`${again}\n`);
    await probe?.close();
    await lab?.close();
  });

  for (const fault of drawn)
    it(`${fault.number}: ${fault.words}`, { timeout: 8 * minute }, async (context) => {
      if (broken !== null) return context.skip(`after ${broken}`);
      broken = fault.words;
      const before = await lab.settled();
      const begun = performance.now();
      const mark = `fault ${fault.number}`;
      await lab.platform.mark(mark);
      await playOut(lab, fault, before);
      const healedAfterMs = Math.round(performance.now() - begun);
      await lab.settled();
      const settledAfterMs = Math.round(performance.now() - begun);
      const flow = await lab.platform.settledFlow(mark, 30_000);
      // What is short may be over before anybody has noticed it: it has to be settled for a while.
      await lab.platform.mark(`after ${mark}`);
      await lab.acknowledged(`after ${mark}`, ORDERS_AFTERWARDS);
      await nothingLeftBehind(lab);
      const settled = await lab.settled();
      const tenures = probe.tenures(begun);
      lab.narrate(
        `${mark}: healed after ${healedAfterMs} ms, settled after ${settledAfterMs}; epoch ${before.record!.epoch} → ${settled.record!.epoch}, orders away for ${flow.outageMs} ms, commits for ${flow.commitOutageMs} ms, writers ${tenures.join(' → ')}`,
      );
      await nothingLost(lab, probe, settled);
      assert.ok(
        tenures.length - 1 <= settled.record!.epoch - before.record!.epoch,
        `databases wrote in turn without a grant in between: ${tenures.join(', ')}`,
      );
      broken = null;
    });

  it('nobody asked for anything, and the evidence of the platform verifies', async (context) => {
    if (broken !== null) return context.skip(`after ${broken}`);
    const asked = lab.evidence().filter(({ kind }) => kind === 'operator-command');
    assert.ok(asked.length > 0, 'somebody activated it');
    assert.deepEqual(
      asked.filter(({ at }) => at > beganAtMs),
      [],
    );
    const chains = await readEvidence(lab.directory.evidenceChains(lab.topology).filter((path) => existsSync(path)));
    const verdict = verifyChains(chains.chains, { fromAuthority: chains.anchors });
    lab.narrate(`evidence: ${verdict.sentence}`);
    for (const { run, data } of runWords(lab.evidence()).filter(({ kind }) => kind === 'run-closed'))
      lab.narrate(`${run}: ${data['result']} ${data['reason'] ?? ''}`);
    assert.deepEqual(evidenceProblems(verdict), []);
  });
});

/** Resolves when the fault has ended and what nobody of the platform starts again was started. */
async function playOut(lab: LabUnderTest, drawnFault: DrawnFault, { record }: GroupView): Promise<void> {
  const { topology } = lab;
  const fault = drawnFault.aimedAt({ topology, record: record!, leader: await leaderOf(lab) });
  lab.narrate(`${drawnFault.number}: ${wordsOf(drawnFault, leaseMs(lab))}`);
  const atOnce = isOverAtOnce(fault);
  const report = await lab.break(fault, atOnce ? null : FAULT_ENDS_MS);
  const endsAt = performance.now() + drawnFault.leases * leaseMs(lab);
  await lab.eventually('it has lasted', FAULT_ENDS_MS, () => Promise.resolve(performance.now() >= endsAt));
  if (!atOnce) return lab.heal(report);
  const key = startedAgain(fault);
  if (key === null) return;
  await lab.restart(key);
  lab.narrate(`${key} is started again`);
}

async function leaderOf(lab: LabUnderTest): Promise<SiteId> {
  let leader = null as SiteId | null;
  await lab.eventually('a controller leads', CLEAN_WITHIN_MS, async () => {
    const { result } = (await lab.platform.ask('Olivia Observer', { kind: 'status' })) as { readonly result?: unknown };
    leader = ((result as StatusView | undefined)?.leader?.controller ?? null) as SiteId | null;
    return leader !== null;
  });
  return leader!;
}

async function nothingLeftBehind(lab: LabUnderTest): Promise<void> {
  let found: readonly string[] = ['nothing was looked at'];
  await lab
    .eventually('nothing is left behind', CLEAN_WITHIN_MS, async () => {
      found = await leftBehind(lab).catch((error: unknown) => [messageOf(error)]);
      return found.length === 0;
    })
    .catch(() => {});
  assert.deepEqual(found, []);
}

async function nothingLost(lab: LabUnderTest, probe: WriterProbe, { record }: GroupView): Promise<void> {
  assert.deepEqual(await probe.lostAt(record!.grants[lab.component('postgres').id]!.holder!), []);
  assert.deepEqual(commandProblems(lab.evidence()), []);
  const { verdict, reasons, staleWritesAccepted: stale } = await lab.verified();
  assert.deepEqual({ verdict, reasons, stale }, { verdict: 'met', reasons: [], stale: 0 });
}

const leaseMs = ({ topology }: LabUnderTest): number => topology.timing.selfFenceAfterMs;

function wholeNumberOf(name: string, otherwise: number): number {
  const text = process.env[name];
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${name}=${text} is not a whole number from 1`);
  return Number(text);
}
