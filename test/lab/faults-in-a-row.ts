import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import type { GroupView, StatusView } from '../../lab/demo/status-view.ts';
import { commandProblems, runWords } from '../../lab/evidence-look.ts';
import { faultWords, isOverAtOnce } from '../../lab/fault.ts';
import { messageOf } from '../../lab/lab-error.ts';
import type { SiteId } from '../../src/core/base/ids.ts';
import { evidenceProblems } from '../../src/core/evidence/verify-evidence.ts';
import { readEvidence, verifyChains } from '../../src/wire/evidence-bundle/bundle.ts';
import {
  type Draw,
  type DrawnFault,
  drawFaults,
  faultList,
  type ServerPlace,
  servingInstance,
  startedAgain,
  wordsOf,
} from './drawn-faults.ts';
import { type LabUnderTest, quick } from './lab-under-test.ts';
import { leftBehind } from './left-behind.ts';
import { type LoginAt, WriterProbe } from './writer-probe.ts';

const minute = 60_000;
/** If the suite itself dies; it ends each of them before. */
const FAULT_ENDS_MS = 10 * minute;
const CLEAN_WITHIN_MS = 30_000;
const FLOWING_WITHIN_MS = 90_000;
const ORDERS_AFTERWARDS = 200;

/** What only one ground has. */
export interface FaultBench {
  readonly servers: readonly ServerPlace[];
  /** How the writer probe logs in. Default: as anybody on this machine. */
  readonly loginAt?: LoginAt;
  /** Everything is as the topology wants it. */
  settled(): Promise<GroupView>;
  /** Begins to look at what else clients write to. */
  watch?(before: GroupView): Promise<FaultWatch>;
  close(): void;
}

export interface FaultWatch {
  /** Ends it, and says what was seen. Rejects where something is wrong. */
  judged(after: GroupView): Promise<string>;
  /** Whatever became of it. */
  close(): void;
}

export interface FaultRow {
  /** Where, e.g. `on loopback`. */
  readonly where: string;
  /** A lab under orders. */
  readonly open: () => Promise<LabUnderTest>;
  /** Takes it down and looks for what that leaves. Default: takes it down. */
  readonly down?: (lab: LabUnderTest) => Promise<void>;
  /** Default: nothing but the platform. */
  readonly benchOf?: (lab: LabUnderTest) => FaultBench;
  /** Default: those of a loopback lab. */
  readonly kinds?: readonly Draw[];
  /** Why it cannot be tried here. */
  readonly skip?: string | false;
}

/**
 * The tests of a row of faults that are drawn from a seed, on one lab that nobody operates: after each, everything is as it was wanted, clients
 * are served, nothing is left behind, nothing acknowledged is missing, and the epoch explains every change of writer.
 * `HOLDFAST_FAULT_SEED` and `HOLDFAST_FAULTS` choose them.
 */
export function faultsInARow(row: FaultRow): void {
  const { where, open, kinds, skip = false, benchOf = platformAlone, down = (lab) => lab.close() } = row;
  const seed = wholeNumberOf('HOLDFAST_FAULT_SEED', 12);
  const drawn = drawFaults(seed, wholeNumberOf('HOLDFAST_FAULTS', quick ? 4 : 20), kinds);
  const again = `HOLDFAST_FAULT_SEED=${seed} HOLDFAST_FAULTS=${drawn.length}`;
  const title = `${drawn.length} mixed faults in a row ${where}, seed ${seed}: nobody does anything about them, nothing is lost or left behind`;
  describe(title, { skip, timeout: 60 * minute }, () => {
    let lab: LabUnderTest;
    let bench: FaultBench;
    let probe: WriterProbe;
    let beganAtMs: number;
    let standing: GroupView;
    let broken: string | null = null;
    const told: string[] = [];
    const tell = (line: string) => {
      lab?.narrate(line);
      process.stdout.write(`${line}\n`);
    };

    before(async () => {
      tell(again);
      lab = await open();
      for (const line of faultList(drawn, leaseMs(lab)).split('\n')) tell(line);
      bench = benchOf(lab);
      standing = await bench.settled();
      probe = await WriterProbe.open(lab, bench.loginAt);
      beganAtMs = Date.now();
    });
    afterEach((context) => lab?.noteResult(context));
    after(async () => {
      for (const line of [...told, again]) process.stdout.write(`${line}\n`);
      await probe?.close();
      bench?.close();
      if (lab !== undefined) await down(lab);
    });

    for (const fault of drawn)
      it(`${fault.number}: ${fault.words}`, { timeout: 8 * minute }, async (context) => {
        if (broken !== null) return context.skip(`after ${broken}`);
        broken = fault.words;
        const story = new FaultStory(`${fault.number} of ${drawn.length}, ${wordsOf(fault, leaseMs(lab))}`);
        try {
          standing = await playAndJudge({ lab, bench, probe }, fault, standing, story);
          broken = null;
          story.say('as it was');
        } catch (error) {
          story.say(`✗ ${messageOf(error)}`);
          throw error;
        } finally {
          told.push(story.line);
          tell(story.line);
        }
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
      tell(`evidence: ${verdict.sentence}`);
      for (const { run, data } of runWords(lab.evidence()).filter(({ kind }) => kind === 'run-closed'))
        lab.narrate(`${run}: ${data['result']} ${data['reason'] ?? ''}`);
      assert.deepEqual(evidenceProblems(verdict), []);
    });
  });
}

interface Judged {
  readonly lab: LabUnderTest;
  readonly bench: FaultBench;
  readonly probe: WriterProbe;
}

const platformAlone = (lab: LabUnderTest): FaultBench => ({
  servers: [],
  settled: () => lab.settled(),
  close: () => {},
});

/** What became of one fault, said as far as it came. */
class FaultStory {
  readonly #begun = performance.now();
  readonly #fault: string;
  readonly #said: string[] = [];

  constructor(fault: string) {
    this.#fault = `${new Date().toISOString().slice(11, 23)} ${fault}`;
  }

  get line(): string {
    return `${this.#fault}: ${this.#said.join('; ')}`;
  }

  say(words: string): void {
    this.#said.push(words);
  }

  /** With the time since the fault's turn came. */
  sayWhen(words: string): void {
    this.say(`${words} after ${wholeMs(performance.now() - this.#begun)}`);
  }
}

/** @returns how everything is afterwards, which is where the next one begins */
async function playAndJudge(
  { lab, bench, probe }: Judged,
  fault: DrawnFault,
  before: GroupView,
  story: FaultStory,
): Promise<GroupView> {
  const begun = performance.now();
  const mark = `fault ${fault.number}`;
  const watch = await bench.watch?.(before);
  try {
    await lab.platform.mark(mark);
    await playOut({ lab, bench }, fault, before, story);
    await bench.settled();
    story.sayWhen('settled');
    const flow = await lab.platform.settledFlow(mark, 30_000);
    story.say(
      `orders ${awayFor(flow.state, flow.outageMs)}, commits ${awayFor(flow.commitState, flow.commitOutageMs)}`,
    );
    // What is short may be over before anybody has noticed it: it has to be settled for a while.
    await lab.platform.mark(`after ${mark}`);
    await lab.platform.flowing(`after ${mark}`, FLOWING_WITHIN_MS, ORDERS_AFTERWARDS);
    await nothingLeftBehind(lab);
    const settled = await bench.settled();
    const raised = settled.record!.epoch - before.record!.epoch;
    const tenures = probe.tenures(begun);
    story.say(`epoch ${before.record!.epoch} → ${settled.record!.epoch}, writers ${tenures.join(' → ')}`);
    if (watch !== undefined) story.say(await watch.judged(settled));
    story.say(await nothingLost({ lab, probe }, settled));
    assert.ok(
      tenures.length - 1 <= raised,
      `databases wrote in turn without a grant in between: ${tenures.join(', ')}`,
    );
    return settled;
  } finally {
    watch?.close();
  }
}

/** Resolves when the fault has ended and what nobody of the platform starts again was started. */
async function playOut(
  { lab, bench }: Omit<Judged, 'probe'>,
  drawnFault: DrawnFault,
  { record }: GroupView,
  story: FaultStory,
): Promise<void> {
  const { topology } = lab;
  const fault = drawnFault.aimedAt({ topology, record: record!, leader: await leaderOf(lab), servers: bench.servers });
  const atOnce = isOverAtOnce(fault);
  const report = await lab.break(fault, atOnce ? null : FAULT_ENDS_MS);
  story.sayWhen(`${faultWords(fault)} in force`);
  const endsAt = performance.now() + drawnFault.leases * leaseMs(lab);
  await lab.eventually('it has lasted', FAULT_ENDS_MS, () => Promise.resolve(performance.now() >= endsAt));
  if (!atOnce) {
    await lab.heal(report);
    return story.sayWhen('healed');
  }
  const key = startedAgain(fault);
  if (key === null) return;
  await lab.restart(key);
  story.sayWhen(`${key} started again`);
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

async function nothingLost({ lab, probe }: Omit<Judged, 'bench'>, { record }: GroupView): Promise<string> {
  const primary = servingInstance({ topology: lab.topology, record: record! }, lab.database);
  assert.deepEqual(await probe.lostAt(primary.id), []);
  assert.deepEqual(commandProblems(lab.evidence()), []);
  const { verdict, reasons, staleWritesAccepted: stale, ordersAcked, commitsAcked } = await lab.verified();
  assert.deepEqual({ verdict, reasons, stale }, { verdict: 'met', reasons: [], stale: 0 });
  return `${ordersAcked} orders, ${commitsAcked} commits and ${probe.acknowledged.length} inserts compared, none missing, no stale write`;
}

const wholeMs = (ms: number): string => `${Math.round(ms)} ms`;
const awayFor = (state: string, ms: number | null): string => (ms === null ? state : `away for ${wholeMs(ms)}`);

const leaseMs = ({ topology }: LabUnderTest): number => topology.timing.selfFenceAfterMs;

function wholeNumberOf(name: string, otherwise: number): number {
  const text = process.env[name];
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${name}=${text} is not a whole number from 1`);
  return Number(text);
}
