import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { Lead } from '../../core/topology/served.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import {
  leadsExactly,
  type Routes,
  type SeenServer,
  type ServedLook,
  type ServedServer,
} from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DiscoveryDriver } from './discovery-driver.ts';

/** The records of services as an agent keeps them, through one member of their store: each service to where an instance is, or nowhere. */
export class ServedDiscovery implements ServedServer {
  readonly #driver: DiscoveryDriver;
  readonly #leads: Readonly<Record<string, Lead>>;

  constructor(driver: DiscoveryDriver, leads: Readonly<Record<string, Lead>>) {
    this.#driver = driver;
    this.#leads = leads;
  }

  /** `figures.epoch`: the lowest that one of them was said under. */
  async look(options: CallOptions): Promise<ServedLook> {
    const { services, reason } = await this.#driver.observe({ ...options, services: Object.keys(this.#leads) });
    if (services === null) return { kind: 'unknown', reason };
    const leads: Record<string, InstanceId | null | 'elsewhere'> = {};
    const concerns: string[] = [];
    for (const [name, { as }] of Object.entries(this.#leads)) {
      const { record, foreign } = services[name]!;
      const address = record?.address ?? null;
      const instance = Object.entries(as).find(([, known]) => known === address)?.[0] as InstanceId | undefined;
      leads[name] = address === null && foreign === null ? null : (instance ?? 'elsewhere');
      if (foreign !== null) concerns.push(`${name} holds ${foreign}, which nobody here wrote`);
    }
    const epochs = Object.values(services).map(({ record }) => record?.epoch ?? 0);
    return { kind: 'seen', leads, concerns, remarks: [], figures: { epoch: Math.min(...epochs) } };
  }

  async lead(epoch: Epoch, routes: Routes, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    for (const [service, instance] of Object.entries(routes)) {
      const address = instance === null ? null : this.#leads[service]?.as[instance];
      if (address === undefined)
        return { kind: 'failed', code: 'unnamed', reason: `the topology has no address of ${instance} for ${service}` };
      const outcome = await this.#driver.perform(
        { kind: 'set-service', epoch, service, address },
        { deadlineMs: until - hostMonoMs() },
      );
      if (outcome.kind !== 'ok') return outcome;
    }
    return { kind: 'ok', detail: {} };
  }

  /** A newer epoch may have been said by somebody who heard of it earlier. */
  isLed(seen: SeenServer, routes: Routes, epoch: Epoch): boolean {
    return leadsExactly(seen, routes) && (seen.figures['epoch'] ?? 0) >= epoch;
  }
}
