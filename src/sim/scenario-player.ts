import type { Scenario, ScenarioLine } from '../core/drill/scenario.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import { ScenarioJudge } from './scenario-judge.ts';
import { ScenarioPerson } from './scenario-person.ts';
import { shapeOf } from './scenario-shape.ts';
import { type Hurt, ScenarioStage } from './scenario-stage.ts';
import { stepKind } from './step-kind.ts';
import { World } from './world.ts';

export interface ScenarioFailure {
  /** Of the scenario; null = before its first line, or after its last one. */
  readonly line: number | null;
  readonly found: string;
}

export interface Played {
  readonly story: readonly string[];
  /** Expectations that did not hold, waits that ran out, invariants that were violated. */
  readonly failures: readonly ScenarioFailure[];
  readonly simulatedMs: number;
}

export interface PlayOptions {
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly trace?: (line: string) => void;
}

type FaultLine = Extract<ScenarioLine, { kind: 'fault' }>;

const SETTLED_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 20;
/** After a person spoke, before the next line. */
const ANSWERED_WITHIN_MS = 200;

/** Plays one scenario on a simulated firm. The same text always tells the same story. */
export function playScenario(scenario: Scenario, { runbooks, trace }: PlayOptions): Played {
  const player = new Player(scenario, runbooks, trace);
  player.play(scenario.lines);
  return { story: player.story, failures: player.failures, simulatedMs: player.world.queue.now };
}

class Player {
  readonly world: World;
  readonly story: string[] = [];
  readonly failures: ScenarioFailure[] = [];
  readonly #judge: ScenarioJudge;
  readonly #stage: ScenarioStage;
  readonly #person: ScenarioPerson;
  #began: number | null = null;
  #told = '';
  #inForce = 0;
  #waiting: FaultLine[] = [];

  constructor(scenario: Scenario, runbooks: PlayOptions['runbooks'], trace?: (line: string) => void) {
    this.world = new World({
      seed: 1,
      runbooks,
      shape: shapeOf(scenario),
      story: (line) => this.#tell(line),
      ...(trace ? { trace } : {}),
    });
    for (const { agent } of this.world.hosts) agent.answersLost = 0;
    this.world.onStep = (step, leader) => this.#stepBegins(stepKind(leader, step));
    this.#judge = new ScenarioJudge(this.world);
    this.#stage = new ScenarioStage(this.world);
    this.#person = new ScenarioPerson(this.world, this.#judge, (line) => this.#tell(line));
  }

  play(lines: readonly ScenarioLine[]): void {
    let at: ScenarioLine | null = null;
    try {
      this.#settle();
      for (const line of lines) {
        at = line;
        this.#play(line);
        this.#violations(line);
      }
    } catch (error) {
      this.world.checkers.crashed(error);
      this.#violations(at);
    }
    for (const line of this.#waiting) this.#failed(line, `no run came to ${line.atStep}`);
  }

  #violations(line: ScenarioLine | null): void {
    for (const { invariant, detail } of this.world.checkers.violations.splice(0))
      this.#failed(line, `${invariant} violated: ${detail}`);
  }

  #tell(line: string): void {
    if (this.#began === null || line === this.#told) return;
    this.#told = line;
    this.story.push(this.#timed(line, this.#began));
  }

  #timed(line: string, began: number): string {
    return `${`+${((this.world.queue.now - began) / 1000).toFixed(1)}`.padStart(6)}  ${line}`;
  }

  #failed(line: ScenarioLine | null, found: string): void {
    this.#tell(`✕ ${line === null ? '' : `${line.text}: `}${found}`);
    this.failures.push({ line: line?.number ?? null, found });
  }

  #settle(): void {
    const { world } = this;
    world.start();
    world.load(true);
    const steady = () => world.unserved() === null && world.incomplete() === null;
    if (!this.#until(steady, SETTLED_WITHIN_MS))
      this.#failed(null, `the firm did not become steady: ${world.unserved() ?? world.incomplete()}`);
    this.#pass(1000);
    this.#violations(null);
    this.#judge.steady();
    this.#began = world.queue.now;
  }

  #pass(ms: number): void {
    const { queue } = this.world;
    queue.runUntil(queue.now + ms, () => false);
  }

  #until(holds: () => boolean, withinMs: number): boolean {
    const { queue } = this.world;
    const deadline = queue.now + withinMs;
    while (!holds()) {
      if (queue.now >= deadline) return false;
      this.#pass(Math.min(deadline - queue.now, LOOK_EVERY_MS));
    }
    return true;
  }

  #play(line: ScenarioLine): void {
    const holds = () =>
      (line.kind === 'expect' || line.kind === 'wait-until') && this.#judge.holds(line.condition, this.#faultsOver);
    switch (line.kind) {
      case 'fault':
        if (line.atStep === null) return this.#fault(line);
        this.#waiting.push(line);
        return;
      case 'person':
        this.#tell(line.text);
        if (this.#person.ask(line.request)) this.#pass(ANSWERED_WITHIN_MS);
        else this.#failed(line, 'nobody leads');
        return;
      case 'wait':
        return this.#pass(line.ms);
      case 'wait-until':
        if (this.#until(holds, line.withinMs)) this.#tell(`${line.text.replace(/, within .*/, '')}: now`);
        else this.#failed(line, 'did not come');
        return;
      case 'expect':
        if (holds()) this.#tell(`${line.text}: holds`);
        else this.#failed(line, 'does not hold');
    }
  }

  get #faultsOver(): boolean {
    return this.#inForce === 0 && this.#waiting.length === 0;
  }

  #stepBegins(step: string): void {
    const now = this.#waiting.filter((line) => line.atStep === step);
    this.#waiting = this.#waiting.filter((line) => line.atStep !== step);
    for (const line of now) this.#fault(line);
  }

  #fault(line: FaultLine): void {
    this.#judge.hurt();
    const at = this.story.length;
    const hurt = this.#stage.hurt(line.fault);
    if (hurt === null) return this.#failed(line, 'there is nothing like that now');
    // Whom it hurt is known only now; it is told before what came of it.
    this.story.splice(at, 0, this.#timed(`${line.text} (${hurt.what})`, this.#began ?? 0));
    this.#endLater(hurt, line.forMs ?? hurt.endsAfterMs ?? 0);
  }

  #endLater({ what, heal }: Hurt, afterMs: number): void {
    if (afterMs === 0) return heal();
    this.#inForce += 1;
    this.world.queue.after(afterMs, () => {
      this.#inForce -= 1;
      this.#tell(`over: ${what}`);
      heal();
    });
  }
}
