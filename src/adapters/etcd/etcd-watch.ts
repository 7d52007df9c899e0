import { setTimeout as pause } from 'node:timers/promises';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Revision } from '../../core/base/ids.ts';
import type { WatchEvent } from '../../engine/authority-port.ts';
import type { EtcdEndpoint } from './etcd-endpoint.ts';
import type { WatchRequest, WatchResponse } from './etcd-messages.ts';
import type { KeyLayout } from './key-layout.ts';
import { watchEvents } from './transaction-mapping.ts';

export interface EtcdWatchOptions {
  readonly layout: KeyLayout;
  readonly prefix: string;
  readonly afterRevision: Revision;
  /** Data that `afterRevision` belongs to; null = whatever the first connection finds. */
  readonly incarnation: string | null;
  readonly heartbeatMs: number;
  readonly silenceMs: number;
  readonly onEvent: (event: WatchEvent) => void;
  readonly current: () => EtcdEndpoint;
  readonly turnAwayFrom: (endpoint: EtcdEndpoint) => void;
  /** Asks a quorum through this server which data it holds; null = no answer in time. */
  readonly probe: (endpoint: EtcdEndpoint) => Promise<string | null>;
  readonly ended: () => void;
}

type Stream = ClientDuplexStream<WatchRequest, WatchResponse>;
const firstRetryMs = 50;
const lastRetryMs = 1000;

/**
 * One watch over any number of streams and servers. Two heartbeats guard a stream: a throw-away watcher that is created
 * and cancelled on it (an answer proves that the stream moves; progress requests prove less, and some versions of etcd
 * leave them unanswered), and a quorum read through the same server (an answer proves that it is not cut off).
 */
export class EtcdWatch {
  readonly #options: EtcdWatchOptions;
  #delivered: Revision;
  #incarnation: string | null;
  #lost = false;
  #ended = false;
  #leaveStream: ((reason: string) => void) | null = null;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    this.#delivered = options.afterRevision;
    this.#incarnation = options.incarnation;
    void this.#run();
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leaveStream?.('closed');
    this.#options.ended();
  }

  async #run(): Promise<void> {
    let retryMs = firstRetryMs;
    while (!this.#ended) {
      const endpoint = this.#options.current();
      const established = await this.#follow(endpoint);
      if (this.#ended) return;
      this.#options.turnAwayFrom(endpoint);
      if (established) retryMs = firstRetryMs;
      await pause(retryMs * (0.75 + Math.random() / 2), undefined, { ref: false });
      retryMs = Math.min(retryMs * 2, lastRetryMs);
    }
  }

  /** Follows one stream until it is lost. True when it had been established. */
  async #follow(endpoint: EtcdEndpoint): Promise<boolean> {
    const found = await this.#options.probe(endpoint);
    if (this.#ended) return false;
    if (found === null) {
      this.#report(`${endpoint.address}: no quorum answered`);
      return false;
    }
    this.#incarnation ??= found;
    if (found !== this.#incarnation) {
      this.#compacted();
      return false;
    }
    let established = false;
    const reason = await this.#stream(endpoint, () => {
      established = true;
    });
    if (!this.#ended) this.#report(reason);
    return established;
  }

  /** Resolves with the reason why the stream was left. */
  #stream(endpoint: EtcdEndpoint, onEstablished: () => void): Promise<string> {
    const { layout, prefix, silenceMs, heartbeatMs } = this.#options;
    return new Promise((resolve) => {
      const stream = endpoint.openWatch();
      const beat = new StreamBeat({
        stream,
        layout,
        silenceMs,
        heartbeatMs,
        probe: () => this.#probeOnStream(endpoint),
        lost: (reason) => leave(`${endpoint.address}: ${reason}`),
      });
      const leave = (reason: string) => {
        if (this.#leaveStream !== leave) return;
        this.#leaveStream = null;
        beat.stop();
        stream.removeAllListeners();
        stream.on('error', () => {});
        stream.cancel();
        resolve(reason);
      };
      this.#leaveStream = leave;
      let ownId: string | null = null;
      stream.on('error', (error) => leave(error.message));
      stream.on('end', () => leave(`${endpoint.address}: stream ended`));
      stream.on('data', (response: WatchResponse) => {
        beat.heard();
        if (ownId === null && response.created && !response.canceled) {
          ownId = response.watch_id;
          onEstablished();
          beat.start();
          this.#resumed();
        } else if (response.watch_id !== ownId && ownId !== null) beat.answered(response);
        else this.#received(response, leave);
      });
      stream.write({ create_request: { ...layout.below(prefix), start_revision: this.#delivered + 1 } });
    });
  }

  #received(response: WatchResponse, leave: (reason: string) => void): void {
    if (response.compact_revision !== '0') {
      this.#compacted();
      return;
    }
    if (response.canceled) {
      leave(`watch cancelled: ${response.cancel_reason}`);
      return;
    }
    for (const event of this.#parsed(response)) {
      if (this.#ended) return;
      if (event.revision <= this.#delivered) continue;
      this.#delivered = event.revision;
      this.#options.onEvent(event);
    }
  }

  /** What cannot be understood cannot be skipped either: the owner has to read again, and the read names the key. */
  #parsed(response: WatchResponse): Extract<WatchEvent, { kind: 'changed' }>[] {
    try {
      return watchEvents(this.#options.layout, response);
    } catch {
      this.#compacted();
      return [];
    }
  }

  async #probeOnStream(endpoint: EtcdEndpoint): Promise<boolean> {
    const found = await this.#options.probe(endpoint);
    if (found !== null && found !== this.#incarnation) this.#compacted();
    return found !== null;
  }

  #resumed(): void {
    if (!this.#lost || this.#ended) return;
    this.#lost = false;
    this.#options.onEvent({ kind: 'resumed', revision: this.#delivered });
  }

  #report(reason: string): void {
    if (this.#lost || this.#ended) return;
    this.#lost = true;
    this.#options.onEvent({ kind: 'lost', reason });
  }

  #compacted(): void {
    if (this.#ended) return;
    this.close();
    this.#options.onEvent({ kind: 'compacted' });
  }
}

interface StreamBeatOptions {
  readonly stream: Stream;
  readonly layout: KeyLayout;
  readonly heartbeatMs: number;
  readonly silenceMs: number;
  readonly probe: () => Promise<boolean>;
  readonly lost: (reason: string) => void;
}

/** Notices when a stream, or the quorum behind its server, has been silent for too long. */
class StreamBeat {
  readonly #options: StreamBeatOptions;
  readonly #timer: NodeJS.Timeout;
  #tickAtMs = performance.now();
  #heardAtMs = performance.now();
  #quorumAtMs = performance.now();
  #established = false;
  #asked = false;
  #probing = false;

  constructor(options: StreamBeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#beat(), options.heartbeatMs);
  }

  start(): void {
    this.#established = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  heard(): void {
    this.#heardAtMs = performance.now();
  }

  /** A response for the throw-away watcher. */
  answered(response: WatchResponse): void {
    if (!response.created) return;
    this.#asked = false;
    if (!response.canceled) this.#options.stream.write({ cancel_request: { watch_id: response.watch_id } });
  }

  /** Silence is counted only while this process itself was running: a late tick starts the count again. */
  #beat(): void {
    const now = performance.now();
    const { silenceMs, heartbeatMs } = this.#options;
    if (now - this.#tickAtMs - heartbeatMs > silenceMs / 2) this.#heardAtMs = this.#quorumAtMs = now;
    this.#tickAtMs = now;
    const silentMs = Math.round(now - this.#heardAtMs);
    const withoutQuorumMs = Math.round(now - this.#quorumAtMs);
    if (silentMs >= silenceMs) this.#options.lost(`nothing heard for ${silentMs} ms`);
    else if (withoutQuorumMs >= silenceMs) this.#options.lost(`no quorum answered for ${withoutQuorumMs} ms`);
    else if (this.#established) this.#ask();
  }

  #ask(): void {
    if (!this.#asked) {
      this.#asked = true;
      this.#options.stream.write({ create_request: { key: this.#options.layout.incarnation, start_revision: 0 } });
    }
    if (this.#probing) return;
    this.#probing = true;
    const askedAtMs = performance.now();
    void this.#options.probe().then((answered) => {
      this.#probing = false;
      if (answered) this.#quorumAtMs = askedAtMs;
    });
  }
}
