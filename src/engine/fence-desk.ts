import { ATTESTED_FOR_MS, type Attestation, hostSpeaks } from '../core/authority/attestation.ts';
import { fencingOutlook, revocationOf } from '../core/authority/fencing.ts';
import type { RevokedHolder } from '../core/authority/group-record.ts';
import type { Json } from '../core/base/canonical-json.ts';
import { type InstanceId, instanceId, type Revision, type WallMs } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import type { Facts, InstanceFacts } from '../core/decision/facts.ts';
import type { OperatorRequest } from '../core/operator/operator-request.ts';
import type { Instance } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { Asked, DeskService } from './desk-service.ts';
import type { GroupControl } from './group-control.ts';
import { isFencedByService, isReached, resultOf, type ServiceDesk, type ServiceOutcome } from './service-desk.ts';

type FenceRequest = Extract<OperatorRequest, { kind: 'fence' }>;

/** Where people stop an instance through its agent, let it back, or say together that its host is off. */
export class FenceDesk {
  readonly #service: DeskService;
  readonly #services: ServiceDesk;
  #commands = 0;

  constructor(service: DeskService, services: ServiceDesk) {
    this.#service = service;
    this.#services = services;
  }

  receive(request: FenceRequest, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const known = facts.instances.get(instanceId(request.instance));
    if (!known)
      return this.#service.refuse(asked, {
        code: 'HF-4002',
        tried: `fence ${request.instance}`,
        found: `there is no instance ${request.instance} in ${request.group}`,
        next: `instances: ${[...facts.instances.keys()].join(', ')}`,
      });
    if (request.lift) return this.#lift(known.instance, facts, group, asked);
    if (request.attest) return this.#attest(request, known, facts, group, asked);
    return this.#stop(known, facts, group, asked);
  }

  /** A candidate again; what was attested about it is taken back as well. */
  #lift(instance: Instance, facts: Facts, group: GroupControl, asked: Asked): void {
    const lifted = ({ attestations, ...brakes }: Brakes): Brakes => {
      const others = attestations?.filter((each) => each.instance !== instance.id) ?? [];
      return {
        ...brakes,
        fenced: (brakes.fenced ?? []).filter((each) => each !== instance.id),
        ...(others.length > 0 ? { attestations: others } : {}),
      };
    };
    if (!isFencedByService(facts, instance)) return this.#service.brakes(group, asked, lifted);
    const both = this.#bothAnswered(asked);
    const call = { instance, facts, group, asked };
    this.#service.brakes(group, asked, lifted, (brakes) => {
      both.brakes(brakes);
      if (!isReached(facts, instance))
        return both.service({ kind: 'unknown', reason: `the agent on ${instance.host} cannot be reached` });
      this.#services.order({ ...call, order: 'allow' }, (allowed) =>
        allowed.kind === 'ok' ? this.#services.order({ ...call, order: 'start' }, both.service) : both.service(allowed),
      );
    });
  }

  /** Its service is stopped and barred; what was seen of that is in the answer. */
  #bar(instance: Instance, facts: Facts, group: GroupControl, asked: Asked): void {
    const both = this.#bothAnswered(asked);
    this.#services.order({ instance, order: 'bar', facts, group, asked }, both.service);
    this.#service.brakes(group, asked, (brakes) => fenced(brakes, instance.id), both.brakes);
  }

  /** Answers once the brakes are written and the service was heard of. Brakes that are refused have answered already. */
  #bothAnswered(asked: Asked) {
    let written: Brakes | null = null;
    let heard: ServiceOutcome | null = null;
    const answer = () => {
      if (written === null || heard === null) return;
      const result = { brakes: written as unknown as Json, service: resultOf(heard) };
      this.#service.answer(asked, { kind: 'ok', result });
    };
    return {
      brakes: (brakes: Brakes) => {
        written = brakes;
        answer();
      },
      service: (outcome: ServiceOutcome) => {
        heard = outcome;
        answer();
      },
    };
  }

  /** Stops it now. Stopping is never wrong for safety; what follows from it is decided as usual. */
  #stop(known: InstanceFacts, facts: Facts, group: GroupControl, asked: Asked): void {
    const { instance } = known;
    const { record } = facts;
    if (!facts.hosts.get(instance.host)?.connected || record === null)
      return this.#service.refuse(asked, {
        code: 'HF-4107',
        tried: `fence ${instance.id}`,
        found: `the agent on ${instance.host} cannot be reached`,
        next: `wait for the gate, or switch the host off for good and have two people say so: holdfast fence ${instance.id} --attest --reason TEXT`,
      });
    if (isFencedByService(facts, instance)) return this.#bar(instance, facts, group, asked);
    this.#commands += 1;
    this.#service.controller.emit({
      kind: 'command',
      host: instance.host,
      command: {
        key: `operator/${asked.person.name}/${asked.wall}/${this.#commands}`,
        group: group.group.id,
        run: `operator-${asked.wall}` as never,
        step: 'fence' as never,
        term: facts.leadership.term,
        epoch: record.epoch,
        attempt: 1,
        deadlineMs: 2000,
        order: { kind: 'silence', instance: instance.id, gentle: false, holderEpoch: record.epoch },
      },
    });
    this.#service.brakes(group, asked, (brakes) => fenced(brakes, instance.id));
  }

  /**
   * The first person's word is kept and does nothing; a second person's makes it count (I3: as `attested`, once the lease
   * has run out too). Refused where the host speaks for itself, or where a gate will give the proof anyway.
   */
  #attest(request: FenceRequest, known: InstanceFacts, facts: Facts, group: GroupControl, asked: Asked): void {
    const { instance } = known;
    const tried = `attest that ${instance.host}, the host of ${instance.id}, is off`;
    const refuse = (code: string, found: string, next: string) =>
      this.#service.refuse(asked, { code, tried, found, next });
    if (request.reason.trim() === '')
      return refuse('HF-4109', 'no reason was given', 'say how you know that it is off: --reason TEXT');
    const { record } = facts;
    const { incarnation } = this.#service.controller.mirror;
    if (record === null || incarnation === null)
      return refuse('HF-4107', 'the group was never activated: nobody has to be fenced', 'holdfast status');
    if (hostSpeaks(facts, instance.id))
      return refuse('HF-4107', `the agent on ${instance.host} answers`, `holdfast fence ${instance.id}`);
    const held = heldBy(facts, known);
    const component = indexOf(facts.topology).component.get(instance.component);
    if (facts.authority.incarnationMatches) {
      const outlook = held && component ? fencingOutlook(facts, component, held) : null;
      if (outlook === null)
        return refuse('HF-4107', `${instance.id} holds nothing: nobody has to be fenced`, 'holdfast status');
      if (outlook.kind !== 'unattainable') {
        const method = outlook.kind === 'in' ? outlook.method : outlook.proof.method;
        const when = outlook.kind === 'in' ? `in ${outlook.ms} ms` : 'now';
        return refuse(
          'HF-4107',
          `it needs no attestation: there is a proof ${when} (${method})`,
          'holdfast plan failover',
        );
      }
    }
    const valid = (facts.brakes.attestations ?? []).filter(
      (each) => asked.wall < each.until && each.incarnation === incarnation,
    );
    const pending = valid.find((each) => each.instance === instance.id && each.confirmed === null);
    if (pending?.by === asked.person.name)
      return refuse(
        'HF-4119',
        `you have said so yourself at ${new Date(pending.at).toISOString()}; it counts once a second person has`,
        `somebody else with the role approver or above, after making sure: holdfast fence ${instance.id} --attest --reason TEXT`,
      );
    const said: Attestation = pending
      ? { ...pending, confirmed: { ...signature(asked), reason: request.reason } }
      : {
          instance: instance.id,
          epoch: held?.epoch ?? record.grants[instance.component]?.epoch ?? record.epoch,
          leaseRevision: facts.leases.get(instance.component)?.revision ?? (0 as Revision),
          incarnation,
          reason: request.reason,
          ...signature(asked),
          until: (asked.wall + ATTESTED_FOR_MS) as WallMs,
          confirmed: null,
        };
    this.#service.brakes(
      group,
      asked,
      (brakes) => ({
        ...brakes,
        attestations: [...valid.filter((each) => each.instance !== instance.id), said],
      }),
      () => {
        this.#service.evidence(group, 'fencing-attested', said as unknown as Json, { epoch: said.epoch });
        this.#service.answer(asked, {
          kind: 'ok',
          result: { attestation: said as unknown as Json, counts: said.confirmed !== null },
        });
      },
    );
  }
}

const fenced = (brakes: Brakes, instance: InstanceId): Brakes => ({
  ...brakes,
  fenced: [...new Set([...(brakes.fenced ?? []), instance])],
});

const signature = ({ person, wall }: Asked) => ({ by: person.name, role: person.role, at: wall });

/** What a revocation would say, or said, about this instance; null when it holds nothing and held nothing last. */
function heldBy(facts: Facts, { instance }: InstanceFacts): RevokedHolder | null {
  const grant = facts.record?.grants[instance.component];
  if (!grant) return null;
  if (grant.holder === instance.id)
    return revocationOf(grant, instance.id, facts.leases.get(instance.component) ?? null);
  return grant.revoked?.instance === instance.id ? grant.revoked : null;
}
