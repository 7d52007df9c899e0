import { randomUUID } from 'node:crypto';
import type { Revision } from '../../core/base/ids.ts';
import type {
  AuthorityPort,
  RangeOutcome,
  Transaction,
  TransactionOutcome,
  Watch,
  WatchEvent,
} from '../../engine/authority-port.ts';
import { EndpointRing } from './endpoint-ring.ts';
import { EtcdEndpoint, type EtcdTls, failureMeans, type UnaryResult } from './etcd-endpoint.ts';
import { EtcdMaintenance } from './etcd-maintenance.ts';
import { type TxnResponse, txn } from './etcd-messages.ts';
import { EtcdWatch } from './etcd-watch.ts';
import { keyLayout, usualNamespace } from './key-layout.ts';
import { rollBackProof, type SeenMark, StoreIdentity } from './store-identity.ts';
import {
  ForeignValue,
  type RangeAnswer,
  rangeAnswer,
  rangeRequest,
  renameRequest,
  type StoreSign,
  transactionAnswer,
  transactionProblem,
  transactionRequest,
} from './transaction-mapping.ts';

export interface EtcdAuthorityOptions {
  /** `host:port` of every member's client address, the nearest first. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** Prefix of every key, ending in a slash; default `holdfast/`. Nothing else may write below it. */
  readonly namespace?: string;
  /** What this client's owner kept from `onHighestSeen` of an earlier run; lets it notice that the store went back meanwhile. */
  readonly highestSeen?: SeenMark | undefined;
  /** Called whenever the mark grows or moves to another incarnation; the owner stores it as often as it likes. */
  readonly onHighestSeen?: ((mark: SeenMark) => void) | undefined;
  /** Called when this client has proved that the store went back, with the proof, before it names the data anew. */
  readonly onRollBack?: ((proof: string) => void) | undefined;
  /** Default 300. Each open watch costs one quorum read per heartbeat. */
  readonly heartbeatMs?: number;
  /** Default 900: a silent server is noticed within about a second. */
  readonly silenceMs?: number;
}

export interface EtcdAuthority extends AuthorityPort {
  readonly kind: 'etcd';
  readonly maintenance: EtcdMaintenance;
  /**
   * Names the data anew, as an operator must after restoring a backup. Every other client's revisions are refused from then
   * on and every watch ends.
   */
  renewIncarnation(options: { readonly deadlineMs: number }): Promise<RangeOutcome>;
}

/** Opens a client of an etcd cluster. Returns at once; each call connects within its own deadline. */
export function openEtcdAuthority(options: EtcdAuthorityOptions): EtcdAuthority {
  return new EtcdClient(options);
}

const askMembersWithinMs = 500;

class EtcdClient implements EtcdAuthority {
  readonly kind = 'etcd';
  readonly maintenance: EtcdMaintenance;
  readonly #layout;
  readonly #ring: EndpointRing;
  readonly #identity: StoreIdentity;
  readonly #watches = new Set<EtcdWatch>();
  readonly #heartbeatMs: number;
  readonly #silenceMs: number;
  readonly #onRollBack: ((proof: string) => void) | undefined;
  /** Probes under way, shared by the watches of one server. */
  readonly #probes = new Map<EtcdEndpoint, Promise<string | null>>();
  #closed = false;

  constructor(options: EtcdAuthorityOptions) {
    this.#layout = keyLayout(options.namespace ?? usualNamespace);
    this.#ring = new EndpointRing(options.endpoints.map((address) => new EtcdEndpoint(address, options.tls)));
    this.#identity = new StoreIdentity(options.highestSeen, options.onHighestSeen);
    this.#heartbeatMs = options.heartbeatMs ?? 300;
    this.#silenceMs = options.silenceMs ?? 900;
    this.#onRollBack = options.onRollBack;
    this.maintenance = new EtcdMaintenance(this.#ring);
  }

  /** Voting members as etcd last listed them; until it has answered, the number of endpoints. */
  get voters(): number {
    return this.maintenance.voters ?? this.#ring.endpoints.length;
  }

  async transact(transaction: Transaction, options: { readonly deadlineMs: number }): Promise<TransactionOutcome> {
    const untilMs = performance.now() + options.deadlineMs;
    const problem = this.#closed ? 'client closed' : transactionProblem(transaction);
    if (problem !== null) return { kind: 'refused', reason: problem };
    const incarnation = await this.#readyToWrite(untilMs);
    if (incarnation === null) return { kind: 'refused', reason: 'never proposed: no quorum answered a read' };
    const guard = this.#identity.guard(incarnation);
    const markBefore = this.#identity.mark;
    const result = await this.#ring.once(txn, transactionRequest(this.#layout, transaction, guard), untilMs);
    if (result.kind !== 'answer') return notAnswered(result);
    const answer = understood(() => transactionAnswer(transaction, result.value));
    if (answer.kind === 'foreign') return { kind: 'refused', reason: answer.reason };
    if (answer.kind === 'committed') {
      if (markBefore?.incarnation === incarnation && (markBefore.cluster ?? answer.cluster) !== answer.cluster)
        return {
          kind: 'unknown',
          reason: `committed by cluster ${answer.cluster}, which is not the one known as ${incarnation}`,
        };
      const wrote = transaction.put.length + (transaction.remove ?? []).length > 0;
      if (wrote) this.#identity.saw(incarnation, answer.revision, answer.cluster);
      return { kind: 'committed', revision: answer.revision };
    }
    const { sign, current } = answer;
    if (sign.incarnation === incarnation && sign.tip >= guard.tip) return { kind: 'conflict', current };
    const proof = rollBackProof(sign, markBefore);
    if (proof !== null) await this.#rename(sign.incarnation, untilMs, proof);
    return {
      kind: 'refused',
      reason: `${proof ?? `the store is now incarnation ${sign.incarnation}, not ${incarnation}`}: read again`,
    };
  }

  async range(prefix: string, options: { readonly deadlineMs: number }): Promise<RangeOutcome> {
    const untilMs = performance.now() + options.deadlineMs;
    const found = await this.#read(prefix, untilMs);
    if (typeof found === 'string') return { kind: 'unknown', reason: found };
    this.#identity.adopt(found.incarnation);
    if (this.maintenance.voters === null)
      await this.maintenance.members({ deadlineMs: Math.min(askMembersWithinMs, untilMs - performance.now()) });
    return { kind: 'ok', revision: found.revision, incarnation: found.incarnation, entries: found.entries };
  }

  watch(
    prefix: string,
    options: { readonly afterRevision: Revision; readonly onEvent: (event: WatchEvent) => void },
  ): Watch {
    const watch: EtcdWatch = new EtcdWatch({
      layout: this.#layout,
      prefix,
      afterRevision: options.afterRevision,
      incarnation: this.#identity.adopted,
      heartbeatMs: this.#heartbeatMs,
      silenceMs: this.#silenceMs,
      onEvent: options.onEvent,
      current: () => this.#ring.current,
      turnAwayFrom: (endpoint) => this.#ring.turnAwayFrom(endpoint),
      probe: (endpoint) => this.#probe(endpoint),
      ended: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    return watch;
  }

  async renewIncarnation(options: { readonly deadlineMs: number }): Promise<RangeOutcome> {
    const untilMs = performance.now() + options.deadlineMs;
    const found = await this.#read(null, untilMs);
    if (typeof found === 'string') return { kind: 'unknown', reason: found };
    await this.#rename(found.incarnation, untilMs, null);
    return this.range('', { deadlineMs: untilMs - performance.now() });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of [...this.#watches]) watch.close();
    this.#ring.close();
  }

  /**
   * The incarnation that a write may demand; null when no quorum answers. A server that has been silent for a while is asked
   * first: a write sent into a dead connection could only end as unknown, a read moves on to the next server.
   */
  async #readyToWrite(untilMs: number): Promise<string | null> {
    const { adopted } = this.#identity;
    if (adopted !== null && this.#ring.current.silentMs < this.#silenceMs) return adopted;
    const found = await this.#read(null, untilMs);
    if (typeof found === 'string') return null;
    if (this.#identity.adopted === null) this.#identity.adopt(found.incarnation);
    return this.#identity.adopted;
  }

  /** A linearizable read of data that has a name and did not go back; a text says why there is none. */
  async #read(
    prefix: string | null,
    untilMs: number,
  ): Promise<(RangeAnswer & { readonly incarnation: string }) | string> {
    while (!this.#closed) {
      const markBefore = this.#identity.mark;
      const result = await this.#ring.anywhere(txn, rangeRequest(this.#layout, prefix), untilMs);
      if (result.kind !== 'answer') return whyNot(result);
      const answer = understood(() => rangeAnswer(this.#layout, result.value));
      if ('reason' in answer) return answer.reason;
      const incarnation = await this.#accept(answer.sign, markBefore, untilMs);
      if (incarnation !== null) return { ...answer, incarnation };
      if (performance.now() >= untilMs) return 'the data went back, and no new incarnation could be declared in time';
    }
    return 'client closed';
  }

  async #probe(endpoint: EtcdEndpoint): Promise<string | null> {
    const under = this.#probes.get(endpoint) ?? this.#startProbe(endpoint).finally(() => this.#probes.delete(endpoint));
    this.#probes.set(endpoint, under);
    return under;
  }

  async #startProbe(endpoint: EtcdEndpoint): Promise<string | null> {
    const untilMs = performance.now() + this.#silenceMs;
    while (!this.#closed && performance.now() < untilMs) {
      const markBefore = this.#identity.mark;
      const result = await endpoint.unary(txn, rangeRequest(this.#layout, null), untilMs);
      if (result.kind !== 'answer') {
        if (performance.now() >= untilMs) endpoint.reset();
        return null;
      }
      const { sign } = rangeAnswer(this.#layout, result.value);
      const incarnation = await this.#accept(sign, markBefore, untilMs);
      if (incarnation !== null) return incarnation;
    }
    return null;
  }

  /** The name of the data that gave this answer; null when it had to be named first, so that the question must be asked again. */
  async #accept(sign: StoreSign, markBefore: SeenMark | null, untilMs: number): Promise<string | null> {
    const proof = rollBackProof(sign, markBefore);
    if (sign.incarnation === null || proof !== null) {
      await this.#rename(sign.incarnation, untilMs, proof);
      return null;
    }
    this.#identity.saw(sign.incarnation, sign.tip, sign.cluster);
    return sign.incarnation;
  }

  /** One of the clients that find the same proof wins; all of them read its name afterwards. */
  async #rename(from: string | null, untilMs: number, proof: string | null): Promise<void> {
    if (proof !== null) this.#onRollBack?.(proof);
    await this.#ring.once<Parameters<typeof txn.requestSerialize>[0], TxnResponse>(
      txn,
      renameRequest(this.#layout, from, randomUUID()),
      untilMs,
    );
  }
}

type NotAnswered = Exclude<UnaryResult<TxnResponse>, { kind: 'answer' }>;

const whyNot = (result: NotAnswered): string => (result.kind === 'not-sent' ? result.reason : result.failure.details);

function notAnswered(result: NotAnswered): TransactionOutcome {
  if (result.kind === 'not-sent') return { kind: 'refused', reason: `never sent: ${result.reason}` };
  return { kind: failureMeans(result.failure), reason: result.failure.details };
}

/** A key holds something that Holdfast did not write: the answer cannot be passed on. */
function understood<Answer>(parse: () => Answer): Answer | { readonly kind: 'foreign'; readonly reason: string } {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof ForeignValue) return { kind: 'foreign', reason: cause.message };
    throw cause;
  }
}
