import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { Json } from '../core/base/canonical-json.ts';
import { requestWords } from '../core/operator/operator-request.ts';
import { Fields } from './fields.ts';
import { causeText, HoldfastError } from './holdfast-error.ts';
import { LineFrames } from './line-frames.ts';
import {
  type ApiEvent,
  apiLimits,
  type HistoryEntry,
  isRead,
  type OperatorAnswer,
  type OperatorRequest,
  parseApiProblem,
  parseOperatorAnswer,
} from './operator-api.ts';
import { mustBe, type TlsIdentity } from './peer-identity.ts';

export interface ControllerAddress {
  /** The controller's name: its site. What its certificate must say. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface HoldfastClientOptions {
  readonly controllers: readonly ControllerAddress[];
  /** The person's certificate. */
  readonly identity: TlsIdentity;
  /** For one request over all controllers. Default 10 000. */
  readonly deadlineMs?: number;
}

export interface AskOptions {
  readonly deadlineMs?: number;
  /** Ask only this controller, also when it does not lead. */
  readonly only?: string;
}

/** One controller did not answer. `sent`: the request may have reached it. */
class NoAnswer extends Error {
  readonly sent: boolean;
  constructor(sent: boolean, found: string, cause?: unknown) {
    super(found, { cause });
    this.sent = sent;
  }
}

const RETRY_MS = 250;
/** Of one attempt, when there are other controllers to ask. */
const CONNECT_WITHIN_MS = 1500;
/** Of one read, when there are others to ask: one that is frozen keeps its connections and says nothing. */
const READ_WITHIN_MS = 2500;
/** Whoever has not heard the authority for so long may take a leadership for its own that has passed to another. */
const AUTHORITY_STALE_MS = 3000;

/**
 * Asks the controllers on behalf of one person. Finds the one that leads; a request that changes something is never sent
 * twice unless it certainly did not arrive.
 */
export class HoldfastClient {
  readonly #options: HoldfastClientOptions;
  readonly #agents: ReadonlyMap<string, Agent>;
  #preferred: string | null = null;

  constructor(options: HoldfastClientOptions) {
    if (options.controllers.length === 0)
      throw new HoldfastError({
        code: 'HF-3101',
        attempted: 'ask a controller',
        found: 'no controller is configured',
        next: 'give at least one controller',
      });
    this.#options = options;
    this.#agents = new Map(
      options.controllers.map(({ id }) => [id, new Agent({ ...this.#tls(id), keepAlive: true, maxSockets: 4 })]),
    );
  }

  /**
   * The answer of the controller that leads (of any, for reads; a status is that of one which hears the authority, where one does).
   * `not-leading` only when none led until the deadline.
   * @throws HoldfastError HF-3102 nobody answered · HF-3103 may have been done, look before repeating · or the controller's own code
   */
  async ask(request: OperatorRequest, options: AskOptions = {}): Promise<OperatorAnswer> {
    const until = performance.now() + (options.deadlineMs ?? this.#options.deadlineMs ?? 10_000);
    const body = JSON.stringify({ request });
    const read = isRead(request) && request.kind !== 'plan';
    const problems = new Map<string, string>();
    let notLeading: OperatorAnswer | null = null;
    if (!read && options.only === undefined && this.#preferred === null) await this.#findLeader(until);
    for (;;) {
      let stale: { readonly answer: OperatorAnswer; readonly silentMs: number } | null = null;
      for (const controller of this.#order(options.only)) {
        const leftMs = until - performance.now();
        if (leftMs <= 0) break;
        const elsewhere = options.only === undefined && this.#options.controllers.length > 1;
        try {
          const call =
            request.kind === 'status'
              ? { method: 'GET', path: '/v1/status', body: null }
              : { method: 'POST', path: '/v1/requests', body };
          const value = await this.#exchange(controller, {
            ...call,
            deadlineMs: read && elsewhere ? Math.min(leftMs, READ_WITHIN_MS) : leftMs,
            patient: options.only !== undefined,
          });
          const answer = parseOperatorAnswer(value.json('answer'));
          const silentMs = request.kind === 'status' && elsewhere ? authoritySilence(answer) : 0;
          if (silentMs > AUTHORITY_STALE_MS) {
            if (stale === null || silentMs < stale.silentMs) stale = { answer, silentMs };
            if (this.#preferred === controller.id) this.#preferred = null;
          } else if (answer.kind !== 'not-leading' || options.only !== undefined) {
            if (answer.kind !== 'not-leading' && !read) this.#preferred = controller.id;
            return answer;
          } else {
            notLeading = answer;
            if (answer.leader !== null && answer.leader !== controller.id && this.#agents.has(answer.leader))
              this.#preferred = answer.leader;
            else if (this.#preferred === controller.id) this.#preferred = null;
          }
        } catch (cause) {
          if (!(cause instanceof NoAnswer)) throw cause;
          if (this.#preferred === controller.id) this.#preferred = null;
          problems.set(controller.id, cause.message);
          if (cause.sent && !isRead(request)) throw this.#ambiguous(request, controller, cause);
        }
      }
      if (stale !== null) return stale.answer;
      if (performance.now() + RETRY_MS >= until) break;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    if (notLeading !== null) return notLeading;
    throw this.#nobody(requestWords(request), problems);
  }

  /** Before the first request that needs the leader: an isolated controller that once led would take it, and could do nothing. */
  async #findLeader(until: number): Promise<void> {
    if (this.#options.controllers.length < 2) return;
    const deadlineMs = Math.min(READ_WITHIN_MS, until - performance.now());
    const answer = await this.ask({ kind: 'status' }, { deadlineMs }).catch(() => null);
    const leader = answer?.kind === 'ok' ? leaderIn(answer.result) : null;
    if (leader !== null && this.#agents.has(leader)) this.#preferred = leader;
  }

  /** `result` of `{"kind":"status"}`. @throws HoldfastError as `ask` */
  async status(options: AskOptions = {}): Promise<Json> {
    const answer = await this.ask({ kind: 'status' }, options);
    return answer.kind === 'ok' ? answer.result : null;
  }

  /** What one controller saw the authority say, oldest first. @throws HoldfastError */
  async history(options: {
    readonly controller: string;
    readonly after?: number;
    readonly limit?: number;
    readonly prefix?: string;
  }): Promise<readonly HistoryEntry[]> {
    const query = new URLSearchParams({
      after: String(options.after ?? 0),
      limit: String(options.limit ?? 500),
      prefix: options.prefix ?? '',
    });
    const controller = this.#controller(options.controller);
    try {
      const value = await this.#exchange(controller, {
        method: 'GET',
        path: `/v1/history?${query}`,
        body: null,
        deadlineMs: this.#options.deadlineMs ?? 10_000,
        patient: true,
      });
      return value.json('entries') as unknown as readonly HistoryEntry[];
    } catch (cause) {
      if (cause instanceof NoAnswer) throw this.#nobody('history', new Map([[controller.id, cause.message]]));
      throw cause;
    }
  }

  /**
   * Follows the status of whichever controller answers, until the signal aborts; changes controller when one falls silent.
   * Never rejects; `onGap` says when nobody answers.
   */
  async follow(options: {
    readonly onEvent: (event: ApiEvent, controller: string) => void;
    readonly onGap?: (reason: string) => void;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const { signal } = options;
    for (let turn = 0; !signal.aborted; turn += 1) {
      const controllers = this.#order(undefined);
      const controller = controllers[turn % controllers.length];
      if (controller === undefined) return;
      try {
        await this.#stream(controller, options);
      } catch (cause) {
        if (!signal.aborted) options.onGap?.(`${controller.id}: ${causeText(cause)}`);
      }
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #order(only: string | undefined): readonly ControllerAddress[] {
    if (only !== undefined) return [this.#controller(only)];
    const { controllers } = this.#options;
    return controllers.toSorted((a, b) => Number(b.id === this.#preferred) - Number(a.id === this.#preferred));
  }

  #controller(id: string): ControllerAddress {
    const found = this.#options.controllers.find((controller) => controller.id === id);
    if (found) return found;
    const known = this.#options.controllers.map((controller) => controller.id).join(', ');
    throw new HoldfastError({
      code: 'HF-3101',
      attempted: `ask the controller ${id}`,
      found: 'it is not configured',
      next: `use one of ${known}`,
    });
  }

  #tls(id: string): ConnectionOptions {
    const { ca, cert, key } = this.#options.identity;
    return { ca, cert, key, minVersion: 'TLSv1.3', checkServerIdentity: mustBe({ name: id, role: 'controller' }) };
  }

  #exchange(
    controller: ControllerAddress,
    call: { method: string; path: string; body: string | null; deadlineMs: number; patient: boolean },
  ): Promise<Fields> {
    const { promise, resolve, reject } = Promise.withResolvers<Fields>();
    const outgoing = httpsRequest(this.#requestOptions(controller, call.method, call.path));
    let sent = false;
    const give = (found: string, cause?: unknown) => {
      reject(new NoAnswer(sent, found, cause));
      outgoing.destroy();
    };
    const whole = setTimeout(() => give(`no answer within ${Math.round(call.deadlineMs)} ms`), call.deadlineMs);
    const connected = setTimeout(
      () => sent || call.patient || give(`no connection within ${CONNECT_WITHIN_MS} ms`),
      Math.min(CONNECT_WITHIN_MS, call.deadlineMs),
    );
    outgoing.on('error', (cause) => give(causeText(cause), cause));
    outgoing.on('socket', (socket) => {
      // The body is written once the handshake is done, so before that nothing can have arrived.
      if (socket.connecting || !('encrypted' in socket)) socket.once('secureConnect', () => (sent = true));
      else sent = true;
    });
    outgoing.on('response', (response) => {
      readBody(response, apiLimits.answerBytes).then(
        (text) => {
          try {
            resolve(readAnswer(response.statusCode ?? 0, text));
          } catch (cause) {
            reject(cause instanceof HoldfastError ? cause : new NoAnswer(true, causeText(cause), cause));
          }
        },
        (cause: unknown) => give(causeText(cause), cause),
      );
    });
    outgoing.end(call.body ?? undefined);
    return promise.finally(() => {
      clearTimeout(whole);
      clearTimeout(connected);
    });
  }

  #stream(
    controller: ControllerAddress,
    options: { onEvent: (event: ApiEvent, controller: string) => void; signal: AbortSignal },
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const outgoing = httpsRequest({ ...this.#requestOptions(controller, 'GET', '/v1/events'), signal: options.signal });
    const frames = new LineFrames({ maxLength: apiLimits.answerBytes });
    outgoing.setTimeout(STREAM_SILENCE_MS, () =>
      outgoing.destroy(new Error(`nothing heard for ${STREAM_SILENCE_MS} ms`)),
    );
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      if (response.statusCode !== 200) {
        readBody(response, apiLimits.answerBytes).then(
          (text) => reject(problemFrom(response.statusCode ?? 0, text)),
          reject,
        );
        return;
      }
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        try {
          for (const line of frames.push(text)) options.onEvent(JSON.parse(line) as ApiEvent, controller.id);
        } catch (cause) {
          outgoing.destroy(cause instanceof Error ? cause : new Error(String(cause)));
        }
      });
      response.on('error', reject);
      response.on('close', resolve);
    });
    outgoing.end();
    return promise;
  }

  #requestOptions(controller: ControllerAddress, method: string, path: string): RequestOptions {
    // A change goes over a connection of its own: one that was kept open may have been closed by the other side just now,
    // and then nobody could say whether the request arrived.
    const agent = method === 'POST' ? undefined : this.#agents.get(controller.id);
    const headers = {
      host: controller.id,
      accept: 'application/json',
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    };
    return {
      host: controller.host,
      port: controller.port,
      servername: '',
      method,
      path,
      headers,
      ...(agent === undefined ? { ...this.#tls(controller.id), agent: false } : { agent }),
    };
  }

  #ambiguous(request: OperatorRequest, controller: ControllerAddress, cause: NoAnswer): HoldfastError {
    return new HoldfastError({
      code: 'HF-3103',
      attempted: `ask the controller ${controller.id}: ${requestWords(request)}`,
      found: `${cause.message}; it may have been done`,
      next: 'look at `holdfast status` and `holdfast runs` before you repeat it',
      cause,
    });
  }

  #nobody(kind: string, problems: ReadonlyMap<string, string>): HoldfastError {
    const found = [...problems].map(([id, problem]) => `${id}: ${problem}`).join('; ');
    return new HoldfastError({
      code: 'HF-3102',
      attempted: `ask the controllers (${kind})`,
      found: found === '' ? 'none answered in time' : found,
      next:
        [...problems.values()].every(isAboutCertificates) && problems.size > 0
          ? 'somebody answers there whom this CA file does not know: compare the CA file and the addresses with those of the firm'
          : 'check that a controller runs and that its address is right',
    });
  }
}

const STREAM_SILENCE_MS = 12_000;

/** Whether the handshake failed because of the controller's certificate. */
const isAboutCertificates = (problem: string): boolean => /certificate|^expected controller/.test(problem);

/** How long the controller has not heard the authority, as its status says. */
function authoritySilence(answer: OperatorAnswer): number {
  if (answer.kind !== 'ok') return 0;
  const status = answer.result as { readonly authority?: { readonly heardMsAgo?: number | null } } | null;
  const heardMsAgo = status?.authority?.heardMsAgo;
  return heardMsAgo === null ? Number.POSITIVE_INFINITY : (heardMsAgo ?? 0);
}

function leaderIn(status: Json): string | null {
  const { leader } = (status ?? {}) as { readonly leader?: { readonly controller?: string } | null };
  return leader?.controller ?? null;
}

function readBody(response: IncomingMessage, limit: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > limit) response.destroy(new Error(`the answer has more than ${limit} characters`));
  });
  response.on('end', () => resolve(text));
  response.on('error', reject);
  response.on('close', () => reject(new Error('the connection was closed before the answer was complete')));
  return promise;
}

function readAnswer(status: number, text: string): Fields {
  if (status !== 200) throw problemFrom(status, text);
  return Fields.parse(text, '');
}

function problemFrom(status: number, text: string): HoldfastError {
  try {
    const { code, tried, found, next } = parseApiProblem(Fields.parse(text, '').json('error'));
    return new HoldfastError({ code, attempted: tried, found, next });
  } catch {
    return new HoldfastError({
      code: 'HF-3104',
      attempted: 'read the answer of a controller',
      found: `status ${status} without a readable reason`,
      next: 'check that the address is that of the operator API',
    });
  }
}
