import type { Epoch } from '../../core/base/ids.ts';
import { addressIn } from '../../core/topology/served.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import { failureMeans, type UnaryResult } from './etcd-endpoint.ts';
import { compareEqual, type KeyValue, type TxnRequest, type TxnResponse, targetModRevision } from './etcd-messages.ts';
import { parseService, type ServiceRecord, serviceText } from './service-record.ts';

/** One transaction at one member of the store, which answers it with a quorum. Ends by the deadline. */
export type Transact = (request: TxnRequest, options: CallOptions) => Promise<UnaryResult<TxnResponse>>;

export interface DiscoveryOptions {
  readonly transact: Transact;
  /** Before the name of each service, e.g. `services/`. */
  readonly keyPrefix: string;
  readonly epochs: GuardedEpochs;
}

export interface ServiceAction {
  readonly kind: 'set-service';
  readonly epoch: Epoch;
  readonly service: string;
  /** `HOST:PORT`; null: nowhere for now. */
  readonly address: string | null;
}

/** What one service is found at; `foreign`: with what somebody else wrote there. */
export interface FoundService {
  /** Of its last change; 0 = it was never said. */
  readonly revision: number;
  readonly record: ServiceRecord | null;
  readonly foreign: string | null;
}

/** Null: the member did not answer in time, or has no quorum; `reason` says what. */
export type ServiceLook =
  | { readonly services: Readonly<Record<string, FoundService>>; readonly reason: null }
  | { readonly services: null; readonly reason: string };

const nothing: FoundService = { revision: 0, record: null, foreign: null };

/**
 * Keeps `service → address` in etcd, through one of its members. The store enforces: a record is changed only by a compare-and-set on the
 * revision that was read, and never from a newer epoch to an older one. Everything is read with a quorum.
 */
export class DiscoveryDriver {
  readonly #options: DiscoveryOptions;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  async observe(options: CallOptions & { readonly services: readonly string[] }): Promise<ServiceLook> {
    const ranges = options.services.map((service) => ({ request_range: { key: this.#key(service) } }));
    const answer = await this.#options.transact({ compare: [], success: ranges, failure: [] }, options);
    if (answer.kind !== 'answer') return { services: null, reason: reasonOf(answer) };
    const { responses } = answer.value;
    const services = options.services.map((service, index) => [
      service,
      foundIn(responses[index]?.response_range?.kvs[0]),
    ]);
    return { services: Object.fromEntries(services), reason: null };
  }

  /** `ok` only when it was read back so, with a quorum. Doing it twice is doing it once. */
  async perform(action: ServiceAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const { epoch, service, address } = action;
    if (address !== null && addressIn(address) === null)
      return { kind: 'failed', code: 'bad-value', reason: `"${address}" is not HOST:PORT` };
    if (!this.#options.epochs.admit(service, epoch))
      return stale(service, epoch, this.#options.epochs.highest(service));
    const wanted = { address, epoch };
    for (;;) {
      const left = { deadlineMs: until - hostMonoMs() };
      if (left.deadlineMs <= 0) return { kind: 'unknown', reason: `${service} was not seen to be set in time` };
      const look = await this.observe({ ...left, services: [service] });
      if (look.services === null) return { kind: 'unknown', reason: look.reason };
      const found = look.services[service]!;
      if (found.foreign !== null)
        return { kind: 'failed', code: 'foreign-value', reason: `${service} holds ${found.foreign}` };
      if (found.record !== null && found.record.epoch > epoch) return stale(service, epoch, found.record.epoch);
      if (found.record?.epoch === epoch && found.record.address === address)
        return { kind: 'ok', detail: { revision: found.revision } };
      const refused = await this.#set(service, wanted, found.revision, { deadlineMs: until - hostMonoMs() });
      if (refused !== null) return refused;
    }
  }

  /** Null: it was set, or somebody else was first; reading says which. */
  async #set(
    service: string,
    record: ServiceRecord,
    revision: number,
    options: CallOptions,
  ): Promise<ActionOutcome | null> {
    const key = this.#key(service);
    const answer = await this.#options.transact(
      {
        compare: [{ result: compareEqual, target: targetModRevision, key, mod_revision: revision }],
        success: [{ request_put: { key, value: Buffer.from(serviceText(record)) } }],
        failure: [],
      },
      options,
    );
    if (answer.kind === 'answer') return null;
    return answer.kind === 'failed' && failureMeans(answer.failure) === 'refused'
      ? { kind: 'failed', code: 'refused', reason: reasonOf(answer) }
      : { kind: 'unknown', reason: reasonOf(answer) };
  }

  #key(service: string): Buffer {
    return Buffer.from(this.#options.keyPrefix + service);
  }
}

function foundIn(value: KeyValue | undefined): FoundService {
  if (value === undefined) return nothing;
  const revision = Number(value.mod_revision);
  const text = value.value.toString('utf8');
  try {
    return { revision, record: parseService(text), foreign: null };
  } catch {
    return { revision, record: null, foreign: JSON.stringify(text.slice(0, 40)) };
  }
}

const stale = (service: string, epoch: number, highest: number): ActionOutcome => ({
  kind: 'failed',
  code: 'stale-epoch',
  reason: `epoch ${epoch} is older than ${highest} for ${service}`,
});

const reasonOf = (answer: Exclude<UnaryResult<TxnResponse>, { kind: 'answer' }>): string =>
  answer.kind === 'failed' ? answer.failure.details : answer.reason;
