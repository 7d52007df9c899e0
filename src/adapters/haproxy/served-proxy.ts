import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { Lead } from '../../core/topology/served.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { leadsExactly, type Routes, type ServedLook, type ServedServer } from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { HaproxyDriver } from './driver.ts';
import type { ProxiedServer } from './parse.ts';

/** One proxy as an agent leads it: each backend to the server that an instance is called there. */
export class ServedProxy implements ServedServer {
  readonly #driver: HaproxyDriver;
  readonly #leads: Readonly<Record<string, Lead>>;

  constructor(driver: HaproxyDriver, leads: Readonly<Record<string, Lead>>) {
    this.#driver = driver;
    this.#leads = leads;
  }

  async look(options: CallOptions): Promise<ServedLook> {
    const { process, backends, reasons } = await this.#driver.observe({
      ...options,
      backends: Object.keys(this.#leads),
    });
    if (process === null || Object.values(backends).some((servers) => servers === null))
      return { kind: 'unknown', reason: reasons[0] ?? 'it did not answer' };
    const concerns = process.stopping ? ['another process has taken its place'] : [];
    const leads: Record<string, InstanceId | null | 'elsewhere'> = {};
    let sessions = 0;
    for (const [name, lead] of Object.entries(this.#leads)) {
      const servers = backends[name]!;
      leads[name] = ledTo(servers, lead);
      sessions += servers.reduce((sum, server) => sum + server.sessions, 0);
      for (const server of servers)
        if (server.admitted && !server.up)
          concerns.push(`${name} leads to ${server.name}, which is down by its checks`);
    }
    return { kind: 'seen', leads, concerns, remarks: reasons, figures: { sessions } };
  }

  async lead(epoch: Epoch, routes: Routes, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    for (const [backend, instance] of Object.entries(routes)) {
      const server = instance === null ? null : this.#leads[backend]?.as[instance];
      if (server === undefined) return unnamed(backend, instance);
      const left = { deadlineMs: until - hostMonoMs() };
      const outcome = await this.#driver.perform({ kind: 'route', epoch, backend, server }, left);
      if (outcome.kind !== 'ok') return outcome;
    }
    return { kind: 'ok', detail: {} };
  }

  readonly isLed = leadsExactly;
}

/** A server that is closed and still has a session is led to as well. */
function ledTo(servers: readonly ProxiedServer[], { as }: Lead): InstanceId | null | 'elsewhere' {
  const used = servers.filter(({ admitted, sessions, queued }) => admitted || sessions > 0 || queued > 0);
  if (used.length === 0) return null;
  const [only] = used;
  const instance = Object.entries(as).find(([, name]) => name === only?.name)?.[0];
  return used.length > 1 || instance === undefined || only?.admitted !== true ? 'elsewhere' : (instance as InstanceId);
}

const unnamed = (name: string, instance: InstanceId | null): ActionOutcome => ({
  kind: 'failed',
  code: 'unnamed',
  reason: `the topology does not say what ${instance} is called in ${name}`,
});
