import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import { addressIn, type Lead } from '../../core/topology/served.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { leadsExactly, type Routes, type ServedLook, type ServedServer } from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DialAddress } from '../system/dial.ts';
import type { PgbouncerDriver } from './driver.ts';
import type { PooledDatabase } from './parse.ts';

/** Transactions may take this part of the time to end by themselves; then they are cut. */
const pauseShare = 0.4;

/**
 * One pooler as an agent leads it: each database to where an instance is reached. Nobody is led anywhere between the former target and
 * the new one; a database that leads to nobody makes its clients wait.
 */
export class ServedPooler implements ServedServer {
  readonly #driver: PgbouncerDriver;
  readonly #leads: Readonly<Record<string, Lead>>;

  constructor(driver: PgbouncerDriver, leads: Readonly<Record<string, Lead>>) {
    this.#driver = driver;
    this.#leads = leads;
  }

  async look(options: CallOptions): Promise<ServedLook> {
    const { databases, reasons } = await this.#driver.observe(options);
    if (databases === null) return { kind: 'unknown', reason: reasons[0] ?? 'it did not answer' };
    const leads: Record<string, InstanceId | null | 'elsewhere'> = {};
    let clientsWaiting = 0;
    for (const [name, lead] of Object.entries(this.#leads)) {
      const database = databases.find((each) => each.name === name);
      if (database === undefined) return { kind: 'unknown', reason: `it has no database ${name}` };
      leads[name] = ledTo(database, lead);
      clientsWaiting += database.clientsWaiting;
    }
    return { kind: 'seen', leads, concerns: [], remarks: reasons, figures: { clientsWaiting } };
  }

  async lead(epoch: Epoch, routes: Routes, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    for (const [database, instance] of Object.entries(routes)) {
      const written = instance === null ? null : this.#leads[database]?.as[instance];
      const target = written == null ? null : addressIn(written);
      if (instance !== null && target === null)
        return {
          kind: 'failed',
          code: 'unnamed',
          reason: `the topology does not say where ${instance} is for ${database}`,
        };
      const outcome = await this.#leadOne(epoch, database, target, until);
      if (outcome.kind !== 'ok') return outcome;
    }
    return { kind: 'ok', detail: {} };
  }

  readonly isLed = leadsExactly;

  async #leadOne(epoch: Epoch, database: string, target: DialAddress | null, until: number): Promise<ActionOutcome> {
    const left = (): CallOptions => ({ deadlineMs: until - hostMonoMs() });
    // Nothing is stopped where it leads there already; the epoch is taken over all the same.
    if (target !== null && (await this.#driver.confirm({ kind: 'leads-to', database, target }, left())) === 'holds')
      return this.#driver.perform({ kind: 'resume', epoch, database }, left());
    const paused = await this.#driver.perform(
      { kind: 'pause', epoch, database },
      { deadlineMs: left().deadlineMs * pauseShare },
    );
    if (paused.kind !== 'ok') {
      if (paused.kind === 'failed' && paused.code !== 'busy') return paused;
      const cut = await this.#driver.perform({ kind: 'cut', epoch, database }, left());
      if (cut.kind !== 'ok') return cut;
    }
    if (target === null) return { kind: 'ok', detail: {} };
    const pointed = await this.#driver.perform({ kind: 'point', epoch, database, target }, left());
    if (pointed.kind !== 'ok') return pointed;
    return this.#driver.perform({ kind: 'resume', epoch, database }, left());
  }
}

/** One that leads where nobody of the topology is, and is connected to nobody, leads nowhere: so it starts. */
function ledTo({ paused, target, servers }: PooledDatabase, { as }: Lead): InstanceId | null | 'elsewhere' {
  const connected = Object.keys(servers);
  const written = target === null ? null : `${target.host}:${target.port}`;
  const instance = Object.entries(as).find(([, address]) => address === written)?.[0];
  if (connected.length === 0 && (paused || instance === undefined)) return null;
  if (instance === undefined || connected.some((server) => server !== written)) return 'elsewhere';
  return instance as InstanceId;
}
