import type { Json } from '../../core/base/canonical-json.ts';
import { HoldfastClient } from '../../wire/client.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import type { ApiEvent, HistoryEntry, OperatorAnswer, OperatorRequest } from '../../wire/operator-api.ts';
import { readTlsFiles } from '../../wire/peer-identity.ts';
import { type ConnectWish, findConnection } from './connect-file.ts';
import { withOwnCertificate } from './own-certificate.ts';

/** What commands need of the controllers; a test gives a twin that answers from memory. */
export interface Controllers {
  /** Names of those that are configured. */
  readonly names: readonly string[];
  ask(
    request: OperatorRequest,
    options?: { readonly deadlineMs?: number; readonly only?: string },
  ): Promise<OperatorAnswer>;
  history(query: {
    readonly controller: string;
    readonly after?: number;
    readonly limit?: number;
    readonly prefix?: string;
  }): Promise<readonly HistoryEntry[]>;
  follow(options: {
    readonly onEvent: (event: ApiEvent, controller: string) => void;
    readonly onGap?: (reason: string) => void;
    readonly signal: AbortSignal;
  }): Promise<void>;
  close(): void;
}

export interface Session {
  readonly controllers: Controllers;
  readonly person: { readonly name: string; readonly role: string };
  readonly firm: string | null;
}

/** @throws HoldfastError HF-8001, HF-8002, HF-8007, HF-3201 */
export function openSession(wish: ConnectWish): Session {
  const { controllers, person, firm, tls } = findConnection(wish);
  const identity = readTlsFiles(tls);
  const client = new HoldfastClient({ controllers, identity });
  const explained = async <Value>(answer: Promise<Value>): Promise<Value> => {
    try {
      return await answer;
    } catch (error) {
      throw withOwnCertificate(error, { name: person.name, files: tls, identity, nowMs: Date.now() });
    }
  };
  return {
    person,
    firm,
    controllers: {
      names: controllers.map(({ id }) => id),
      ask: (request, options) => explained(client.ask(request, options)),
      history: (query) => explained(client.history(query)),
      follow: (options) => client.follow(options),
      close: () => client.close(),
    },
  };
}

/** An answer that is not a refusal. @throws HoldfastError HF-8006 when no controller leads */
export function led(answer: OperatorAnswer, attempted: string): Exclude<OperatorAnswer, { kind: 'not-leading' }> {
  if (answer.kind !== 'not-leading') return answer;
  const last = answer.leader === null ? 'none is known to have led' : `the last one that did is ${answer.leader}`;
  throw new HoldfastError({
    code: 'HF-8006',
    attempted,
    found: `no controller leads now; ${last}. Nothing was done`,
    next: 'see which controllers and voters answer (holdfast status), then try again',
  });
}

/** The result of a request that is answered by any controller. */
export function resultOf(answer: OperatorAnswer, attempted: string): Json {
  const known = led(answer, attempted);
  if (known.kind === 'ok') return known.result;
  throw new HoldfastError({ code: known.code, attempted: known.tried, found: known.found, next: known.next });
}
