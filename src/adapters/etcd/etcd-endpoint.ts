import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  status as grpcStatus,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import * as messages from './etcd-messages.ts';

/** PEM texts. The client certificate identifies Holdfast to etcd (`--client-cert-auth`). */
export interface EtcdTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Name to expect in the server's certificate when it differs from the endpoint's host. */
  readonly serverName?: string;
}

export type UnaryResult<Response> =
  | { readonly kind: 'answer'; readonly value: Response }
  /** No connection: certainly nothing was sent. */
  | { readonly kind: 'not-sent'; readonly reason: string }
  | { readonly kind: 'failed'; readonly failure: CallFailure };

export interface CallFailure {
  /** gRPC status code. */
  readonly code: number;
  readonly details: string;
}

const connectWithinMs = 400;

/**
 * One etcd server. Its channel is thrown away when it was silent (`reset`): a black-holed TCP connection stays "ready" for
 * minutes. gRPC keep-alives are not used: etcd ends connections that ping more often than every 5 s.
 */
export class EtcdEndpoint {
  readonly address: string;
  readonly #credentials: ChannelCredentials;
  readonly #serverName: string | undefined;
  #client: Client;
  #heardAtMs = Number.NEGATIVE_INFINITY;

  constructor(address: string, tls: EtcdTls | undefined) {
    this.address = address;
    this.#serverName = tls?.serverName;
    this.#credentials =
      tls === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.key), Buffer.from(tls.cert));
    this.#client = this.#connect();
  }

  /** Since a unary call was last answered, monotonic; Infinity before the first. */
  get silentMs(): number {
    return performance.now() - this.#heardAtMs;
  }

  /** Ends by `untilMs` (monotonic), whatever the server does. */
  async unary<Request, Response>(
    method: messages.Method<Request, Response>,
    request: Request,
    untilMs: number,
  ): Promise<UnaryResult<Response>> {
    const client = this.#client;
    const notReady = await ready(client, Math.min(untilMs - performance.now(), connectWithinMs));
    if (notReady !== null) return { kind: 'not-sent', reason: `${this.address}: ${notReady}` };
    const remainingMs = untilMs - performance.now();
    if (remainingMs <= 0) return { kind: 'not-sent', reason: `${this.address}: no time left` };
    return new Promise((resolve) => {
      const late = (details: string) =>
        resolve({ kind: 'failed', failure: { code: grpcStatus.DEADLINE_EXCEEDED, details } });
      const timer = setTimeout(() => {
        late(`${this.address}: no answer within ${Math.round(remainingMs)} ms`);
        call.cancel();
      }, remainingMs);
      const call = client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + remainingMs },
        (error: ServiceError | null, value?: Response) => {
          clearTimeout(timer);
          if (error === null && value !== undefined) {
            this.#heardAtMs = performance.now();
            resolve({ kind: 'answer', value });
          } else
            resolve({
              kind: 'failed',
              failure: {
                code: error?.code ?? grpcStatus.UNKNOWN,
                details: `${this.address}: ${error?.details ?? 'no value'}`,
              },
            });
        },
      );
    });
  }

  /** A server without a leader ends the stream by itself. */
  openWatch(): ClientDuplexStream<messages.WatchRequest, messages.WatchResponse> {
    const metadata = new Metadata();
    metadata.set('hasleader', 'true');
    const { path, requestSerialize, responseDeserialize } = messages.watch;
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
  }

  openSnapshot(deadlineMs: number): ClientReadableStream<messages.SnapshotResponse> {
    const { path, requestSerialize, responseDeserialize } = messages.snapshot;
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, new Metadata(), {
      deadline: Date.now() + deadlineMs,
    });
  }

  /** Calls under way go on to their own deadlines; later ones use a new connection. */
  reset(): void {
    this.#client.close();
    this.#client = this.#connect();
  }

  close(): void {
    this.#client.close();
  }

  #connect(): Client {
    return new Client(this.address, this.#credentials, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': 64 * 1024 * 1024,
      'grpc.max_send_message_length': 16 * 1024 * 1024,
      'grpc.enable_http_proxy': 0,
      ...(this.#serverName === undefined ? {} : { 'grpc.ssl_target_name_override': this.#serverName }),
    });
  }
}

/** Null when the client is connected; else why not. */
function ready(client: Client, withinMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('not connected'), Math.max(0, withinMs));
    try {
      client.waitForReady(Date.now() + Math.max(1, withinMs), (error) => {
        clearTimeout(timer);
        resolve(error === undefined || error === null ? null : `not connected (${error.message})`);
      });
    } catch (cause) {
      clearTimeout(timer);
      resolve(cause instanceof Error ? cause.message : String(cause));
    }
  });
}

/**
 * Whether a failed transaction certainly changed nothing. Only answers that etcd gives before it proposes count; time-outs,
 * lost leaders and broken connections leave it open.
 */
export function failureMeans(failure: CallFailure): 'refused' | 'unknown' {
  switch (failure.code) {
    case grpcStatus.INVALID_ARGUMENT:
    case grpcStatus.PERMISSION_DENIED:
    case grpcStatus.UNAUTHENTICATED:
    case grpcStatus.UNIMPLEMENTED:
      return 'refused';
    case grpcStatus.RESOURCE_EXHAUSTED:
      return failure.details.includes('etcdserver: ') ? 'refused' : 'unknown';
    case grpcStatus.UNAVAILABLE:
      return failure.details.includes('No connection established') ? 'refused' : 'unknown';
    default:
      return 'unknown';
  }
}
