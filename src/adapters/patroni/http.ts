import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

/** `not-sent`: nobody took the connection, so nothing was asked. `unknown`: it may have been taken, and may still be carried out. */
export type HttpAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'not-sent'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface HttpQuestion {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: string;
  /** Sent as JSON. */
  readonly body?: object;
}

/** One question. Ends by its deadline, also when the server is frozen; never throws. */
export type AskHttp = (question: HttpQuestion, options: { readonly deadlineMs: number }) => Promise<HttpAnswer>;

export interface HttpIdentity {
  readonly credentials?: { readonly user: string; readonly password: string };
  /** PEM texts, for `https:`. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
}

const answerWithinBytes = 4 << 20;
/** Failures before a connection stood. */
const neverConnected = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EADDRNOTAVAIL']);

/** A connection for each question: one that was kept could belong to a server that is long frozen. */
export function httpBy(identity: HttpIdentity): AskHttp {
  const { credentials, tls } = identity;
  return ({ method, url, body }, { deadlineMs }) => {
    if (deadlineMs <= 0) return Promise.resolve({ kind: 'not-sent', reason: 'there was no time left to ask' });
    const { promise, resolve } = Promise.withResolvers<HttpAnswer>();
    const text = body === undefined ? '' : JSON.stringify(body);
    const options: RequestOptions = {
      method,
      agent: false,
      headers: {
        connection: 'close',
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
      ...(credentials === undefined ? {} : { auth: `${credentials.user}:${credentials.password}` }),
    };
    const isTls = url.startsWith('https:');
    const sent = isTls ? requestTls(url, { ...options, ...tls }) : requestPlain(url, options);
    const timer = setTimeout(() => {
      resolve({ kind: 'unknown', reason: `no answer within ${Math.ceil(deadlineMs)} ms` });
      sent.destroy();
    }, deadlineMs);
    const settle = (answer: HttpAnswer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    sent.on('error', (error: NodeJS.ErrnoException) =>
      settle({ kind: neverConnected.has(error.code ?? '') ? 'not-sent' : 'unknown', reason: error.message }),
    );
    sent.on('response', (response) => {
      void readText(response).then(
        (read) => settle({ kind: 'answer', status: response.statusCode ?? 0, text: read }),
        (error: unknown) => {
          sent.destroy();
          settle({ kind: 'unknown', reason: error instanceof Error ? error.message : String(error) });
        },
      );
    });
    sent.end(text);
    return promise;
  };
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > answerWithinBytes) throw new Error(`the answer is longer than ${answerWithinBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
