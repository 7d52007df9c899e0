import type { Json } from '../core/base/canonical-json.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { ServiceOrder } from '../core/health/service-state.ts';
import { type OperatorRequest, requestWords } from '../core/operator/operator-request.ts';
import { isBarredByFence, serviceOf } from '../core/topology/served.ts';
import type { Instance } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { Asked, DeskService } from './desk-service.ts';
import type { GroupControl } from './group-control.ts';
import type { Command, CommandOutcome } from './messages.ts';

type Ordering = Extract<OperatorRequest, { kind: 'order-service' }>;

/** An instance has no service that could be asked or ordered, or its agent cannot be reached. */
export const NO_SERVICE = 'HF-4127';

/** A manager may wait some seconds for what it stops; people wait for an answer of the API longer than for two of these. */
const ORDER_WITHIN_MS = 6500;
const MOST_WAITING = 64;
const PREFIX = 'service/';

/** Of one order: `ok` was seen, `failed` is certain, `unknown` is neither. */
export type ServiceOutcome = CommandOutcome['outcome'];

interface ServiceCall {
  readonly instance: Instance;
  readonly order: ServiceOrder;
  readonly facts: Facts;
  readonly group: GroupControl;
  readonly asked: Asked;
}

/**
 * Where people order the service that an instance is: through its agent, under the group's epoch, which the agent's driver refuses when it is
 * older than one it has seen. An agent that does not answer leaves the order to the deadline of who asked: whether it was done is not known.
 */
export class ServiceDesk {
  readonly #service: DeskService;
  readonly #waiting = new Map<string, (outcome: ServiceOutcome) => void>();
  #orders = 0;

  constructor(service: DeskService) {
    this.#service = service;
  }

  receive(request: Ordering, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const { order } = request;
    const tried = requestWords(request);
    const instance = keptByManager(facts, request.instance);
    if (typeof instance === 'string')
      return this.#service.refuse(asked, {
        code: NO_SERVICE,
        tried,
        found: instance,
        next: 'name an instance whose "server.service" says who keeps it running',
      });
    if (!isReached(facts, instance))
      return this.#service.refuse(asked, {
        code: NO_SERVICE,
        tried,
        found: `the agent on ${instance.host} cannot be reached`,
        next: 'holdfast health; nothing was ordered',
      });
    this.order({ instance, order, facts, group, asked }, (outcome) =>
      this.#service.answer(asked, { kind: 'ok', result: { instance: instance.id, order, ...resultOf(outcome) } }),
    );
  }

  /** @param then called once, when the agent answers; never where it does not */
  order({ instance, order, facts, group, asked }: ServiceCall, then: (outcome: ServiceOutcome) => void): void {
    const { controller } = this.#service;
    this.#orders += 1;
    const key = `${PREFIX}${asked.person.name}/${asked.wall}/${this.#orders}`;
    const epoch = facts.record?.epoch ?? (0 as Command['epoch']);
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size >= MOST_WAITING) this.#waiting.delete(oldest);
    this.#waiting.set(key, (outcome) => {
      this.#service.evidence(group, 'operator-command', {
        person: asked.person.name,
        role: asked.person.role,
        service: { instance: instance.id, order, ...resultOf(outcome) },
      });
      then(outcome);
    });
    controller.emit({
      kind: 'command',
      host: instance.host,
      command: {
        key,
        group: group.group.id,
        run: `operator-${asked.wall}` as never,
        step: 'service' as never,
        term: facts.leadership.term,
        epoch,
        attempt: 1,
        deadlineMs: ORDER_WITHIN_MS,
        order: { kind: 'perform', instance: instance.id, action: { kind: 'service', epoch, order } },
      },
    });
  }

  /** False: nobody ordered here what this answers. */
  told({ key, outcome }: CommandOutcome): boolean {
    const then = this.#waiting.get(key);
    if (then === undefined) return key.startsWith(PREFIX);
    this.#waiting.delete(key);
    then(outcome);
    return true;
  }
}

/** As answers carry it. */
export const resultOf = (
  outcome: ServiceOutcome,
): { readonly outcome: Json; readonly code: Json; readonly reason: Json } => ({
  outcome: outcome.kind,
  code: 'code' in outcome ? outcome.code : null,
  reason: 'reason' in outcome ? outcome.reason : null,
});

/** The instance whose service is meant, or why it has none. */
export function keptByManager({ topology, group }: Facts, named: string): Instance | string {
  for (const component of topology.components) {
    const instance = component.instances.find(({ id }) => id === named);
    if (instance === undefined || !group.components.includes(component.id)) continue;
    return serviceOf(component.served, instance.id) === null
      ? `the topology names no service of ${named} ("server.service")`
      : instance;
  }
  return `${group.id} has no instance ${named}`;
}

/** Whether to fence it is to bar its service. */
export const isFencedByService = ({ topology }: Facts, instance: Instance): boolean =>
  isBarredByFence(indexOf(topology).component.get(instance.component)?.served, instance.id);

export const isReached = (facts: Facts, instance: Instance): boolean =>
  facts.hosts.get(instance.host)?.connected === true;
