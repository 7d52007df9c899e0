import { type Adoption, adopt } from '../core/authority/adoption.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { Term } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { OperatorRequest } from '../core/operator/operator-request.ts';
import { isOpen, type JournalEntry } from '../core/run/run.ts';
import { keys } from './authority-keys.ts';
import type { Asked, DeskService } from './desk-service.ts';
import type { GroupControl } from './group-control.ts';

type AdoptRequest = Extract<OperatorRequest, { kind: 'adopt' }>;
type Adopted = Extract<Adoption, { kind: 'adopted' }>;

/** Agents refuse terms below those they have seen, and the restored store has forgotten how many there were. */
const TERM_LEAP = 1_000_000;

/**
 * Where a person says that a restored authority is to be believed. One transaction: the record under its new name with
 * everybody's grant taken, the run that the backup shows closed, forgotten approvals dropped, and leadership vacated at a far
 * higher term, so that the next leader is obeyed by agents that remember more than the store does (I2).
 */
export class AdoptionDesk {
  readonly #service: DeskService;

  constructor(service: DeskService) {
    this.#service = service;
  }

  receive(request: AdoptRequest, group: GroupControl, asked: Asked): void {
    const tried = `adopt the restored authority for ${request.group}`;
    const { person, wall, now } = asked;
    if (request.reason.trim() === '')
      return this.#service.refuse(asked, {
        code: 'HF-4109',
        tried,
        found: 'no reason was given',
        next: 'say which backup it is and why it may be believed: --reason TEXT',
      });
    const facts = group.facts(now, wall);
    const incarnation = this.#service.controller.mirror.incarnation ?? '';
    const adoption = adopt({
      facts,
      incarnation,
      mark: { by: person.name, role: person.role, reason: request.reason, at: wall },
    });
    if (adoption.kind === 'refused')
      return this.#service.refuse(asked, { code: 'HF-4118', tried, found: adoption.found, next: adoption.next });
    if (group.busy)
      return this.#service.refuse(asked, {
        code: 'HF-4105',
        tried,
        found: 'a change of this group is being written',
        next: 'try again',
      });
    this.#commit({ group, asked, tried, facts, adoption, incarnation });
  }

  #commit(about: {
    readonly group: GroupControl;
    readonly asked: Asked;
    readonly tried: string;
    readonly facts: Facts;
    readonly adoption: Adopted;
    readonly incarnation: string;
  }): void {
    const { group, asked, tried, facts, adoption, incarnation } = about;
    const { id } = group.group;
    const { controller } = this.#service;
    const { mirror, leadership } = controller;
    const term = (leadership.term + TERM_LEAP) as Term;
    const brakes = {
      ...facts.brakes,
      approvals: [],
      attestations: (facts.brakes.attestations ?? []).filter(
        (each) => each.incarnation === incarnation && asked.wall < each.until,
      ),
    };
    const head = mirror.value<{ readonly number: number }>(keys.journalHead(id));
    const put: { key: string; value: Json }[] = [
      { key: keys.group(id), value: adoption.record as unknown as Json },
      { key: keys.brakes(id), value: brakes as unknown as Json },
      { key: keys.leader, value: { controller: controller.config.id, term } },
    ];
    const { run } = facts;
    if (isOpen(run)) {
      const entry: JournalEntry = {
        number: (head?.number ?? 0) + 1,
        run: run.run,
        term,
        epoch: adoption.record.epoch,
        controller: controller.config.id,
        events: [
          {
            kind: 'closed',
            result: 'failed',
            reason: 'the authority was restored: how far it really went is forgotten',
            at: asked.wall,
          },
        ],
      };
      put.push({ key: keys.journalEntry(id, entry.number), value: entry as unknown as Json });
      put.push({ key: keys.journalHead(id), value: { number: entry.number, run: run.run } });
    }
    const compared = [keys.group(id), keys.brakes(id), keys.journalHead(id)];
    controller.transact(
      {
        compare: [leadership.comparison(mirror), ...compared.map((key) => ({ key, revision: mirror.revisionOf(key) }))],
        put,
      },
      2000,
      (outcome, at) => {
        if (outcome.kind !== 'committed')
          return this.#service.refuse(asked, {
            code: 'HF-4105',
            tried,
            found: `the authority answered ${outcome.kind}`,
            next: 'look at status, then try again',
          });
        const { record, believed, doubted, attested, highestHeard } = adoption;
        const said = {
          person: asked.person.name,
          role: asked.person.role,
          reason: record.adopted?.reason ?? '',
          incarnation,
          incarnationBefore: facts.record?.incarnation ?? null,
          epochFrom: facts.record?.epoch ?? null,
          highestHeard,
          epochTo: record.epoch,
          believed,
          doubted,
          attested,
        };
        this.#service.evidence(group, 'authority-adopted', said, { epoch: record.epoch });
        mirror.change(put, outcome.revision, at);
        this.#service.answer(asked, { kind: 'ok', result: said });
      },
    );
  }
}
