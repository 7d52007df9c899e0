import { exposureIn, exposureText, namesExposure, resumed } from '../core/authority/resume.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { OperatorRequest } from '../core/operator/operator-request.ts';
import { isOpen } from '../core/run/run.ts';
import { keys } from './authority-keys.ts';
import type { Asked, DeskService } from './desk-service.ts';
import type { GroupControl } from './group-control.ts';

type ResumeRequest = Extract<OperatorRequest, { kind: 'resume' }>;

/** Where a person ends a halt without waiting for the lost peer, and names what the firm is exposed to from then on. */
export class HaltDesk {
  readonly #service: DeskService;

  constructor(service: DeskService) {
    this.#service = service;
  }

  receive(request: ResumeRequest, group: GroupControl, asked: Asked): void {
    const tried = `resume ${request.group} without a copy elsewhere`;
    const refuse = (code: string, found: string, next: string) =>
      this.#service.refuse(asked, { code, tried, found, next });
    const facts = group.facts(asked.now, asked.wall);
    const { record } = facts;
    const exposure = record === null ? [] : exposureIn(record);
    if (record === null || exposure.length === 0)
      return refuse('HF-4120', `nothing of ${request.group} is halted`, 'holdfast status');
    if (!namesExposure(request.acceptExposure, exposure))
      return refuse(
        'HF-4121',
        `the exposure is ${exposureText(exposure)}, not ${request.acceptExposure || 'nothing'}`,
        `look at who is missing; if that is to be borne: --accept-exposure ${exposureText(exposure)}`,
      );
    if (request.reason.trim() === '')
      return refuse('HF-4109', 'no reason was given', 'say why it may go on without a copy elsewhere: --reason TEXT');
    if (!facts.authority.incarnationMatches)
      return refuse('HF-4118', 'the authority was restored and not adopted', 'holdfast authority adopt');
    if (isOpen(facts.run))
      return refuse('HF-4105', `${facts.run.run} is under way`, 'wait for its end, look at status, then try again');
    if (group.busy) return refuse('HF-4105', 'a change of this group is being written', 'try again');
    this.#commit(request, group, asked, facts, tried);
  }

  #commit(request: ResumeRequest, group: GroupControl, asked: Asked, facts: Facts, tried: string): void {
    const { record } = facts;
    if (record === null) return;
    const { person, wall } = asked;
    const { controller } = this.#service;
    const { mirror, leadership } = controller;
    const key = keys.group(group.group.id);
    const value = resumed(record, { by: person.name, role: person.role, reason: request.reason, at: wall });
    const said = {
      person: person.name,
      role: person.role,
      reason: request.reason,
      from: 'halted',
      to: 'degraded',
      epoch: record.epoch,
      exposure: exposureIn(record).map(({ component, holder, lost }) => ({
        component,
        holder,
        lost: [...lost],
        // How much was acknowledged up to here: what comes after is at risk until a peer has caught up.
        position: (holder === null ? null : (facts.instances.get(holder)?.observation?.position ?? null)) as Json,
      })),
    };
    const put = [{ key, value: value as unknown as Json }];
    controller.transact(
      { compare: [leadership.comparison(mirror), { key, revision: facts.recordRevision }], put },
      2000,
      (outcome, at) => {
        if (outcome.kind !== 'committed')
          return this.#service.refuse(asked, {
            code: 'HF-4105',
            tried,
            found: `the authority answered ${outcome.kind}`,
            next: 'look at status, then try again',
          });
        this.#service.evidence(group, 'exposure-accepted', said, { epoch: record.epoch });
        mirror.change(put, outcome.revision, at);
        this.#service.answer(asked, { kind: 'ok', result: said });
      },
    );
  }
}
