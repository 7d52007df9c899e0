import { type Revision, revision } from '../../core/base/ids.ts';
import type {
  AuthorityPort,
  RangeOutcome,
  Transaction,
  TransactionOutcome,
  Watch,
  WatchEvent,
} from '../../engine/authority-port.ts';
import { LabConnection, type LabEndpoint } from './client-connection.ts';
import { LabWatch } from './client-watch.ts';
import type {
  HelloResult,
  LabAnswer,
  LabErrorCode,
  LabPush,
  LabRequest,
  RangeResult,
  SeenMark,
  TransactResult,
  WatchResult,
} from './lab-protocol.ts';
import { transactionProblem } from './lab-protocol.ts';

export interface LabAuthorityOptions extends LabEndpoint {
  /** What this client's owner kept from `onHighestSeen` of an earlier run; lets it notice that the store went back meanwhile. */
  readonly highestSeen?: SeenMark | undefined;
  /** Called whenever the mark grows or moves to another incarnation; the owner stores it as often as it likes. */
  readonly onHighestSeen?: ((mark: SeenMark) => void) | undefined;
  /** Default 400. */
  readonly heartbeatMs?: number;
  /** Default 900: a black-holed connection is noticed within about a second. */
  readonly silenceMs?: number;
}

export type AdminOutcome =
  | { readonly kind: 'ok'; readonly incarnation: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface LabAuthority extends AuthorityPort {
  readonly kind: 'lab-only';
  readonly voters: 1;
  /** Paths are the server's. Both need a client with `admin`. */
  backup(path: string, options: { readonly deadlineMs: number }): Promise<AdminOutcome>;
  restore(path: string, options: { readonly deadlineMs: number }): Promise<AdminOutcome>;
}

/**
 * Opens a client of the lab-only authority. Returns at once; calls wait for the connection up to their own deadlines. One
 * connection carries everything.
 */
export function openLabAuthority(options: LabAuthorityOptions): LabAuthority {
  return new LabClient(options);
}

type CallResult =
  | { readonly kind: 'answer'; readonly result: unknown }
  | { readonly kind: 'error'; readonly code: LabErrorCode; readonly message: string }
  /** `sent`: the request may have reached the authority. */
  | { readonly kind: 'unanswered'; readonly sent: boolean; readonly reason: string };

interface Pending {
  readonly request: LabRequest;
  /** May be sent again on a new connection: it changes nothing. */
  readonly repeatable: boolean;
  readonly settle: (result: CallResult) => void;
  sent: boolean;
  sentAtMs: number | null;
}

/** A request that waited at least this long, while nothing at all was heard, gives the connection up. */
const MUTE_AFTER_MS = 500;

class LabClient implements LabAuthority {
  readonly kind = 'lab-only';
  readonly voters = 1;
  readonly #connection: LabConnection;
  readonly #pending = new Map<number, Pending>();
  readonly #watches = new Map<number, LabWatch>();
  readonly #silenceMs: number;
  readonly #onHighestSeen: ((mark: SeenMark) => void) | undefined;
  #nextId = 1;
  #seen: SeenMark | null;
  /** Data that the owner's revisions come from: the incarnation of its last range. */
  #incarnation: string | null = null;
  #downReason = 'not connected yet';
  #closed = false;

  constructor(options: LabAuthorityOptions) {
    this.#seen = options.highestSeen ?? null;
    this.#onHighestSeen = options.onHighestSeen;
    this.#silenceMs = options.silenceMs ?? 900;
    this.#connection = new LabConnection(
      options,
      { heartbeatMs: options.heartbeatMs ?? 400, silenceMs: this.#silenceMs },
      {
        ready: (hello) => this.#ready(hello),
        answer: (answer) => this.#answered(answer),
        push: (push) => this.#pushed(push),
        down: (reason) => this.#down(reason),
      },
    );
  }

  async transact(transaction: Transaction, options: { readonly deadlineMs: number }): Promise<TransactionOutcome> {
    const problem = transactionProblem(transaction);
    if (problem !== null) return { kind: 'refused', reason: problem };
    const incarnation = this.#incarnation;
    const result = await this.#call({ op: 'transact', incarnation, seen: this.#seen, transaction }, options.deadlineMs);
    if (result.kind === 'unanswered')
      return result.sent
        ? { kind: 'unknown', reason: result.reason }
        : { kind: 'refused', reason: `never sent: ${result.reason}` };
    if (result.kind === 'error')
      return result.code === 'storage'
        ? { kind: 'unknown', reason: result.message }
        : { kind: 'refused', reason: `${result.code}: ${result.message}` };
    const outcome = result.result as TransactResult;
    if (outcome.kind === 'committed' && incarnation !== null) this.#see(incarnation, outcome.revision);
    return outcome;
  }

  async range(prefix: string, options: { readonly deadlineMs: number }): Promise<RangeOutcome> {
    const result = await this.#call({ op: 'range', prefix, seen: this.#seen }, options.deadlineMs);
    if (result.kind === 'unanswered') return { kind: 'unknown', reason: result.reason };
    if (result.kind === 'error') return { kind: 'unknown', reason: `${result.code}: ${result.message}` };
    const found = result.result as RangeResult;
    this.#incarnation = found.incarnation;
    this.#see(found.incarnation, found.revision);
    return { kind: 'ok', ...found };
  }

  watch(
    prefix: string,
    options: { readonly afterRevision: Revision; readonly onEvent: (event: WatchEvent) => void },
  ): Watch {
    const id = this.#nextId++;
    const watch = new LabWatch({
      prefix,
      afterRevision: options.afterRevision,
      incarnation: this.#incarnation,
      silenceMs: this.#silenceMs,
      onEvent: options.onEvent,
      register: (request) => void this.#register(id, watch, request),
      ended: () => this.#endWatch(id),
      saw: (incarnation, at) => this.#see(incarnation, at),
    });
    this.#watches.set(id, watch);
    if (this.#connection.ready) watch.connected();
    return { close: () => watch.close() };
  }

  async backup(path: string, options: { readonly deadlineMs: number }): Promise<AdminOutcome> {
    return adminOutcome(await this.#call({ op: 'backup', path }, options.deadlineMs));
  }

  async restore(path: string, options: { readonly deadlineMs: number }): Promise<AdminOutcome> {
    return adminOutcome(await this.#call({ op: 'restore', path }, options.deadlineMs));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of [...this.#watches.values()]) watch.close();
    this.#connection.close();
    for (const pending of [...this.#pending.values()])
      pending.settle({ kind: 'unanswered', sent: pending.sent, reason: 'client closed' });
  }

  #call(request: LabRequest, deadlineMs: number): Promise<CallResult> {
    const repeatable = request.op === 'range';
    if (this.#closed) return Promise.resolve({ kind: 'unanswered', sent: false, reason: 'client closed' });
    return new Promise((resolve) => {
      const id = this.#nextId++;
      const timer = setTimeout(
        () => {
          const reason = this.#connection.ready
            ? `no answer within ${Math.round(deadlineMs)} ms`
            : `not connected: ${this.#downReason}`;
          const { sentAtMs } = pending;
          pending.settle({ kind: 'unanswered', sent: pending.sent, reason });
          // A question that got silence says more than a quiet line: whoever has something to keep does not wait for the heartbeat.
          if (
            sentAtMs !== null &&
            performance.now() - sentAtMs >= MUTE_AFTER_MS &&
            this.#connection.heardAtMs < sentAtMs
          )
            this.#connection.abandon(reason);
        },
        Math.max(0, deadlineMs),
      );
      const pending: Pending = {
        request,
        repeatable,
        sent: false,
        sentAtMs: null,
        settle: (result) => {
          clearTimeout(timer);
          if (this.#pending.delete(id)) resolve(result);
        },
      };
      this.#pending.set(id, pending);
      if (this.#connection.ready) this.#send(id, pending);
    });
  }

  #send(id: number, pending: Pending): void {
    pending.sent = true;
    pending.sentAtMs = performance.now();
    this.#connection.send(id, pending.request);
  }

  #ready(hello: HelloResult): void {
    this.#incarnation ??= hello.incarnation;
    for (const [id, pending] of this.#pending) this.#send(id, pending);
    for (const watch of this.#watches.values()) watch.connected();
  }

  /** Answers that nobody waits for any more (late, repeated) are dropped. */
  #answered(answer: LabAnswer): void {
    const settle = this.#pending.get(answer.id)?.settle;
    if (answer.ok) settle?.({ kind: 'answer', result: answer.result });
    else settle?.({ kind: 'error', ...answer.error });
  }

  #pushed(push: LabPush): void {
    const watch = this.#watches.get(push.watch);
    if ('change' in push) watch?.changed(push.change);
    else watch?.compacted();
  }

  #down(reason: string): void {
    this.#downReason = reason;
    for (const pending of [...this.#pending.values()])
      if (pending.sent && !pending.repeatable)
        pending.settle({ kind: 'unanswered', sent: true, reason: `connection lost after sending: ${reason}` });
    for (const watch of this.#watches.values()) watch.disconnected(reason);
  }

  async #register(
    id: number,
    watch: LabWatch,
    request: { prefix: string; after: Revision; incarnation: string | null },
  ): Promise<void> {
    const result = await this.#call({ op: 'watch', watch: id, seen: this.#seen, ...request }, this.#silenceMs);
    if (result.kind === 'answer') watch.registered(result.result as WatchResult);
    else if (this.#connection.ready && this.#watches.has(id))
      this.#connection.abandon('a watch could not be registered');
  }

  #endWatch(id: number): void {
    if (this.#watches.delete(id) && this.#connection.ready && !this.#closed)
      void this.#call({ op: 'unwatch', watch: id }, this.#silenceMs);
  }

  #see(incarnation: string, at: Revision): void {
    if (this.#seen !== null && this.#seen.incarnation === incarnation && this.#seen.revision >= at) return;
    this.#seen = { incarnation, revision: revision(at) };
    this.#onHighestSeen?.(this.#seen);
  }
}

function adminOutcome(result: CallResult): AdminOutcome {
  if (result.kind === 'answer')
    return { kind: 'ok', incarnation: (result.result as { incarnation: string }).incarnation };
  if (result.kind === 'error' && result.code !== 'storage')
    return { kind: 'refused', reason: `${result.code}: ${result.message}` };
  return { kind: 'unknown', reason: result.kind === 'error' ? result.message : result.reason };
}
