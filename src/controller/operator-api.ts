import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { canonicalJson, type Json } from '../core/base/canonical-json.ts';
import { EXPOSITION_TYPE } from '../core/metrics/exposition.ts';
import {
  mayAsk,
  type OperatorAnswer,
  type OperatorRequest,
  type Person,
  requestWords,
  riskIn,
  roleNeeded,
} from '../core/operator/operator-request.ts';
import { Fields, ShapeError } from '../wire/fields.ts';
import { causeText, HoldfastError } from '../wire/holdfast-error.ts';
import {
  type ApiEvent,
  type ApiProblem,
  apiLimits,
  type HistoryEntry,
  parseOperatorRequest,
} from '../wire/operator-api.ts';
import { identityOf, isPerson, type TlsIdentity } from '../wire/peer-identity.ts';

export interface OperatorApiOptions {
  readonly host: string;
  /** 0 = any free port; the real one is `OperatorApi.port`. */
  readonly port: number;
  readonly identity: TlsIdentity;
  /** Null: no answer by the deadline. */
  readonly ask: (request: OperatorRequest, person: Person, deadlineMs: number) => Promise<OperatorAnswer | null>;
  readonly history: (query: {
    readonly after: number;
    readonly limit: number;
    readonly prefix: string;
  }) => readonly HistoryEntry[];
  /** Prometheus' text; null: the topology does not ask for it, and nothing is there. */
  readonly metrics: (() => string) | null;
  readonly turnedAway: (who: string, reason: string) => void;
  /** Between two looks at the status while somebody follows it. Default 500. */
  readonly statusEveryMs?: number;
}

const MAX_CONNECTIONS = 128;
const MAX_PER_PERSON = 16;
const MAX_FOLLOWERS = 32;
const MAX_HISTORY = 5000;
const ALIVE_EVERY_MS = 5000;
/** What a follower leaves unread until it is cut off. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
/** Whose eyes the status stream looks through: everybody who may follow sees the same. */
const follower: Person = { name: 'status stream', role: 'observer' };

class Refusal extends Error {
  readonly status: number;
  readonly problem: ApiProblem;
  constructor(status: number, problem: ApiProblem) {
    super(problem.found);
    this.status = status;
    this.problem = problem;
  }
}

const refuse = (status: number, code: string, tried: string, found: string, next: string): Refusal =>
  new Refusal(status, { code, tried, found, next });

/** The operator API of one controller (`src/wire/operator-api.ts`): people with a certificate of this firm, nobody else. */
export class OperatorApi {
  readonly #options: OperatorApiOptions;
  readonly #server: Server;
  readonly #perPerson = new Map<string, number>();
  readonly #followers = new Set<ServerResponse>();
  #poll: NodeJS.Timeout | null = null;
  #lastStatus = '';
  #lastSentAt = 0;

  private constructor(options: OperatorApiOptions) {
    this.#options = options;
    const { ca, cert, key } = options.identity;
    // Not refused in the handshake: a person without a certificate gets a plain 401 instead of a puzzle.
    this.#server = createServer({
      ca,
      cert,
      key,
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: false,
      maxHeaderSize: 16 * 1024,
      requestTimeout: 10_000,
      headersTimeout: 5000,
      keepAliveTimeout: 15_000,
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('tlsClientError', (_cause, socket) => socket.destroy());
    this.#server.on('clientError', (_cause, socket) => socket.destroy());
    this.#server.on(
      'request',
      (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response),
    );
  }

  /** Resolves when the port is bound. @throws HoldfastError HF-3202 */
  static async listen(options: OperatorApiOptions): Promise<OperatorApi> {
    const api = new OperatorApi(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    api.#server.once('error', reject);
    api.#server.listen({ host: options.host, port: options.port }, resolve);
    try {
      await promise;
    } catch (cause) {
      throw new HoldfastError({
        code: 'HF-3202',
        attempted: `serve the operator API on ${options.host}:${options.port}`,
        found: causeText(cause),
        next: 'free the port, or give another one in the configuration',
        cause,
      });
    }
    return api;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  async close(): Promise<void> {
    if (this.#poll !== null) clearInterval(this.#poll);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const person = this.#person(request);
      await this.#countedFor(person, () => this.#route(request, response, person));
    } catch (cause) {
      const refusal =
        cause instanceof Refusal
          ? cause
          : refuse(400, 'HF-3105', 'read the request', causeText(cause), 'see docs/reference/http-api.md');
      request.resume();
      send(response, refusal.status, { error: { ...refusal.problem } });
    }
  }

  #person(request: IncomingMessage): Person {
    const socket = request.socket as TLSSocket;
    const unknown = refuse(
      401,
      'HF-3106',
      'use the operator API',
      'not authenticated',
      'use a certificate of this firm',
    );
    if (!socket.authorized) {
      this.#options.turnedAway(
        'somebody',
        socket.authorizationError === undefined ? 'no valid certificate' : String(socket.authorizationError),
      );
      throw unknown;
    }
    const identity = identityOf(socket.getPeerCertificate());
    if (identity === null) {
      this.#options.turnedAway('somebody', 'a certificate that names nobody');
      throw unknown;
    }
    if (!isPerson(identity)) {
      this.#options.turnedAway(`${identity.role} ${identity.name}`, 'not a person');
      throw refuse(
        403,
        'HF-3107',
        'use the operator API',
        `${identity.name} is a machine of role ${identity.role}`,
        'use a person\u2019s certificate',
      );
    }
    return { name: identity.name, role: identity.role };
  }

  async #countedFor(person: Person, work: () => Promise<void>): Promise<void> {
    const count = this.#perPerson.get(person.name) ?? 0;
    if (count >= MAX_PER_PERSON)
      throw refuse(
        429,
        'HF-3108',
        'ask the controller',
        `${person.name} has ${count} requests under way`,
        'wait for their answers',
      );
    this.#perPerson.set(person.name, count + 1);
    try {
      await work();
    } finally {
      const left = (this.#perPerson.get(person.name) ?? 1) - 1;
      if (left === 0) this.#perPerson.delete(person.name);
      else this.#perPerson.set(person.name, left);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, person: Person): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://controller');
    const method = request.method ?? 'GET';
    const allow = (wanted: string) => {
      if (method !== wanted)
        throw refuse(
          405,
          'HF-3105',
          `${method} ${url.pathname}`,
          `only ${wanted} is served there`,
          'see docs/reference/http-api.md',
        );
    };
    switch (url.pathname) {
      case '/v1/requests':
        allow('POST');
        return send(response, 200, { answer: await this.#answer(await requestOf(request), person) });
      case '/v1/status':
        allow('GET');
        return send(response, 200, { answer: await this.#answer({ kind: 'status' }, person) });
      case '/v1/events':
        allow('GET');
        return this.#follow(response);
      case '/metrics': {
        const { metrics } = this.#options;
        if (metrics === null) throw nothingThere(method, url);
        allow('GET');
        return sendText(response, EXPOSITION_TYPE, metrics());
      }
      case '/v1/history':
        allow('GET');
        return send(response, 200, { entries: this.#options.history(historyQuery(url)) });
      default:
        throw nothingThere(method, url);
    }
  }

  async #answer(request: OperatorRequest, person: Person): Promise<OperatorAnswer> {
    if (!mayAsk(person, request)) {
      this.#options.turnedAway(
        `${person.role} ${person.name}`,
        `may not ${request.kind}: ${riskIn(request)} needs ${roleNeeded(request)}`,
      );
      throw refuse(
        403,
        'HF-3107',
        requestWords(request),
        `${person.name} has the role ${person.role}; ${riskIn(request)} needs ${roleNeeded(request)}`,
        `ask somebody with the role ${roleNeeded(request)} or above`,
      );
    }
    const answer = await this.#options.ask(request, person, apiLimits.answerWithinMs);
    if (answer !== null) return answer;
    throw refuse(
      504,
      'HF-3103',
      requestWords(request),
      `no answer within ${apiLimits.answerWithinMs} ms; it may have been done`,
      'look at the status before you repeat it',
    );
  }

  #follow(response: ServerResponse): void {
    if (this.#followers.size >= MAX_FOLLOWERS)
      throw refuse(429, 'HF-3108', 'follow the status', `${MAX_FOLLOWERS} follow it already`, 'close one of them');
    response.writeHead(200, { ...commonHeaders, 'content-type': 'application/x-ndjson' });
    response.socket?.setNoDelay(true);
    this.#followers.add(response);
    response.on('error', () => response.destroy());
    response.on('close', () => {
      this.#followers.delete(response);
      if (this.#followers.size > 0 || this.#poll === null) return;
      clearInterval(this.#poll);
      this.#poll = null;
    });
    this.#lastStatus = '';
    this.#poll ??= setInterval(() => void this.#look(), this.#options.statusEveryMs ?? 500);
    void this.#look();
  }

  async #look(): Promise<void> {
    const answer = await this.#options.ask({ kind: 'status' }, follower, 2000);
    const at = Date.now();
    const status = answer?.kind === 'ok' ? answer.result : null;
    const text = canonicalJson(status);
    if (status !== null && text !== this.#lastStatus) {
      this.#lastStatus = text;
      this.#tell({ event: 'status', at, status });
    } else if (at - this.#lastSentAt >= ALIVE_EVERY_MS) this.#tell({ event: 'alive', at });
  }

  #tell(event: ApiEvent): void {
    this.#lastSentAt = event.at;
    const line = `${JSON.stringify(event)}\n`;
    for (const response of this.#followers) {
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
      else response.write(line);
    }
  }
}

const nothingThere = (method: string, { pathname }: URL): Refusal =>
  refuse(404, 'HF-3105', `${method} ${pathname}`, 'there is nothing there', 'see docs/reference/http-api.md');

const commonHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

function send(
  response: ServerResponse,
  status: number,
  body: Readonly<Record<string, unknown>> | { readonly answer: OperatorAnswer },
): void {
  if (response.headersSent) return void response.destroy();
  response.statusCode = status;
  sendText(response, 'application/json', `${JSON.stringify(body as Json)}\n`);
}

function sendText(response: ServerResponse, type: string, text: string): void {
  const length = Buffer.byteLength(text);
  response.writeHead(response.statusCode, { ...commonHeaders, 'content-type': type, 'content-length': length });
  response.end(text);
}

async function requestOf(request: IncomingMessage): Promise<OperatorRequest> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > apiLimits.requestBytes)
      throw refuse(413, 'HF-3105', 'read the request', `it has more than ${apiLimits.requestBytes} bytes`, 'send less');
    chunks.push(chunk);
  }
  try {
    return parseOperatorRequest(Fields.parse(Buffer.concat(chunks).toString('utf8'), '').json('request'));
  } catch (cause) {
    if (cause instanceof ShapeError)
      throw refuse(400, 'HF-3105', 'read the request', cause.message, 'see docs/reference/http-api.md');
    throw cause;
  }
}

function historyQuery(url: URL): { after: number; limit: number; prefix: string } {
  const number = (name: string, fallback: number, greatest: number) => {
    const text = url.searchParams.get(name) ?? String(fallback);
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0 || value > greatest)
      throw refuse(
        400,
        'HF-3105',
        'read the history',
        `"${name}" must be a whole number from 0 to ${greatest}`,
        'correct it',
      );
    return value;
  };
  return {
    after: number('after', 0, Number.MAX_SAFE_INTEGER),
    limit: number('limit', 500, MAX_HISTORY),
    prefix: (url.searchParams.get('prefix') ?? '').slice(0, 200),
  };
}
