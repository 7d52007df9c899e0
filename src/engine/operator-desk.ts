import type { Json } from '../core/base/canonical-json.ts';
import { groupId, planDigest, siteId, type WallMs } from '../core/base/ids.ts';
import { type Approval, type Brakes, NOTICE_KEPT_MS, type Notice } from '../core/decision/brakes.ts';
import type { Decision } from '../core/decision/decide.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { Intent } from '../core/decision/intent.ts';
import { holdsUp } from '../core/decision/prerequisites.ts';
import { proposeActivation, proposeFailover, proposeRecovery, proposeSwitchover } from '../core/decision/propose.ts';
import {
  mayAsk,
  type OperatorAnswer,
  type OperatorRequest,
  type Person,
  requestWords,
  riskIn,
  roleNeeded,
} from '../core/operator/operator-request.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { AdoptionDesk } from './adoption-desk.ts';
import { keys } from './authority-keys.ts';
import type { ControllerCore } from './controller-core.ts';
import { receipt } from './decision-receipt.ts';
import { type Asked, DeskService } from './desk-service.ts';
import { FenceDesk } from './fence-desk.ts';
import type { GroupControl } from './group-control.ts';
import { HaltDesk } from './halt-desk.ts';
import type { LeaderRecord } from './leadership.ts';
import type { CommandOutcome } from './messages.ts';
import { NetworkDesk } from './network-desk.ts';
import { projectNetwork } from './project-network.ts';
import { projectReplication } from './project-replication.ts';
import { projectRpo } from './project-rpo.ts';
import { projectStatus } from './project-status.ts';
import { QuestionDesk } from './question-desk.ts';
import { RecoveryDesk } from './recovery-desk.ts';
import { refusalCode } from './refusal-code.ts';
import { ServiceDesk } from './service-desk.ts';

type Of<Kind extends OperatorRequest['kind']> = Extract<OperatorRequest, { kind: Kind }>;

const READS: readonly OperatorRequest['kind'][] = [
  'plan',
  'plan-recovery',
  'validate',
  'residue',
  'fates',
  'tail',
  'service',
];

/** How often a move is decided anew because a holder renewed in between. */
const CONFLICTS_BORNE = 8;

/** Where people's requests are answered. Every one that may change something is evidence, also when it is refused. */
export class OperatorDesk {
  readonly #controller: ControllerCore;
  readonly #service: DeskService;
  readonly #fencing: FenceDesk;
  readonly #adoption: AdoptionDesk;
  readonly #halts: HaltDesk;
  readonly #recovery: RecoveryDesk;
  readonly #questions: QuestionDesk;
  readonly #network: NetworkDesk;
  readonly #services: ServiceDesk;

  constructor(controller: ControllerCore) {
    this.#controller = controller;
    this.#service = new DeskService(controller);
    this.#services = new ServiceDesk(this.#service);
    this.#fencing = new FenceDesk(this.#service, this.#services);
    this.#adoption = new AdoptionDesk(this.#service);
    this.#halts = new HaltDesk(this.#service);
    this.#recovery = new RecoveryDesk(this.#service);
    this.#questions = new QuestionDesk(this.#service);
    this.#network = new NetworkDesk(this.#service);
  }

  /** False: it answers nothing that a person asked for. */
  told(outcome: CommandOutcome): boolean {
    return this.#questions.told(outcome) || this.#services.told(outcome);
  }

  receive(request: OperatorRequest, person: Person, ticket: number, now: number, wall: WallMs): void {
    const asked: Asked = { person, ticket, now, wall };
    if (request.kind === 'status' || request.kind === 'runs')
      return this.#answer(asked, { kind: 'ok', result: projectStatus(this.#controller, now, wall) });
    if (request.kind === 'rpo')
      return this.#answer(asked, { kind: 'ok', result: projectRpo(this.#controller, now, wall) });
    if (request.kind === 'replication')
      return this.#answer(asked, { kind: 'ok', result: projectReplication(this.#controller, now, wall) });
    if (request.kind === 'network')
      return this.#answer(asked, { kind: 'ok', result: projectNetwork(this.#controller, now, wall) });
    if (!mayAsk(person, request))
      return this.#refuse(
        asked,
        'HF-4001',
        request.kind,
        `${person.name} has the role ${person.role}; ${riskIn(request)} needs ${roleNeeded(request)}`,
        `ask somebody with the role ${roleNeeded(request)} or above`,
      );
    if (!this.#controller.leading)
      return this.#answer(asked, {
        kind: 'not-leading',
        leader: this.#controller.mirror.value<LeaderRecord>(keys.leader)?.controller ?? null,
      });
    if (request.kind === 'network-test') return this.#network.test(request, asked);
    const group = this.#controller.groups.get(groupId(request.group));
    if (!group)
      return this.#refuse(
        asked,
        'HF-4002',
        requestWords(request),
        `there is no group ${request.group}`,
        `groups: ${[...this.#controller.groups.keys()].join(', ')}`,
      );
    if (!READS.includes(request.kind)) this.#record(group, asked, request);
    switch (request.kind) {
      case 'plan':
        return this.#plan(request, group, asked);
      case 'plan-recovery':
        return this.#recovery.plan(request, group, asked);
      case 'recover':
        return this.#recover(request, group, asked);
      case 'validate':
        return this.#recovery.validate(group, asked);
      case 'residue':
        return this.#recovery.residue(group, asked);
      case 'fates':
      case 'tail':
      case 'service':
        return this.#questions.receive(request, group, asked);
      case 'activate':
        return this.#activate(request, group, asked);
      case 'move':
        return this.#move(request, group, asked);
      case 'approve':
        return this.#approve(request, group, asked);
      case 'freeze':
        return this.#freeze(request, group, asked);
      case 'maintenance':
        return this.#maintenance(request, group, asked);
      case 'announce':
        return this.#announce(request, group, asked);
      case 'acknowledge':
        return this.#acknowledge(group, asked);
      case 'order-service':
        return this.#services.receive(request, group, asked);
      case 'fence':
        return this.#fencing.receive(request, group, asked);
      case 'adopt':
        return this.#adoption.receive(request, group, asked);
      case 'resume':
        return this.#halts.receive(request, group, asked);
    }
  }

  #intent(
    facts: Facts,
    request: {
      readonly move: 'failover' | 'switchover';
      readonly toSite: string | null;
      readonly ticket?: string | null;
    },
    { name: by, role }: Person,
    acceptLoss: boolean,
  ): Intent | null {
    if (request.move === 'failover')
      return proposeFailover(facts, request.toSite === null ? null : siteId(request.toSite), by, acceptLoss);
    const to = request.toSite === null ? otherServingSite(facts) : siteId(request.toSite);
    return to === null ? null : proposeSwitchover(facts, to, by, { role, ticket: request.ticket ?? null });
  }

  #plan(request: Of<'plan'>, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    if (!this.#knowsSite(request.toSite, facts))
      return this.#noSite(request.toSite, facts, asked, requestWords(request));
    const intent = this.#intent(facts, request, asked.person, request.acceptDataLoss !== null);
    if (intent === null) return this.#nothing(asked, `plan ${request.move}`, facts);
    const decision = group.decideOn(
      this.#accepting(facts, request.acceptDataLoss, group, intent, asked),
      intent,
      request.overrides,
    );
    this.#answer(asked, {
      kind: 'ok',
      result: { ...(receipt(decision) as object), plan: decision.plan as unknown as Json },
    });
  }

  /** The facts as they are once this person has accepted this loss of exactly this plan; nothing is written. */
  #accepting(facts: Facts, loss: string | null, group: GroupControl, intent: Intent, asked: Asked): Facts {
    if (loss === null) return facts;
    const approval = acceptance(asked, loss, group.decideOn(facts, intent).plan.digest);
    return { ...facts, brakes: { ...facts.brakes, approvals: [...facts.brakes.approvals, approval] } };
  }

  #activate(request: Of<'activate'>, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const tried = `activate ${request.group} at ${request.site}`;
    if (!this.#knowsSite(request.site, facts)) return this.#noSite(request.site, facts, asked, requestWords(request));
    const intent = proposeActivation(facts, siteId(request.site), asked.person.name);
    if (intent === null)
      return this.#refuse(
        asked,
        'HF-4003',
        tried,
        `${request.group} was activated before; its epoch is ${facts.record?.epoch}`,
        'use switchover or failover',
      );
    this.#run(group, facts, group.decideOn(facts, intent), asked, tried, null);
  }

  #move(request: Of<'move'>, group: GroupControl, asked: Asked, triesLeft = CONFLICTS_BORNE): void {
    const facts = group.facts(asked.now, asked.wall);
    const tried = `${request.move} ${request.group} → ${request.toSite ?? 'preferred site'}`;
    if (request.overrides.length > 0 && request.reason.trim() === '')
      return this.#refuse(
        asked,
        'HF-4109',
        tried,
        `${request.overrides.join(', ')} would be overridden, and no reason was given`,
        'say why: --reason TEXT stands beside your name in the evidence',
      );
    if (!this.#knowsSite(request.toSite, facts)) return this.#noSite(request.toSite, facts, asked, tried);
    const intent = this.#intent(facts, request, asked.person, request.acceptDataLoss !== null);
    if (intent === null) return this.#nothing(asked, tried, facts);
    const accepted = this.#accepting(facts, request.acceptDataLoss, group, intent, asked);
    const decision = group.decideOn(accepted, intent, request.overrides);
    if (request.digest !== null && request.digest !== decision.plan.digest)
      return this.#refuse(
        asked,
        'HF-4104',
        tried,
        `the plan is now ${decision.plan.digest}, not ${request.digest}: the facts have changed`,
        'look at the new plan: holdfast plan',
        receipt(decision),
      );
    this.#run(
      group,
      facts,
      decision,
      asked,
      tried,
      triesLeft > 0 ? () => this.#move(request, group, asked, triesLeft - 1) : null,
    );
  }

  #recover(request: Of<'recover'>, group: GroupControl, asked: Asked, triesLeft = CONFLICTS_BORNE): void {
    const found = this.#recovery.decide(request, group, asked);
    if (found === null) return;
    const again = triesLeft > 0 ? () => this.#recover(request, group, asked, triesLeft - 1) : null;
    this.#run(group, found.facts, found.decision, asked, requestWords(request), again);
  }

  /** `again` looks and decides anew: a living holder renews its lease all the time, and a revocation names its last renewal. */
  #run(
    group: GroupControl,
    facts: Facts,
    decision: Decision,
    asked: Asked,
    tried: string,
    again: (() => void) | null,
  ): void {
    if (decision.verdict !== 'proceed') {
      const { record } = facts;
      this.#controller.emit({
        kind: 'evidence',
        entry: {
          kind: 'decision',
          group: group.group.id,
          run: record?.run ?? null,
          epoch: record?.epoch ?? null,
          term: facts.leadership.term,
          data: receipt(decision),
        },
      });
      const rule = decision.rules.find((each) => each.outcome !== 'pass' && !decision.overridden.includes(each.rule));
      const unmet = decision.prerequisites.find(
        (each) => holdsUp(each) && !decision.overridden.includes(each.prerequisite),
      );
      const first = rule ?? unmet;
      const name = rule?.rule ?? unmet?.prerequisite;
      return this.#refuse(
        asked,
        rule === undefined && unmet !== undefined ? 'HF-4122' : refusalCode(rule?.rule),
        tried,
        first ? `${name} ${first.outcome}: ${first.reason}` : decision.reason,
        first?.next ?? 'holdfast status',
        receipt(decision),
      );
    }
    if (group.busy)
      return this.#refuse(
        asked,
        'HF-4105',
        tried,
        'a change of this group is being written',
        'try again',
        receipt(decision),
      );
    group.open(facts, decision, asked.wall, (result, run) => {
      if (result === 'committed')
        return this.#answer(asked, {
          kind: 'ok',
          result: { run, digest: decision.plan.digest, decision: receipt(decision) },
        });
      if (result === 'conflict' && again !== null) return again();
      return this.#refuse(
        asked,
        'HF-4105',
        tried,
        'the authority did not take it: somebody else changed the group, or it did not answer',
        'look at status, then try again',
        receipt(decision),
      );
    });
  }

  #approve(request: Of<'approve'>, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const tried = `approve ${request.digest}`;
    const decision = this.#awaiting(request, facts, group, asked);
    if (decision === null || decision.plan.digest !== request.digest)
      return this.#refuse(
        asked,
        'HF-4104',
        tried,
        decision === null ? 'no plan waits for an approval' : `the plan is now ${decision.plan.digest}`,
        'holdfast status shows the plan that waits',
      );
    if (decision.plan.predicted.lossBound.kind !== 'none' && request.acceptDataLoss === null)
      return this.#refuse(
        asked,
        'HF-4106',
        tried,
        'this plan may lose acknowledged writes',
        'name the loss: --accept-data-loss=…',
        receipt(decision),
      );
    const approval: Approval = {
      digest: planDigest(request.digest),
      by: asked.person.name,
      role: asked.person.role,
      at: asked.wall,
      until: (asked.wall + request.minutes * 60_000) as WallMs,
      acceptsLoss: request.acceptDataLoss,
    };
    this.#brakes(group, asked, (brakes) => ({ ...brakes, approvals: [...brakes.approvals, approval] }));
  }

  /** The decision of that digest: what automation would do, or a planned move that somebody prepares. */
  #awaiting(request: Of<'approve'>, facts: Facts, group: GroupControl, asked: Asked): Decision | null {
    const intent = proposeRecovery(facts, request.acceptDataLoss !== null);
    const recovery = intent === null ? null : group.decideOn(facts, intent);
    if (recovery?.plan.digest === request.digest) return recovery;
    for (const { id } of facts.topology.sites) {
      const planned = proposeSwitchover(facts, id, asked.person.name);
      const decision = planned === null ? null : group.decideOn(facts, planned);
      if (decision?.plan.digest === request.digest) return decision;
    }
    return recovery;
  }

  /** Finished runs hold nothing up any more, and tails that are kept aside now are no news any more. */
  #acknowledge(group: GroupControl, asked: Asked): void {
    const seen = [...group.facts(asked.now, asked.wall).instances].flatMap(([instance, { observation }]) =>
      observation?.divergence ? [{ instance, ...observation.divergence }] : [],
    );
    this.#brakes(group, asked, ({ tails, ...brakes }) => {
      const kept = [
        ...(tails ?? []).filter((tail) => !seen.some(({ instance }) => instance === tail.instance)),
        ...seen,
      ];
      return {
        ...brakes,
        history: brakes.history.map((finished) => ({ ...finished, acknowledged: true })),
        ...(kept.length > 0 ? { tails: kept } : {}),
      };
    });
  }

  #freeze(request: Of<'freeze'>, group: GroupControl, asked: Asked): void {
    this.#brakes(group, asked, (brakes) => ({
      ...brakes,
      freeze: request.lift ? null : brake(asked, request.reason, request.minutes),
    }));
  }

  #maintenance(request: Of<'maintenance'>, group: GroupControl, asked: Asked): void {
    this.#brakes(group, asked, (brakes) => ({
      ...brakes,
      maintenance: request.end ? null : brake(asked, request.reason, request.minutes),
    }));
  }

  #announce({ ticket, reason }: Of<'announce'>, group: GroupControl, asked: Asked): void {
    const notice: Notice = { ticket, reason, by: asked.person.name, at: asked.wall };
    this.#brakes(group, asked, ({ notices, ...brakes }) => ({
      ...brakes,
      notices: [...(notices ?? []).filter(({ at }) => asked.wall - at < NOTICE_KEPT_MS), notice],
    }));
  }

  #record(group: GroupControl, { person }: Asked, request: OperatorRequest): void {
    this.#service.evidence(group, 'operator-command', {
      person: person.name,
      role: person.role,
      request: request as unknown as Json,
    });
  }

  #knowsSite(site: string | null, facts: Facts): boolean {
    return site === null || indexOf(facts.topology).site.has(siteId(site));
  }

  #noSite(site: string | null, facts: Facts, asked: Asked, tried: string): void {
    this.#refuse(
      asked,
      'HF-4002',
      tried,
      `there is no site ${site}`,
      `sites: ${facts.topology.sites.map((each) => each.id).join(', ')}`,
    );
  }

  #nothing(asked: Asked, tried: string, facts: Facts): void {
    this.#refuse(
      asked,
      'HF-4108',
      tried,
      facts.record === null
        ? 'the group was never activated'
        : `nothing to move: ${facts.record.activeSite} is active, and no other site was named or can serve`,
      'holdfast status',
    );
  }

  #refuse(asked: Asked, code: string, tried: string, found: string, next: string, result: Json = null): void {
    this.#service.refuse(asked, { code, tried, found, next, result });
  }

  #answer(asked: Asked, answer: OperatorAnswer): void {
    this.#service.answer(asked, answer);
  }

  #brakes(group: GroupControl, asked: Asked, change: (brakes: Brakes) => Brakes): void {
    this.#service.brakes(group, asked, change);
  }
}

const brake = ({ person, wall }: Asked, reason: string, minutes: number | null) => ({
  by: person.name,
  reason,
  at: wall,
  until: minutes === null ? null : ((wall + minutes * 60_000) as WallMs),
});

const acceptance = ({ person, wall }: Asked, loss: string, digest: Approval['digest']): Approval => ({
  digest,
  by: person.name,
  role: person.role,
  at: wall,
  until: (wall + 60_000) as WallMs,
  acceptsLoss: loss,
});

function otherServingSite(facts: Facts) {
  return (
    facts.topology.sites
      .filter(
        (site) =>
          site.id !== facts.record?.activeSite &&
          (site.capabilities.includes('serve') || site.capabilities.includes('standby')),
      )
      .toSorted((a, b) => a.preference - b.preference)[0]?.id ?? null
  );
}
