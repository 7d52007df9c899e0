import { namedApproval, wordsOf } from '../core/drill/person-words.ts';
import type { PersonRequest } from '../core/drill/scenario.ts';
import type { OperatorAnswer, OperatorRequest, Person } from '../core/operator/operator-request.ts';
import { GROUP } from './build-topology.ts';
import type { ScenarioJudge } from './scenario-judge.ts';
import type { World } from './world.ts';

const ada: Person = { name: 'ada', role: 'admin' };

/** The one person of a scenario. */
export class ScenarioPerson {
  readonly #world: World;
  readonly #judge: ScenarioJudge;
  readonly #tell: (line: string) => void;

  constructor(world: World, judge: ScenarioJudge, tell: (line: string) => void) {
    this.#world = world;
    this.#judge = judge;
    this.#tell = tell;
  }

  /** False: nobody leads who could be asked. */
  ask(request: PersonRequest): boolean {
    this.#judge.refusal = null;
    const { topology, record } = this.#world;
    const waitingDigest = this.#judge.decision?.plan.digest ?? null;
    return this.#say(wordsOf(request, { topology, record, group: GROUP, waitingDigest }));
  }

  #say(request: OperatorRequest): boolean {
    return this.#world.ask(request, ada, (answer) => {
      const named = namedApproval(request, answer);
      if (named === null) this.#answered(answer);
      else this.#say(named);
    });
  }

  #answered(answer: OperatorAnswer): void {
    this.#judge.refusal = answer.kind === 'refused' ? answer.code : null;
    this.#tell(
      answer.kind === 'refused' ? `ada is refused: ${answer.code}, ${answer.found}` : `ada is answered: ${answer.kind}`,
    );
  }
}
