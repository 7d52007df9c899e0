import { emptyIdView, type IdView } from '../base/id-view.ts';
import { writeU64 } from '../base/u64.ts';
import {
  CANCEL,
  FENCE,
  HEARTBEAT,
  ID_BYTES,
  LOGOFF,
  LOGON,
  MASS_CANCEL,
  NEW,
  offsetsOf,
  POSITIONS_REQUEST,
  REPLACE,
  SESSIONS_REQUEST,
  STATUS_REQUEST,
  SYMBOL_BYTES,
} from './layout.ts';
import type { WireBuffer } from './wire-buffer.ts';
import { NOT_SAFE, readText, readU64, writeText } from './wire-fields.ts';

/** What a member sends. Each is filled in again for the next message; ids are views that are valid while the message is handled. */
export class LogonMessage {
  readonly firm: IdView = emptyIdView();
  readonly session: IdView = emptyIdView();
  readonly password: IdView = emptyIdView();
  epoch = 0;
  next = 0;
  heartbeatMs = 0;
  cancelOnDisconnect = 0;
  purpose = 0;
}

export class NewMessage {
  readonly id: IdView = emptyIdView();
  readonly symbol: IdView = emptyIdView();
  price = 0;
  quantity = 0;
  epoch = 0;
  side = 0;
  type = 0;
  timeInForce = 0;
  selfTrade = 0;
  dry = 0;
}

export class CancelMessage {
  readonly id: IdView = emptyIdView();
  readonly target: IdView = emptyIdView();
  epoch = 0;
}

export class ReplaceMessage {
  readonly id: IdView = emptyIdView();
  readonly target: IdView = emptyIdView();
  price = 0;
  quantity = 0;
  epoch = 0;
}

export class MassCancelMessage {
  readonly id: IdView = emptyIdView();
  readonly symbol: IdView = emptyIdView();
  epoch = 0;
  side = 0;
}

export class FenceMessage {
  readonly firm: IdView = emptyIdView();
  readonly password: IdView = emptyIdView();
  epoch = 0;
}

const LOGON_AT = offsetsOf(LOGON);
const NEW_AT = offsetsOf(NEW);
const CANCEL_AT = offsetsOf(CANCEL);
const REPLACE_AT = offsetsOf(REPLACE);
const MASS_AT = offsetsOf(MASS_CANCEL);
const STATUS_AT = offsetsOf(STATUS_REQUEST);
const FENCE_AT = offsetsOf(FENCE);

export const encodeLogon = (into: WireBuffer, message: LogonMessage): void => {
  const at = into.begin(LOGON);
  writeText(into.bytes, at + LOGON_AT.firm, ID_BYTES, message.firm);
  writeText(into.bytes, at + LOGON_AT.session, ID_BYTES, message.session);
  writeText(into.bytes, at + LOGON_AT.password, ID_BYTES, message.password);
  writeU64(into.view, at + LOGON_AT.epoch, message.epoch);
  writeU64(into.view, at + LOGON_AT.next, message.next);
  into.view.setUint32(at + LOGON_AT.heartbeatMs, message.heartbeatMs, true);
  into.bytes[at + LOGON_AT.cancelOnDisconnect] = message.cancelOnDisconnect;
  into.bytes[at + LOGON_AT.purpose] = message.purpose;
};

/** False when a field cannot be what it says. The same holds for the other readers. */
export const decodeLogon = (bytes: Uint8Array, view: DataView, at: number, into: LogonMessage): boolean => {
  into.epoch = readU64(view, at + LOGON_AT.epoch);
  into.next = readU64(view, at + LOGON_AT.next);
  into.heartbeatMs = view.getUint32(at + LOGON_AT.heartbeatMs, true);
  into.cancelOnDisconnect = bytes[at + LOGON_AT.cancelOnDisconnect]!;
  into.purpose = bytes[at + LOGON_AT.purpose]!;
  return (
    readText(bytes, at + LOGON_AT.firm, ID_BYTES, into.firm) &&
    readText(bytes, at + LOGON_AT.session, ID_BYTES, into.session) &&
    readText(bytes, at + LOGON_AT.password, ID_BYTES, into.password) &&
    into.firm.length > 0 &&
    into.epoch !== NOT_SAFE &&
    into.next !== NOT_SAFE &&
    into.cancelOnDisconnect <= 3 &&
    into.purpose <= 1 &&
    (into.purpose === 1 || into.session.length > 0)
  );
};

export const encodeLogoff = (into: WireBuffer): void => {
  into.begin(LOGOFF);
};

export const encodeHeartbeat = (into: WireBuffer): void => {
  into.begin(HEARTBEAT);
};

export const encodeNew = (into: WireBuffer, message: NewMessage): void => {
  const at = into.begin(NEW);
  writeText(into.bytes, at + NEW_AT.id, ID_BYTES, message.id);
  writeText(into.bytes, at + NEW_AT.symbol, SYMBOL_BYTES, message.symbol);
  writeU64(into.view, at + NEW_AT.price, message.price);
  writeU64(into.view, at + NEW_AT.quantity, message.quantity);
  writeU64(into.view, at + NEW_AT.epoch, message.epoch);
  into.bytes[at + NEW_AT.side] = message.side;
  into.bytes[at + NEW_AT.type] = message.type;
  into.bytes[at + NEW_AT.timeInForce] = message.timeInForce;
  into.bytes[at + NEW_AT.selfTrade] = message.selfTrade;
  into.bytes[at + NEW_AT.dry] = message.dry;
};

export const decodeNew = (bytes: Uint8Array, view: DataView, at: number, into: NewMessage): boolean => {
  into.price = readU64(view, at + NEW_AT.price);
  into.quantity = readU64(view, at + NEW_AT.quantity);
  into.epoch = readU64(view, at + NEW_AT.epoch);
  into.side = bytes[at + NEW_AT.side]!;
  into.type = bytes[at + NEW_AT.type]!;
  into.timeInForce = bytes[at + NEW_AT.timeInForce]!;
  into.selfTrade = bytes[at + NEW_AT.selfTrade]!;
  into.dry = bytes[at + NEW_AT.dry]!;
  return (
    readText(bytes, at + NEW_AT.id, ID_BYTES, into.id) &&
    readText(bytes, at + NEW_AT.symbol, SYMBOL_BYTES, into.symbol) &&
    into.id.length > 0 &&
    into.symbol.length > 0 &&
    into.price !== NOT_SAFE &&
    into.quantity !== NOT_SAFE &&
    into.epoch !== NOT_SAFE &&
    into.side <= 1 &&
    into.type <= 1 &&
    into.timeInForce <= 3 &&
    into.selfTrade <= 5 &&
    into.dry <= 1
  );
};

export const encodeCancel = (into: WireBuffer, message: CancelMessage): void => {
  const at = into.begin(CANCEL);
  writeText(into.bytes, at + CANCEL_AT.id, ID_BYTES, message.id);
  writeText(into.bytes, at + CANCEL_AT.target, ID_BYTES, message.target);
  writeU64(into.view, at + CANCEL_AT.epoch, message.epoch);
};

export const decodeCancel = (bytes: Uint8Array, view: DataView, at: number, into: CancelMessage): boolean => {
  into.epoch = readU64(view, at + CANCEL_AT.epoch);
  return (
    readText(bytes, at + CANCEL_AT.id, ID_BYTES, into.id) &&
    readText(bytes, at + CANCEL_AT.target, ID_BYTES, into.target) &&
    into.id.length > 0 &&
    into.target.length > 0 &&
    into.epoch !== NOT_SAFE
  );
};

export const encodeReplace = (into: WireBuffer, message: ReplaceMessage): void => {
  const at = into.begin(REPLACE);
  writeText(into.bytes, at + REPLACE_AT.id, ID_BYTES, message.id);
  writeText(into.bytes, at + REPLACE_AT.target, ID_BYTES, message.target);
  writeU64(into.view, at + REPLACE_AT.price, message.price);
  writeU64(into.view, at + REPLACE_AT.quantity, message.quantity);
  writeU64(into.view, at + REPLACE_AT.epoch, message.epoch);
};

export const decodeReplace = (bytes: Uint8Array, view: DataView, at: number, into: ReplaceMessage): boolean => {
  into.price = readU64(view, at + REPLACE_AT.price);
  into.quantity = readU64(view, at + REPLACE_AT.quantity);
  into.epoch = readU64(view, at + REPLACE_AT.epoch);
  return (
    readText(bytes, at + REPLACE_AT.id, ID_BYTES, into.id) &&
    readText(bytes, at + REPLACE_AT.target, ID_BYTES, into.target) &&
    into.id.length > 0 &&
    into.target.length > 0 &&
    into.price !== NOT_SAFE &&
    into.quantity !== NOT_SAFE &&
    into.epoch !== NOT_SAFE
  );
};

export const encodeMassCancel = (into: WireBuffer, message: MassCancelMessage): void => {
  const at = into.begin(MASS_CANCEL);
  writeText(into.bytes, at + MASS_AT.id, ID_BYTES, message.id);
  writeText(into.bytes, at + MASS_AT.symbol, SYMBOL_BYTES, message.symbol);
  writeU64(into.view, at + MASS_AT.epoch, message.epoch);
  into.bytes[at + MASS_AT.side] = message.side;
};

export const decodeMassCancel = (bytes: Uint8Array, view: DataView, at: number, into: MassCancelMessage): boolean => {
  into.epoch = readU64(view, at + MASS_AT.epoch);
  into.side = bytes[at + MASS_AT.side]!;
  return (
    readText(bytes, at + MASS_AT.id, ID_BYTES, into.id) &&
    readText(bytes, at + MASS_AT.symbol, SYMBOL_BYTES, into.symbol) &&
    into.id.length > 0 &&
    into.epoch !== NOT_SAFE &&
    into.side <= 2
  );
};

export const encodeStatusRequest = (into: WireBuffer, id: IdView): void => {
  const at = into.begin(STATUS_REQUEST);
  writeText(into.bytes, at + STATUS_AT.id, ID_BYTES, id);
};

export const decodeStatusRequest = (bytes: Uint8Array, at: number, into: IdView): boolean =>
  readText(bytes, at + STATUS_AT.id, ID_BYTES, into);

export const encodeSessionsRequest = (into: WireBuffer): void => {
  into.begin(SESSIONS_REQUEST);
};

export const encodePositionsRequest = (into: WireBuffer): void => {
  into.begin(POSITIONS_REQUEST);
};

export const encodeFence = (into: WireBuffer, message: FenceMessage): void => {
  const at = into.begin(FENCE);
  writeText(into.bytes, at + FENCE_AT.firm, ID_BYTES, message.firm);
  writeText(into.bytes, at + FENCE_AT.password, ID_BYTES, message.password);
  writeU64(into.view, at + FENCE_AT.epoch, message.epoch);
};

export const decodeFence = (bytes: Uint8Array, view: DataView, at: number, into: FenceMessage): boolean => {
  into.epoch = readU64(view, at + FENCE_AT.epoch);
  return (
    readText(bytes, at + FENCE_AT.firm, ID_BYTES, into.firm) &&
    readText(bytes, at + FENCE_AT.password, ID_BYTES, into.password) &&
    into.firm.length > 0 &&
    into.epoch !== NOT_SAFE
  );
};

/** Points at the id of a request, for saying which one was refused; left empty where there is none or it is not well formed. */
export const requestId = (type: number, bytes: Uint8Array, at: number, into: IdView): void => {
  into.length = 0;
  const has = type === NEW.type || type === CANCEL.type || type === REPLACE.type || type === MASS_CANCEL.type;
  if (has && !readText(bytes, at + NEW_AT.id, ID_BYTES, into)) into.length = 0;
};
