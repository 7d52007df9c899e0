import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { Lead } from '../../core/topology/served.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { leadsExactly, type Routes, type ServedLook, type ServedServer } from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DnsDriver } from './driver.ts';

/** One name server as an agent leads it: each name to the address of an instance, or to none. */
export class ServedNames implements ServedServer {
  readonly #driver: DnsDriver;
  readonly #leads: Readonly<Record<string, Lead>>;

  constructor(driver: DnsDriver, leads: Readonly<Record<string, Lead>>) {
    this.#driver = driver;
    this.#leads = leads;
  }

  async look(options: CallOptions): Promise<ServedLook> {
    const { names, reasons, serial } = await this.#driver.observe({ ...options, names: Object.keys(this.#leads) });
    const leads: Record<string, InstanceId | null | 'elsewhere'> = {};
    for (const [name, { as }] of Object.entries(this.#leads)) {
      const named = names[name] ?? null;
      if (named === null) return { kind: 'unknown', reason: reasons[0] ?? 'it did not answer' };
      const [address] = named.addresses;
      const instance = Object.entries(as).find(([, known]) => known === address)?.[0] as InstanceId | undefined;
      leads[name] = address === undefined ? null : named.addresses.length > 1 ? 'elsewhere' : (instance ?? 'elsewhere');
    }
    return { kind: 'seen', leads, concerns: [], remarks: reasons, figures: serial === null ? {} : { serial } };
  }

  /** `detail.formerTtlMs`: clients may go on with a former answer for so long. */
  async lead(epoch: Epoch, routes: Routes, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    let formerTtlMs = 0;
    for (const [name, instance] of Object.entries(routes)) {
      const lead = this.#leads[name];
      const address = instance === null ? null : lead?.as[instance];
      if (lead === undefined || address === undefined)
        return { kind: 'failed', code: 'unnamed', reason: `the topology has no address of ${instance} for ${name}` };
      const addresses = address === null ? [] : [address];
      const outcome = await this.#driver.perform(
        { kind: 'set-addresses', epoch, name, addresses, ttlSeconds: lead.ttlSeconds ?? 0 },
        { deadlineMs: until - hostMonoMs() },
      );
      if (outcome.kind !== 'ok') return outcome;
      formerTtlMs = Math.max(formerTtlMs, Number(outcome.detail['formerTtlMs'] ?? 0));
    }
    return { kind: 'ok', detail: { formerTtlMs } };
  }

  readonly isLed = leadsExactly;
}
