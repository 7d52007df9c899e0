import type { Json } from '../core/base/canonical-json.ts';
import { componentId } from '../core/base/ids.ts';
import type { Decision } from '../core/decision/decide.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { Intent } from '../core/decision/intent.ts';
import { proposeComponentRecovery } from '../core/decision/propose.ts';
import { type OperatorRequest, requestWords } from '../core/operator/operator-request.ts';
import { RECOVERY_OF } from '../core/plan/runbook.ts';
import { residueOf } from '../core/residue/residue.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { validate, validationJson } from '../core/validation/validate.ts';
import { receipt } from './decision-receipt.ts';
import type { Asked, DeskService } from './desk-service.ts';
import type { GroupControl } from './group-control.ts';

type Of<Kind extends OperatorRequest['kind']> = Extract<OperatorRequest, { kind: Kind }>;

/** Where people have one component recovered by its own plan, and where they ask whether all is well. */
export class RecoveryDesk {
  readonly #service: DeskService;

  constructor(service: DeskService) {
    this.#service = service;
  }

  validate(group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const result = { group: group.group.id, at: asked.wall, ...(validationJson(validate(facts)) as object) };
    this.#service.answer(asked, { kind: 'ok', result });
  }

  residue(group: GroupControl, asked: Asked): void {
    const report = residueOf(group.facts(asked.now, asked.wall));
    const result = { group: group.group.id, at: asked.wall, ...report } as unknown as Json;
    this.#service.answer(asked, { kind: 'ok', result });
  }

  plan(request: Of<'plan-recovery'>, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const intent = this.#intent(request, facts, asked);
    if (intent === null) return;
    const decision = group.decideOn(facts, intent);
    const result = { ...(receipt(decision) as object), plan: decision.plan as unknown as Json };
    this.#service.answer(asked, { kind: 'ok', result });
  }

  /** The decision to run, once it may be; refused and answered otherwise. */
  decide(
    request: Of<'recover'>,
    group: GroupControl,
    asked: Asked,
  ): { readonly facts: Facts; readonly decision: Decision } | null {
    const facts = group.facts(asked.now, asked.wall);
    const intent = this.#intent(request, facts, asked);
    if (intent === null) return null;
    const decision = group.decideOn(facts, intent);
    if (request.digest === null || request.digest === decision.plan.digest) return { facts, decision };
    this.#service.refuse(asked, {
      code: 'HF-4104',
      tried: requestWords(request),
      found: `the plan is now ${decision.plan.digest}, not ${request.digest}: the facts have changed`,
      next: `holdfast recover ${request.component} --dry-run`,
      result: receipt(decision),
    });
    return null;
  }

  #intent(request: Of<'plan-recovery'> | Of<'recover'>, facts: Facts, asked: Asked): Intent | null {
    const tried = requestWords(request);
    const refuse = (code: string, found: string, next: string) => {
      this.#service.refuse(asked, { code, tried, found, next });
      return null;
    };
    const component = indexOf(facts.topology).component.get(componentId(request.component));
    if (!component || !facts.group.components.includes(component.id))
      return refuse(
        'HF-4002',
        `${facts.group.id} has no component ${request.component}`,
        `components: ${facts.group.components.join(', ')}`,
      );
    const runbook = RECOVERY_OF[component.kind];
    const kinds = Object.keys(RECOVERY_OF).join(', ');
    if (runbook === undefined)
      return refuse('HF-4123', `no plan recovers a ${component.kind} in place`, `plans are there for: ${kinds}`);
    if (request.runbook !== null && request.runbook !== runbook)
      return refuse('HF-4123', `a ${component.kind} is recovered by ${runbook}`, `--plan ${runbook}, or leave it out`);
    const intent = proposeComponentRecovery(facts, component, asked.person.name);
    return intent ?? refuse('HF-4108', 'the group was never activated', 'holdfast status');
  }
}
