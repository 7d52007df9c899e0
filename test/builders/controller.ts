import type { GroupRecord } from '../../src/core/authority/group-record.ts';
import type { Json } from '../../src/core/base/canonical-json.ts';
import { controllerId, type HostId, revision, siteId } from '../../src/core/base/ids.ts';
import type { OperatorAnswer, OperatorRequest, Role } from '../../src/core/operator/operator-request.ts';
import { keys } from '../../src/engine/authority-keys.ts';
import type { StoredValue, TransactionOutcome } from '../../src/engine/authority-port.ts';
import { ControllerCore } from '../../src/engine/controller-core.ts';
import type { ControllerEffect, ControllerEvent } from '../../src/engine/controller-effects.ts';
import type { AgentReport, InstanceReport } from '../../src/engine/messages.ts';
import { GROUP } from '../../src/sim/build-topology.ts';
import { FactsBuilder, NOW } from './facts.ts';
import { runbooks, sha256 } from './plans.ts';

type Effect<Kind extends ControllerEffect['kind']> = Extract<ControllerEffect, { kind: Kind }>;

/** The controller of bravo over a platform on which all is well; a test holds the authority and plays the agents. */
export class ControllerUnderTest {
  readonly world: FactsBuilder;
  readonly core: ControllerCore;
  readonly stored = new Map<string, StoredValue>();
  readonly effects: ControllerEffect[] = [];
  now = 10_000;
  #revision = 40;
  #ticket = 0;
  #sequence = 0;
  readonly #answered = new Set<ControllerEffect>();

  constructor(world = new FactsBuilder()) {
    this.world = world;
    this.core = new ControllerCore({
      id: controllerId('bravo'),
      site: siteId('bravo'),
      topology: world.facts.topology,
      runbooks,
      digest: sha256,
    });
    if (world.facts.record !== null) this.stores(keys.group(GROUP), world.facts.record);
    for (const [component, lease] of world.facts.leases)
      this.stores(keys.lease(GROUP, component), {
        component,
        holder: lease.holder,
        epoch: lease.epoch,
        counter: 1,
        gate: lease.gate,
      });
  }

  stores(key: string, value: object): void {
    this.#revision += 1;
    this.stored.set(key, { value: value as Json, revision: revision(this.#revision) });
  }

  step(event: ControllerEvent): void {
    this.effects.push(...this.core.step(event, this.now, NOW));
  }

  /** Reads the authority, wins the leadership, and hears every agent. */
  leads(): this {
    this.reads();
    this.settle();
    this.hears();
    return this;
  }

  reads(): this {
    const entries = Object.fromEntries(this.stored);
    this.step({ kind: 'authority-snapshot', revision: revision(this.#revision), incarnation: 'one', entries });
    return this;
  }

  hears(): this {
    this.#sequence += 1;
    for (const host of this.world.facts.topology.hosts) this.step({ kind: 'report', report: this.#reportOf(host.id) });
    return this;
  }

  #reportOf(host: HostId): AgentReport {
    const { topology, instances } = this.world.facts;
    const here = [...instances.values()].filter((known) => known.instance.host === host);
    return {
      host,
      site: topology.hosts.find((each) => each.id === host)!.site,
      boot: 'first',
      start: 1,
      sequence: this.#sequence,
      instances: here.map(
        ({ instance, observation }): InstanceReport => ({
          instance: instance.id,
          component: instance.component,
          observation,
          ageMs: 0,
          exit: null,
          silenced: observation?.role !== 'primary',
          silencedBy: 'process-dead',
          leaseCounter: 1,
          leased: observation?.role === 'primary',
        }),
      ),
    };
  }

  /** Answers every transaction as an authority would. */
  settle(): void {
    for (let round = 0; round < 10; round += 1) {
      const open = this.all('transact').filter((effect) => !this.#answered.has(effect));
      for (const effect of open) {
        this.#answered.add(effect);
        this.step({ kind: 'transacted', transaction: effect.transaction, outcome: this.#apply(effect) });
      }
    }
  }

  #apply({ body }: Effect<'transact'>): TransactionOutcome {
    if (body.compare.some(({ key, revision: wanted }) => (this.stored.get(key)?.revision ?? 0) !== wanted))
      return {
        kind: 'conflict',
        current: Object.fromEntries(body.compare.map(({ key }) => [key, this.stored.get(key) ?? null])),
      };
    this.#revision += 1;
    for (const { key, value } of body.put) this.stored.set(key, { value, revision: revision(this.#revision) });
    for (const key of body.remove ?? []) this.stored.delete(key);
    return { kind: 'committed', revision: revision(this.#revision) };
  }

  all<Kind extends ControllerEffect['kind']>(kind: Kind): Effect<Kind>[] {
    return this.effects.filter((effect): effect is Effect<Kind> => effect.kind === kind);
  }

  get record(): GroupRecord | null {
    return (this.stored.get(keys.group(GROUP))?.value ?? null) as unknown as GroupRecord | null;
  }

  /** What a person of this role is answered, once the authority has. */
  ask(request: OperatorRequest, role: Role = 'operator', name = 'Grace'): OperatorAnswer {
    this.asks(request, role, name);
    this.settle();
    return this.all('answer').find((effect) => effect.ticket === this.#ticket)!.answer;
  }

  /** A person asks; the authority has not answered yet. */
  asks(request: OperatorRequest, role: Role = 'operator', name = 'Grace'): void {
    this.#ticket += 1;
    this.step({ kind: 'operator', request, person: { name, role }, ticket: this.#ticket });
  }

  get evidence(): readonly string[] {
    return this.all('evidence').map((effect) => effect.entry.kind);
  }
}
