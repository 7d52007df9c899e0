import { connect, createServer, type Server, type Socket } from 'node:net';
import { monoNowMs } from '../base/mono-clock.ts';
import { parseAddress } from '../control/contract-params.ts';

/** What a front saw of one service; a dependant's evidence about the backend. */
export interface RelayFigures {
  readonly target: string | null;
  readonly sessions: number;
  /** Sessions ever relayed. */
  readonly opened: number;
  /** Clients turned away because the service was closed. */
  readonly turnedAway: number;
  /** Connections that the backend refused or did not accept in time. */
  readonly refused: number;
  /** Established sessions that the backend ended first. */
  readonly lost: number;
  readonly lastRefusedAgoMs: number | null;
  readonly lastLostAgoMs: number | null;
  /** Since a backend last sent anything; null = it never did on this route. */
  readonly backendSilentMs: number | null;
}

interface Pair {
  readonly client: Socket;
  readonly backend: Socket;
  established: boolean;
}

/** Each costs two descriptors. Who comes and says nothing is for the backend to cut. */
const MOST_CLIENTS = 1024;

/** One service's listener. Closed, it resets whoever connects; routed, it copies bytes both ways. */
export class ServiceRelay {
  readonly #dialDeadlineMs: number;
  readonly #onEvidence: () => void;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #target: string | null = null;
  #opened = 0;
  #turnedAway = 0;
  #refused = 0;
  #lost = 0;
  #lastRefusedAtMs: number | null = null;
  #lastLostAtMs: number | null = null;
  #backendHeardAtMs: number | null = null;

  constructor(options: { readonly dialDeadlineMs: number; readonly onEvidence: () => void }) {
    this.#dialDeadlineMs = options.dialDeadlineMs;
    this.#onEvidence = options.onEvidence;
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => this.#accept(client));
    this.#server.maxConnections = MOST_CLIENTS;
  }

  get target(): string | null {
    return this.#target;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  listen(options: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options.port, options.host, () => resolve());
    });
  }

  /** Sends new sessions there; sessions of another target are cut before this returns. Null closes the service. */
  route(target: string | null): void {
    if (target === this.#target) return;
    this.#target = target;
    this.#backendHeardAtMs = null;
    for (const { client, backend } of this.#pairs) {
      client.resetAndDestroy();
      backend.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  figures(): RelayFigures {
    const nowMs = monoNowMs();
    const ago = (atMs: number | null) => (atMs === null ? null : Math.round(nowMs - atMs));
    return {
      target: this.#target,
      sessions: this.#pairs.size,
      opened: this.#opened,
      turnedAway: this.#turnedAway,
      refused: this.#refused,
      lost: this.#lost,
      lastRefusedAgoMs: ago(this.#lastRefusedAtMs),
      lastLostAgoMs: ago(this.#lastLostAtMs),
      backendSilentMs: ago(this.#backendHeardAtMs),
    };
  }

  close(): Promise<void> {
    this.route(null);
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    client.on('error', () => client.destroy());
    const address = this.#target === null ? null : parseAddress(this.#target);
    if (address === null) {
      this.#turnedAway += 1;
      client.resetAndDestroy();
      return;
    }
    const backend = connect({ ...address, noDelay: true });
    const pair: Pair = { client, backend, established: false };
    this.#pairs.add(pair);
    const deadline = setTimeout(() => backend.destroy(), this.#dialDeadlineMs);
    backend.on('connect', () => {
      clearTimeout(deadline);
      pair.established = true;
      this.#opened += 1;
      client.pipe(backend);
      backend.pipe(client);
      backend.on('data', () => {
        this.#backendHeardAtMs = monoNowMs();
      });
    });
    backend.on('error', () => backend.destroy());
    backend.on('close', () => {
      clearTimeout(deadline);
      this.#end(pair, 'backend');
    });
    client.on('close', () => this.#end(pair, 'client'));
  }

  #end(pair: Pair, endedBy: 'client' | 'backend'): void {
    if (!this.#pairs.delete(pair)) return;
    if (endedBy === 'backend') {
      if (pair.established && !pair.client.readableEnded) {
        this.#lost += 1;
        this.#lastLostAtMs = monoNowMs();
      } else if (!pair.established) {
        this.#refused += 1;
        this.#lastRefusedAtMs = monoNowMs();
      }
      this.#onEvidence();
    }
    pair.backend.destroy();
    // What the backend sent before it closed still goes out.
    if (endedBy === 'backend') pair.client.end();
    pair.client.destroySoon();
  }
}
