import { setTimeout as pause } from 'node:timers/promises';
import { status as grpcStatus } from '@grpc/grpc-js';
import type { CallFailure, EtcdEndpoint, UnaryResult } from './etcd-endpoint.ts';
import type { Method } from './etcd-messages.ts';

const pauseBetweenRoundsMs = 50;
const shortestAttemptMs = 200;
const longestAttemptMs = 1000;

/** The servers of one cluster; the one that answers is used until it does not. */
export class EndpointRing {
  readonly endpoints: readonly EtcdEndpoint[];
  #at = 0;

  constructor(endpoints: readonly EtcdEndpoint[]) {
    this.endpoints = endpoints;
  }

  get current(): EtcdEndpoint {
    return this.endpoints[this.#at]!;
  }

  /** The next call goes elsewhere, unless another caller has turned away from this server already. */
  turnAwayFrom(endpoint: EtcdEndpoint): void {
    if (this.current === endpoint) this.#at = (this.#at + 1) % this.endpoints.length;
  }

  /** For what may change something: sent to at most one server, once. */
  async once<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    untilMs: number,
  ): Promise<UnaryResult<Response>> {
    return this.#each(method, request, untilMs, () => 'stop');
  }

  /** For reads: tried on one server after the other within the deadline. */
  async anywhere<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    untilMs: number,
  ): Promise<UnaryResult<Response>> {
    return this.#each(method, request, untilMs, (failure) => (answeredElsewhere(failure) ? 'next' : 'stop'));
  }

  close(): void {
    for (const endpoint of this.endpoints) endpoint.close();
  }

  async #each<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    untilMs: number,
    afterFailure: (failure: CallFailure) => 'stop' | 'next',
  ): Promise<UnaryResult<Response>> {
    const share = Math.min(
      longestAttemptMs,
      Math.max(shortestAttemptMs, (untilMs - performance.now()) / this.endpoints.length),
    );
    let last: UnaryResult<Response> = { kind: 'not-sent', reason: 'no time left' };
    for (let attempt = 1; performance.now() < untilMs; attempt++) {
      const endpoint = this.current;
      const once = afterFailure({ code: grpcStatus.DEADLINE_EXCEEDED, details: '' }) === 'stop';
      last = await endpoint.unary(method, request, once ? untilMs : Math.min(untilMs, performance.now() + share));
      if (last.kind === 'answer') return last;
      if (last.kind === 'failed') {
        if (last.failure.code === grpcStatus.DEADLINE_EXCEEDED) endpoint.reset();
        if (answeredElsewhere(last.failure)) this.turnAwayFrom(endpoint);
        if (afterFailure(last.failure) === 'stop') return last;
      } else this.turnAwayFrom(endpoint);
      if (attempt % this.endpoints.length === 0)
        await pause(Math.min(pauseBetweenRoundsMs, Math.max(0, untilMs - performance.now())));
    }
    return last;
  }
}

/** Another server may do better: this one is silent, gone, cut off from the quorum, or between leaders. */
const answeredElsewhere = (failure: CallFailure) =>
  failure.code === grpcStatus.DEADLINE_EXCEEDED ||
  failure.code === grpcStatus.UNAVAILABLE ||
  failure.code === grpcStatus.CANCELLED ||
  failure.code === grpcStatus.INTERNAL ||
  failure.code === grpcStatus.UNKNOWN;
