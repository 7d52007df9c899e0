import type { FixMessage } from './fix-message.ts';

/** What the session asks of the world. Both clocks are the caller's: the session reads none. */
export interface Now {
  /** Never goes back; intervals are measured on it. */
  readonly monoMs: number;
  /** UTC; stands in SendingTime. */
  readonly wallMs: number;
}

/** An application message as it was numbered: what a resend is made of. */
export interface SentMessage {
  readonly seq: number;
  readonly msgType: string;
  readonly sendingMs: number;
  readonly possResend: boolean;
  /** Everything after the header, up to the trailer. */
  readonly fields: Uint8Array;
}

/** Reading side of a store. What was given to `keepSent` can be read at once. */
export interface SentMessages {
  /** Null: this number was used by the session itself, or by nobody. */
  get(seq: number): SentMessage | null;
}

/** Where both directions stand. A new session starts at 1 and 1. */
export interface SessionNumbers {
  readonly nextOut: number;
  readonly nextIn: number;
}

export interface DeliveryMarks {
  /** It may have been delivered before under the same number (PossDupFlag). */
  readonly possDup: boolean;
  /** It may have been sent before under another number (PossResend). */
  readonly possResend: boolean;
}

export type SessionNotice =
  | { readonly kind: 'up'; readonly heartBtIntS: number; readonly reset: boolean }
  /** The other side has numbers that were not received; they are being asked for. */
  | { readonly kind: 'gap'; readonly from: number; readonly through: number }
  /** Nothing is known to be missing any more. */
  | { readonly kind: 'caught-up'; readonly nextIn: number }
  | { readonly kind: 'resending'; readonly from: number; readonly through: number }
  /** The other side's session layer refused one of our messages: what it carried did not happen. */
  | {
      readonly kind: 'rejected-by-peer';
      readonly seq: number;
      readonly tag: number | null;
      readonly reason: number | null;
      readonly text: string;
    }
  /** One of theirs was refused here. */
  | { readonly kind: 'refused'; readonly seq: number; readonly text: string }
  | { readonly kind: 'garbled'; readonly found: string }
  | { readonly kind: 'ignored'; readonly seq: number; readonly text: string }
  /** The other side logs out; `down` follows. */
  | { readonly kind: 'goodbye'; readonly text: string }
  | { readonly kind: 'down'; readonly reason: string };

/**
 * What the session does to the world, called in the order in which it has to happen. Two promises are the shell's:
 *
 * - nothing given to `transmit` leaves before everything *kept* earlier is as safe as this session's store is meant to be;
 * - `keepReceived` does not become durable before what the application made of the messages delivered earlier.
 *
 * Together with `deliver` coming before `keepReceived` they make every message arrive at least once, and every repetition marked.
 */
export interface SessionEffects {
  /** Application message; `fields` are valid during the call. */
  keepSent(message: SentMessage): void;
  /** No number below this is to be used again, by anyone who continues this session. */
  keepNumbersBefore(next: number): void;
  /** Everything below this number has been received and delivered. */
  keepReceived(next: number): void;
  /** Both directions start again at 1, and nothing sent before will be asked for. */
  keepReset(): void;
  /** A frame, valid during the call. False: the transport is full, wait for `drained`. */
  transmit(frame: Buffer): boolean;
  deliver(message: FixMessage, marks: DeliveryMarks): void;
  disconnect(reason: string): void;
  notice(notice: SessionNotice): void;
}

export interface SessionOptions {
  readonly role: 'initiator' | 'acceptor';
  readonly senderCompId: string;
  readonly targetCompId: string;
  /** Initiator: what it asks for. 0 = no heartbeats. Default 30. */
  readonly heartBtIntS?: number;
  /** Acceptor: the largest and smallest that it grants. Default 0 to 300. */
  readonly heartBtIntRangeS?: { readonly min: number; readonly max: number };
  /** Default 10 s. */
  readonly logonTimeoutMs?: number;
  /** Default 5 s. */
  readonly logoutTimeoutMs?: number;
  /** How far SendingTime may be from our clock; null = not looked at. Default 120 s. */
  readonly maxClockSkewMs?: number | null;
  /** Initiator: begins each connection at 1. Default false: numbers last as long as the session does. */
  readonly resetOnLogon?: boolean;
  /** Whether the other side may begin again at 1. Default true. */
  readonly acceptReset?: boolean;
  /** NextExpectedMsgSeqNum (789) in Logon: gaps are filled without being asked for. Default false. */
  readonly useNextExpected?: boolean;
  /**
   * How many numbers one `keepNumbersBefore` covers in advance. 0: every number is kept before it is used, and a successor continues
   * exactly. More: the session's own messages need not wait for the store; a successor skips what it does not know and fills the gap.
   */
  readonly reserveAhead?: number;
  /** Application messages while nobody is logged on: numbered and kept for the next logon, or not taken. Default `keep`. */
  readonly whileDown?: 'keep' | 'refuse';
  /** More fields of our Logon, encoded (by a `BodyWriter`); a function is asked for each. */
  readonly logonFields?: Uint8Array | (() => Uint8Array);
  /** A refusal in words for this Logon, or null. It must depend on nothing but its argument and what its owner decided. */
  readonly admit?: (logon: FixMessage) => string | null;
}
