import { asRecord, countField, type JsonRecord, textField } from '../base/json-record.ts';

const MOST_NAME_BYTES = 64;

/** Hash of the state that a log amounts to, right after one of its entries. */
export interface StateHash {
  readonly sequence: number;
  readonly hash: string;
}

/** From a standby to its primary. */
export type StandbyMessage =
  /** First: who, the highest epoch it has stored, and where its durable log ends. */
  | {
      readonly t: 'hello';
      readonly protocol: 1;
      readonly instance: string;
      readonly epoch: number;
      readonly sequence: number;
      readonly sequenceEpoch: number;
      readonly crc: number;
    }
  /** After `mismatch`: an earlier place where its log has a block's end. */
  | { readonly t: 'probe'; readonly sequence: number; readonly sequenceEpoch: number; readonly crc: number }
  /** It has cut what it had to cut; send everything after this. */
  | { readonly t: 'start'; readonly after: number }
  /**
   * Cumulative: everything up to `sequence` is durable here. `epoch` is that of the primary it answers. `state` is there when a
   * newer hash of the state was noted since the last one sent.
   */
  | { readonly t: 'ack'; readonly epoch: number; readonly sequence: number; readonly state?: StateHash };

export type RefusedCode = (typeof REFUSED_CODES)[number];
const REFUSED_CODES = ['stale-epoch', 'not-primary', 'bad-message', 'unauthorized', 'removed', 'damaged'] as const;

/** From a primary to a standby; blocks travel beside these. */
export type PrimaryMessage =
  | { readonly t: 'refused'; readonly code: RefusedCode; readonly epoch: number }
  /** The logs differ at the probed place; look at or below this sequence. */
  | { readonly t: 'mismatch'; readonly below: number }
  | { readonly t: 'matched'; readonly at: number; readonly epoch: number; readonly instance: string }
  /** The replica's state at this sequence is not the primary's: it counts no longer, and must not go on with this state. */
  | { readonly t: 'state-differs'; readonly epoch: number; readonly sequence: number; readonly hash: string }
  | {
      readonly t: 'heartbeat';
      readonly epoch: number;
      readonly end: number;
      readonly released: number;
      /** Every replica and every reader of the primary has stored everything up to here; left out = it does not say. */
      readonly stored?: number;
    };

export const parseStandbyMessage = (record: JsonRecord): StandbyMessage | null => {
  const sequence = countField(record, 'sequence');
  const sequenceEpoch = countField(record, 'sequenceEpoch');
  const epoch = countField(record, 'epoch');
  const crc = countField(record, 'crc');
  switch (record.t) {
    case 'hello': {
      const instance = textField(record, 'instance');
      if (record.protocol !== 1 || instance === null || epoch === null) return null;
      if (Buffer.byteLength(instance) > MOST_NAME_BYTES) return null;
      if (sequence === null || sequenceEpoch === null || crc === null) return null;
      return { t: 'hello', protocol: 1, instance, epoch, sequence, sequenceEpoch, crc };
    }
    case 'probe':
      return sequence === null || sequenceEpoch === null || crc === null
        ? null
        : { t: 'probe', sequence, sequenceEpoch, crc };
    case 'start': {
      const after = countField(record, 'after');
      return after === null ? null : { t: 'start', after };
    }
    case 'ack': {
      if (epoch === null || sequence === null) return null;
      const state = readStateHash(record);
      return state === null ? { t: 'ack', epoch, sequence } : { t: 'ack', epoch, sequence, state };
    }
    default:
      return null;
  }
};

const readStateHash = (record: JsonRecord): StateHash | null => {
  const state = asRecord(record['state']);
  if (state === null) return null;
  const sequence = countField(state, 'sequence');
  const hash = textField(state, 'hash');
  return sequence === null || hash === null ? null : { sequence, hash };
};

export const parsePrimaryMessage = (record: JsonRecord): PrimaryMessage | null => {
  const epoch = countField(record, 'epoch');
  switch (record.t) {
    case 'refused': {
      const code = REFUSED_CODES.find((each) => each === record.code);
      if (epoch === null || code === undefined) return null;
      return { t: 'refused', code, epoch };
    }
    case 'mismatch': {
      const below = countField(record, 'below');
      return below === null ? null : { t: 'mismatch', below };
    }
    case 'matched': {
      const at = countField(record, 'at');
      const instance = textField(record, 'instance');
      return at === null || epoch === null || instance === null ? null : { t: 'matched', at, epoch, instance };
    }
    case 'state-differs': {
      const sequence = countField(record, 'sequence');
      const hash = textField(record, 'hash');
      return epoch === null || sequence === null || hash === null
        ? null
        : { t: 'state-differs', epoch, sequence, hash };
    }
    case 'heartbeat': {
      const end = countField(record, 'end');
      const released = countField(record, 'released');
      const stored = countField(record, 'stored');
      if (epoch === null || end === null || released === null) return null;
      return { t: 'heartbeat', epoch, end, released, ...(stored === null ? {} : { stored }) };
    }
    default:
      return null;
  }
};
