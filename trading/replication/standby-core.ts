import { type Block, whyNotNext } from '../journal/block.ts';
import type { LogView } from './log-view.ts';
import type { PrimaryMessage, StandbyMessage, StateHash } from './messages.ts';

/**
 * The standby's half of replication as a pure state machine: events in, effects out, no clock, no I/O. It refuses every
 * frame of an epoch older than the highest it has stored (I2), and acknowledges only what is durable here.
 */
export type StandbyEvent =
  | { readonly kind: 'follow'; readonly upstream: Upstream; readonly nowMs: number }
  /** Promoted or demoted: nothing more is accepted or acknowledged. */
  | { readonly kind: 'stop' }
  /** A higher epoch was stored: what comes from a primary of an older one ends now. */
  | { readonly kind: 'epoch-raised'; readonly nowMs: number }
  | { readonly kind: 'connected'; readonly connection: number; readonly nowMs: number }
  | { readonly kind: 'closed'; readonly connection: number; readonly nowMs: number }
  | { readonly kind: 'message'; readonly connection: number; readonly message: PrimaryMessage; readonly nowMs: number }
  /** `senderEpoch` is that of the primary; the block itself may be older when catching up. */
  | {
      readonly kind: 'block';
      readonly connection: number;
      readonly senderEpoch: number;
      readonly block: Block;
      readonly nowMs: number;
    }
  | { readonly kind: 'durable' }
  | { readonly kind: 'cut-done' }
  /** The state was computed anew from the log: what differed is gone. */
  | { readonly kind: 'recomputed'; readonly nowMs: number }
  | { readonly kind: 'tick'; readonly nowMs: number };

export type StandbyEffect =
  /** Connect; answered by `connected` or `closed` with this number. */
  | { readonly kind: 'dial'; readonly connection: number; readonly address: string }
  | { readonly kind: 'close'; readonly connection: number; readonly reason: string }
  | { readonly kind: 'send'; readonly connection: number; readonly message: StandbyMessage }
  /** Store durably before the next effect is carried out. */
  | { readonly kind: 'store-epoch'; readonly epoch: number }
  | { readonly kind: 'append'; readonly block: Block }
  | { readonly kind: 'note-released'; readonly sequence: number }
  /** Every replica and reader of the primary has stored this; 0 = it is not known of this primary. */
  | { readonly kind: 'note-stored'; readonly sequence: number }
  /** Keep everything after this in a file, cut it, rebuild what was computed from it; answered by `cut-done`. */
  | { readonly kind: 'cut'; readonly after: number }
  | { readonly kind: 'upstream-changed' };

export interface Upstream {
  readonly instance: string;
  readonly address: string;
}

/** Two states that were to be equal after one entry: hashes as the primary and this replica computed them. */
export interface StateDifference {
  readonly sequence: number;
  readonly primary: string;
  readonly replica: string;
}

export interface StandbyCoreOptions {
  readonly instance: string;
  /** Highest epoch stored here, read at each use. */
  readonly epochs: { readonly highest: number };
  readonly log: LogView;
  readonly dialDeadlineMs: number;
  /** A silent connection is given up and dialled again after this. */
  readonly silenceLimitMs: number;
  /** A heartbeat that comes sooner after the last answered one needs no answer while nothing new is durable. Default 0. */
  readonly answerAfterMs?: number;
  /** The newest hash noted of the state that the log amounts to; null when there is none. Left out: not sent. */
  readonly stateHash?: () => StateHash | null;
}

type Stage = 'idle' | 'waiting' | 'dialling' | 'joining' | 'cutting' | 'streaming';

const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 100;

export class StandbyCore {
  readonly #options: StandbyCoreOptions;
  #stage: Stage = 'idle';
  #upstream: Upstream | null = null;
  #connection = 0;
  #primaryEpoch = 0;
  #heardAtMs = 0;
  #dialAtMs = 0;
  #retryMs = FIRST_RETRY_MS;
  #tickedAtMs: number | null = null;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #ackedSequence = -1;
  #sentHashOf = 0;
  #difference: StateDifference | null = null;
  #sentHash = '';
  #tooOld = false;

  constructor(options: StandbyCoreOptions) {
    this.#options = options;
  }

  get upstream(): Upstream | null {
    return this.#upstream;
  }

  /** The logs are joined and blocks flow. */
  get connected(): boolean {
    return this.#stage === 'streaming';
  }

  /** Nothing is under way that a tick would bring on; silence is told by whoever waits for it. */
  get calm(): boolean {
    return this.#stage === 'idle' || this.#stage === 'streaming';
  }

  /** A primary found at this sequence that the state here is not its own. It follows nobody until the state was computed anew. */
  get differsAt(): number | null {
    return this.#difference?.sequence ?? null;
  }

  /** The same with both hashes. */
  get difference(): StateDifference | null {
    return this.#difference;
  }

  /** The logs cannot be joined, because what would have to be compared or sent was removed on one side. */
  get tooOld(): boolean {
    return this.#tooOld;
  }

  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  step(event: StandbyEvent): StandbyEffect[] {
    switch (event.kind) {
      case 'follow':
        return this.#follow(event.upstream, event.nowMs);
      case 'stop':
        return this.#stop();
      case 'epoch-raised':
        return this.#hasConnection() && this.#stage !== 'dialling' && this.#primaryEpoch < this.#options.epochs.highest
          ? this.#abandon(`epoch ${this.#options.epochs.highest} was stored`, event.nowMs)
          : [];
      case 'connected':
        return this.#connected(event.connection, event.nowMs);
      case 'closed':
        return event.connection === this.#connection && this.#hasConnection() ? this.#lost(event.nowMs) : [];
      case 'message':
        return event.connection === this.#connection && this.#hasConnection()
          ? this.#message(event.message, event.nowMs)
          : [];
      case 'block':
        return event.connection === this.#connection && this.#hasConnection()
          ? this.#block(event.senderEpoch, event.block, event.nowMs)
          : [];
      case 'durable':
        return this.#stage === 'streaming' ? [this.#ack()] : [];
      case 'cut-done':
        return this.#stage === 'cutting' ? this.#start() : [];
      case 'recomputed':
        return this.#recomputed(event.nowMs);
      case 'tick':
        return this.#tick(event.nowMs);
    }
  }

  #follow(upstream: Upstream, nowMs: number): StandbyEffect[] {
    const effects = this.#stop();
    this.#upstream = upstream;
    this.#heardAtMs = nowMs;
    this.#retryMs = FIRST_RETRY_MS;
    const dial = this.#difference === null ? this.#dial(nowMs) : [];
    return [...effects, { kind: 'note-stored', sequence: 0 }, ...dial, { kind: 'upstream-changed' }];
  }

  #stop(): StandbyEffect[] {
    if (this.#upstream === null) return [];
    const effects: StandbyEffect[] = this.#hasConnection()
      ? [{ kind: 'close', connection: this.#connection, reason: 'it follows no longer' }]
      : [];
    this.#upstream = null;
    this.#stage = 'idle';
    return [...effects, { kind: 'upstream-changed' }];
  }

  #dial(nowMs: number): StandbyEffect[] {
    if (this.#upstream === null) return [];
    this.#stage = 'dialling';
    this.#primaryEpoch = 0;
    this.#connection += 1;
    this.#dialAtMs = nowMs;
    return [{ kind: 'dial', connection: this.#connection, address: this.#upstream.address }];
  }

  #connected(connection: number, nowMs: number): StandbyEffect[] {
    if (connection !== this.#connection || this.#stage !== 'dialling')
      return [{ kind: 'close', connection, reason: 'superseded' }];
    const { log, instance, epochs } = this.#options;
    this.#stage = 'joining';
    this.#heardAtMs = nowMs;
    const { sequence, epoch, crc } = log.end;
    return [
      {
        kind: 'send',
        connection,
        message: { t: 'hello', protocol: 1, instance, epoch: epochs.highest, sequence, sequenceEpoch: epoch, crc },
      },
    ];
  }

  #lost(nowMs: number): StandbyEffect[] {
    const wasConnected = this.#stage === 'streaming';
    this.#stage = 'waiting';
    this.#dialAtMs = nowMs + this.#retryMs;
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
    return wasConnected ? [{ kind: 'upstream-changed' }] : [];
  }

  #abandon(reason: string, nowMs: number): StandbyEffect[] {
    return [{ kind: 'close', connection: this.#connection, reason }, ...this.#lost(nowMs)];
  }

  #message(message: PrimaryMessage, nowMs: number): StandbyEffect[] {
    const { epochs, log } = this.#options;
    this.#heardAtMs = nowMs;
    switch (message.t) {
      case 'refused':
        if (message.code === 'removed') this.#tooOld = true;
        return this.#abandon(`refused: ${message.code} (its epoch is ${message.epoch})`, nowMs);
      case 'mismatch': {
        if (this.#stage !== 'joining') return this.#abandon('mismatch out of turn', nowMs);
        const { sequence, epoch, crc } = log.endAtOrBelow(message.below);
        if (sequence > message.below) {
          this.#tooOld = true;
          return this.#abandon('the logs differ in front of what is kept here', nowMs);
        }
        return [
          { kind: 'send', connection: this.#connection, message: { t: 'probe', sequence, sequenceEpoch: epoch, crc } },
        ];
      }
      case 'matched':
        return this.#matched(message, nowMs);
      case 'state-differs':
        return message.epoch < epochs.highest ? [] : this.#takenOut(message);
      case 'heartbeat':
        if (this.#stage !== 'streaming') return [];
        if (message.epoch < epochs.highest) return this.#abandon(`heartbeat of epoch ${message.epoch}`, nowMs);
        return [
          { kind: 'note-released', sequence: message.released },
          ...(message.stored === undefined ? [] : [{ kind: 'note-stored', sequence: message.stored } as const]),
          ...this.#answerHeartbeat(nowMs),
        ];
    }
  }

  #takenOut({ sequence, hash }: PrimaryMessage & { t: 'state-differs' }): StandbyEffect[] {
    this.#difference = { sequence, primary: hash, replica: this.#sentHashOf === sequence ? this.#sentHash : '' };
    this.#stage = 'idle';
    return [
      { kind: 'close', connection: this.#connection, reason: `the state here differs at ${sequence}` },
      { kind: 'upstream-changed' },
    ];
  }

  #recomputed(nowMs: number): StandbyEffect[] {
    if (this.#difference === null) return [];
    this.#difference = null;
    this.#heardAtMs = nowMs;
    return [...this.#dial(nowMs), { kind: 'upstream-changed' }];
  }

  #matched(message: PrimaryMessage & { t: 'matched' }, nowMs: number): StandbyEffect[] {
    const { epochs, log } = this.#options;
    if (this.#stage !== 'joining' || log.endAt(message.at) === null) return this.#abandon('matched out of turn', nowMs);
    if (message.instance !== this.#upstream?.instance) return this.#abandon(`${message.instance} answered`, nowMs);
    if (message.epoch < epochs.highest)
      return this.#abandon(`its epoch ${message.epoch} is older than ${epochs.highest}`, nowMs);
    this.#primaryEpoch = message.epoch;
    const effects: StandbyEffect[] =
      message.epoch > epochs.highest ? [{ kind: 'store-epoch', epoch: message.epoch }] : [];
    if (message.at < log.end.sequence) {
      this.#stage = 'cutting';
      return [...effects, { kind: 'cut', after: message.at }];
    }
    return [...effects, ...this.#start()];
  }

  #start(): StandbyEffect[] {
    const connection = this.#connection;
    this.#stage = 'streaming';
    this.#tooOld = false;
    this.#answeredAtMs = Number.NEGATIVE_INFINITY;
    this.#sentHashOf = 0;
    this.#retryMs = FIRST_RETRY_MS;
    return [
      { kind: 'send', connection, message: { t: 'start', after: this.#options.log.end.sequence } },
      this.#ack(),
      { kind: 'upstream-changed' },
    ];
  }

  #block(senderEpoch: number, block: Block, nowMs: number): StandbyEffect[] {
    const { epochs, log } = this.#options;
    this.#heardAtMs = nowMs;
    if (this.#stage !== 'streaming') return this.#abandon('a block came before the logs were joined', nowMs);
    if (senderEpoch < epochs.highest)
      return this.#abandon(`a frame of epoch ${senderEpoch}; ${epochs.highest} is stored`, nowMs);
    if (senderEpoch !== this.#primaryEpoch || block.header.epoch > senderEpoch)
      return this.#abandon('a frame of a strange epoch', nowMs);
    const refusal = whyNotNext(log.end, block.header);
    if (refusal !== null) return this.#abandon(`a block was refused: ${refusal}`, nowMs);
    return [{ kind: 'append', block }];
  }

  #tick(nowMs: number): StandbyEffect[] {
    const { silenceLimitMs, dialDeadlineMs } = this.#options;
    const late = this.#tickedAtMs !== null && nowMs - this.#tickedAtMs > silenceLimitMs / 2;
    this.#tickedAtMs = nowMs;
    // A detector that was itself paused has observed no silence: it starts again.
    if (late && this.#hasConnection()) this.#heardAtMs = nowMs;
    switch (this.#stage) {
      case 'waiting':
        return nowMs >= this.#dialAtMs ? this.#dial(nowMs) : [];
      case 'dialling':
        return nowMs - this.#dialAtMs > dialDeadlineMs ? this.#abandon('no connection in time', nowMs) : [];
      case 'joining':
      case 'streaming':
        return nowMs - this.#heardAtMs > silenceLimitMs
          ? this.#abandon(`silent for more than ${silenceLimitMs} ms`, nowMs)
          : [];
      case 'idle':
      case 'cutting':
        return [];
    }
  }

  /** It need not hear of us more often than this; what is durable here is acknowledged at once anyway. */
  #answerHeartbeat(nowMs: number): StandbyEffect[] {
    const { log, answerAfterMs = 0 } = this.#options;
    if (nowMs - this.#answeredAtMs < answerAfterMs && this.#ackedSequence === log.durable) return [];
    this.#answeredAtMs = nowMs;
    return [this.#ack()];
  }

  #ack(): StandbyEffect {
    const { log, stateHash } = this.#options;
    this.#ackedSequence = log.durable;
    const ack = { t: 'ack', epoch: this.#primaryEpoch, sequence: log.durable } as const;
    const state = stateHash?.() ?? null;
    if (state === null || state.sequence === this.#sentHashOf)
      return { kind: 'send', connection: this.#connection, message: ack };
    this.#sentHashOf = state.sequence;
    this.#sentHash = state.hash;
    return { kind: 'send', connection: this.#connection, message: { ...ack, state } };
  }

  #hasConnection(): boolean {
    return (
      this.#stage === 'dialling' ||
      this.#stage === 'joining' ||
      this.#stage === 'cutting' ||
      this.#stage === 'streaming'
    );
  }
}
