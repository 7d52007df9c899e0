import { exposureIn, exposureText } from '../core/authority/resume.ts';
import type { PersonRequest } from '../core/drill/scenario.ts';
import type { OperatorAnswer, OperatorRequest, Person } from '../core/operator/operator-request.ts';
import { GROUP } from './build-topology.ts';
import type { ScenarioJudge } from './scenario-judge.ts';
import type { ScenarioStage } from './scenario-stage.ts';
import type { World } from './world.ts';

const ada: Person = { name: 'ada', role: 'admin' };
const LOSS = 'orders: whatever is missing';

/** The one person of a scenario. */
export class ScenarioPerson {
  readonly #world: World;
  readonly #stage: ScenarioStage;
  readonly #judge: ScenarioJudge;
  readonly #tell: (line: string) => void;

  constructor(world: World, stage: ScenarioStage, judge: ScenarioJudge, tell: (line: string) => void) {
    this.#world = world;
    this.#stage = stage;
    this.#judge = judge;
    this.#tell = tell;
  }

  /** False: nobody leads who could be asked. */
  ask(request: PersonRequest): boolean {
    this.#judge.refusal = null;
    switch (request.kind) {
      case 'freeze':
        return this.#say({ kind: 'freeze', group: GROUP, lift: false, reason: 'somebody looks first', minutes: null });
      case 'unfreeze':
        return this.#say({ kind: 'freeze', group: GROUP, lift: true, reason: 'over', minutes: null });
      case 'acknowledge':
        return this.#say({ kind: 'acknowledge', group: GROUP });
      case 'resume':
        return this.#say({
          kind: 'resume',
          group: GROUP,
          acceptExposure: this.#world.record === null ? '' : exposureText(exposureIn(this.#world.record)),
          reason: 'trading must go on',
        });
      case 'approve':
        return this.#approve(this.#judge.decision?.plan.digest ?? '', null);
      case 'approve-loss':
        return this.#approveLoss();
      case 'move':
        return this.#say({
          kind: 'move',
          group: GROUP,
          move: request.move,
          toSite: this.#stage.site(request.site),
          digest: null,
          overrides: [],
          reason: 'planned',
          acceptDataLoss: null,
        });
      case 'recover': {
        const { component } = request;
        return this.#say({
          kind: 'recover',
          group: GROUP,
          component,
          runbook: null,
          digest: null,
          reason: 'odd figures',
        });
      }
    }
  }

  #say(request: OperatorRequest): boolean {
    return this.#world.ask(request, ada, (answer) => this.#answered(answer));
  }

  #approve(digest: string, acceptDataLoss: string | null): boolean {
    return this.#say({ kind: 'approve', group: GROUP, digest, minutes: 5, acceptDataLoss });
  }

  /** Which plan it would be is in the refusal of an approval that names none. */
  #approveLoss(): boolean {
    return this.#world.ask(
      { kind: 'approve', group: GROUP, digest: '?', minutes: 5, acceptDataLoss: LOSS },
      ada,
      (answer) => {
        const digest = answer.kind === 'refused' ? /the plan is now (\w+)/.exec(answer.found)?.[1] : undefined;
        if (digest) this.#approve(digest, LOSS);
        else this.#answered(answer);
      },
    );
  }

  #answered(answer: OperatorAnswer): void {
    this.#judge.refusal = answer.kind === 'refused' ? answer.code : null;
    this.#tell(
      answer.kind === 'refused' ? `ada is refused: ${answer.code}, ${answer.found}` : `ada is answered: ${answer.kind}`,
    );
  }
}
