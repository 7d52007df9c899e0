import type { InstancePhrase } from '../../src/core/drill/cast.ts';
import { instanceMeant } from '../../src/core/drill/meant.ts';
import type { Scenario, ScenarioLine } from '../../src/core/drill/scenario.ts';
import { labCopyAuthority, labPatroniPromotes, labRestart, labRuns } from '../cli.ts';
import type { Platform } from '../demo/platform.ts';
import { isOverAtOnce } from '../fault.ts';
import { LabError, messageOf } from '../lab-error.ts';
import { type Aim, aimOf } from './aim.ts';
import type { GroundSwitches } from './ground-switches.ts';
import { LabJudge } from './lab-judge.ts';
import { askAs } from './lab-person.ts';
import { paced, waitLimitMs } from './pace.ts';
import { type StepBegun, StepWatch } from './step-watch.ts';
import type { Story } from './story.ts';

type FaultLine = Extract<ScenarioLine, { kind: 'fault' }>;
type ExpectLine = Extract<ScenarioLine, { kind: 'expect' }>;
type PersonLine = Extract<ScenarioLine, { kind: 'person' }>;

/** The host's own supervisor starts an agent or a controller again after this. */
const SUPERVISOR_MS = 500;
const ANSWERED_WITHIN_MS = 15_000;
const STARTED_WITHIN_MS = 60_000;

export interface PlayManner {
  readonly switches: GroundSwitches;
  /** Everything takes so many times as long as in the simulator. */
  readonly pace: number;
}

/** Plays the lines of one scenario on a lab that serves under load; everything is told to the story. */
export class LabPlayer {
  readonly judge: LabJudge;
  readonly #platform: Platform;
  readonly #switches: GroundSwitches;
  readonly #pace: number;
  readonly #story: Story;
  #waiting: FaultLine[] = [];
  readonly #later: ExpectLine[] = [];
  readonly #underWay = new Set<Promise<void>>();

  constructor(platform: Platform, { switches, pace }: PlayManner, story: Story) {
    this.#platform = platform;
    this.#switches = switches;
    this.#pace = pace;
    this.#story = story;
    this.judge = new LabJudge(platform, pace, story);
    this.judge.othersPending = () => this.#waiting.length + this.#underWay.size;
  }

  async play({ lines }: Scenario): Promise<void> {
    await this.judge.begin();
    const watch = lines.some((line) => line.kind === 'fault' && line.atStep !== null)
      ? await StepWatch.open(this.#platform, (begun) => this.#stepBegins(begun))
      : null;
    try {
      for (const line of lines) await this.#orNotJudged(line, this.#play(line));
      await Promise.all(this.#underWay);
      for (const line of this.#later) await this.#orNotJudged(line, this.#expect(line));
    } finally {
      watch?.close();
    }
    for (const line of this.#waiting) this.#story.judge(line, 'failed', `no run came to ${line.atStep}`);
  }

  async #play(line: ScenarioLine): Promise<void> {
    if (line.kind !== 'expect') this.judge.lastCount = null;
    switch (line.kind) {
      case 'fault':
        if (line.atStep === null) return this.#fault(line, null);
        this.#waiting.push(line);
        return;
      case 'person':
        return this.#person(line);
      case 'wait':
        await this.judge.pass(paced(line.ms, this.#pace));
        return;
      case 'wait-until': {
        const limitMs = waitLimitMs(line.withinMs, this.#pace);
        const begun = performance.now();
        const { verdict, found } = await this.judge.judge(line.condition, limitMs);
        const tookMs = performance.now() - begun;
        this.#story.judge(line, verdict, `${found} (after ${seconds(tookMs)}, in this lab within ${seconds(limitMs)})`);
        return;
      }
      case 'expect':
        return this.#expect(line);
    }
  }

  async #expect(line: ExpectLine): Promise<void> {
    const { verdict, found } = await this.judge.judge(line.condition, this.judge.knownWithinMs);
    // Who was frozen writes down only when thawed what happened meanwhile.
    if (verdict === 'inconclusive' && line.condition.kind === 'stopped-first' && !this.#later.includes(line)) {
      this.#later.push(line);
      this.#story.tell(`${line.text}: looked at again at the end; ${found}`);
    } else this.#story.judge(line, verdict, found);
  }

  async #fault(line: FaultLine, begun: StepBegun | null): Promise<void> {
    if (line.fault.kind === 'copy-authority') {
      const { bytes } = await labCopyAuthority(this.#platform.lab);
      this.#story.judge(line, 'done', `${bytes} bytes`);
      return;
    }
    if (line.fault.kind === 'rogue-promotion') return this.#promoteBehind(line, line.fault.instance);
    // At a step there is no time to ask: who holds what was seen at the last look.
    const group = begun === null ? await this.judge.look() : this.judge.seen;
    const { topology, leaderSeen } = this.#platform;
    const leader = begun?.leader ?? leaderSeen;
    const aim = group && aimOf(line.fault, { topology, record: group.record, leader, switches: this.#switches });
    if (!aim) {
      this.#story.judge(line, 'failed', group ? 'there is nothing like that now' : 'no controller told its status');
      return;
    }
    try {
      const forMs = aim.faults.every(isOverAtOnce) ? null : paced(line.forMs!, this.#pace);
      const everyMs = aim.everyMs === null ? null : paced(aim.everyMs, this.#pace);
      const effectiveAt = await this.#break(aim, everyMs ?? forMs);
      if (everyMs !== null && forMs !== null) this.#track(line, this.#again(aim, everyMs, forMs - 2 * everyMs));
      const late = begun === null ? '' : `, ${Math.round(effectiveAt - begun.at)} ms after the journal said so`;
      this.#story.judge(line, 'done', `${aim.what}${forMs === null ? '' : `, for ${seconds(forMs)}`}${late}`);
      if (aim.restarts !== null) this.#track(line, this.#restart(aim, aim.restarts));
    } catch (error) {
      this.#story.judge(line, 'failed', messageOf(error));
      return;
    }
    await this.judge.hurt();
  }

  async #promoteBehind(line: FaultLine, phrase: InstancePhrase): Promise<void> {
    const group = await this.judge.look();
    const { topology, lab } = this.#platform;
    const meant = group && instanceMeant(phrase, { topology, record: group.record });
    if (!meant) {
      this.#story.judge(line, 'failed', group ? 'there is nothing like that now' : 'no controller told its status');
      return;
    }
    await labPatroniPromotes(lab, meant.id);
    this.#story.judge(line, 'done', `Patroni is asked for ${meant.id}`);
    await this.judge.hurt();
  }

  /** Each time it ends by itself; the last one with the whole. */
  async #again(aim: Aim, everyMs: number, leftMs: number): Promise<void> {
    const begun = performance.now();
    for (let turn = 1; ; turn += 1) {
      const dueAt = begun + 2 * everyMs * turn;
      const endsAt = begun + 2 * everyMs + leftMs;
      if (dueAt >= endsAt) break;
      await new Promise((resolve) => setTimeout(resolve, dueAt - performance.now()));
      await this.#break(aim, Math.min(everyMs, endsAt - dueAt));
    }
  }

  /** @returns when the last of them was in force */
  async #break({ faults }: Aim, forMs: number | null): Promise<number> {
    const reports = await Promise.all(faults.map((fault) => this.#platform.break(fault, forMs)));
    return Math.max(...reports.map(({ effectiveAt }) => effectiveAt));
  }

  async #restart({ what, faults }: Aim, key: string): Promise<void> {
    const { lab } = this.#platform;
    const deadline = performance.now() + STARTED_WITHIN_MS;
    const again = async () => {
      await new Promise((resolve) => setTimeout(resolve, SUPERVISOR_MS));
      await labRestart(lab, key);
    };
    await again();
    // A server that its agent bars from starting ends at once, and its supervisor starts it until it stays.
    const isServer = faults.some((fault) => fault.kind === 'kill' && fault.target.kind === 'process');
    while (isServer && !(await this.#stays(key))) {
      if (performance.now() > deadline)
        throw new LabError({
          code: 'HF-7021',
          attempted: `wait until ${what} stays`,
          found: `started again for ${STARTED_WITHIN_MS / 1000} s, it ends each time`,
          next: 'look at the logs of the lab',
        });
      await again();
    }
    this.#story.tell(`${what} is started again`);
  }

  async #stays(key: string): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, SUPERVISOR_MS));
    return labRuns(this.#platform.lab, key);
  }

  #stepBegins(begun: StepBegun): void {
    const now = this.#waiting.filter((line) => line.atStep === begun.step);
    this.#waiting = this.#waiting.filter((line) => line.atStep !== begun.step);
    for (const line of now) this.#track(line, this.#fault(line, begun));
  }

  /** What came in between is no verdict on the line; the next ones are played. */
  #orNotJudged(line: ScenarioLine, work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => this.#story.judge(line, 'inconclusive', messageOf(error)));
  }

  #track(line: ScenarioLine, work: Promise<void>): void {
    const tracked = this.#orNotJudged(line, work).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  async #person(line: PersonLine): Promise<void> {
    const group = await this.judge.look();
    if (group === null) {
      this.#story.judge(line, 'inconclusive', 'no controller told its status');
      return;
    }
    const view = {
      topology: this.#platform.topology,
      record: group.record,
      group: group.group,
      waitingDigest: group.decision?.digest ?? null,
    };
    const { person, answer, found } = await askAs(this.#platform, line.request, view, ANSWERED_WITHIN_MS);
    this.judge.disturbed();
    this.judge.refusal = answer?.kind === 'refused' ? answer.code : null;
    const verdict = answer === null ? 'inconclusive' : answer.kind === 'not-leading' ? 'failed' : 'done';
    this.#story.judge(line, verdict, `${person}: ${found}`);
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
