import type { IdView } from '../../trading/base/id-view.ts';
import {
  CancelMessage,
  encodeCancel,
  encodeFence,
  encodeLogon,
  encodeNew,
  encodeStatusRequest,
  FenceMessage,
  LogonMessage,
  NewMessage,
} from '../../trading/venue-protocol/requests.ts';
import { WireBuffer } from '../../trading/venue-protocol/wire-buffer.ts';

const idOf = (text: string): IdView => {
  const bytes = Buffer.from(text, 'latin1');
  return { bytes, at: 0, length: bytes.length };
};

const wire = (write: (out: WireBuffer) => void): Buffer => {
  const out = new WireBuffer();
  write(out);
  return Buffer.from(out.bytes.subarray(0, out.end));
};

/** Messages of the exchange's binary protocol as bytes. A logon asks for no reports of before. */
export const binaryLogon = (fields: {
  readonly firm: string;
  readonly session: string;
  readonly epoch: number;
}): Buffer => {
  const { firm, session, epoch } = fields;
  const message = Object.assign(new LogonMessage(), { firm: idOf(firm), session: idOf(session), epoch, next: 0 });
  return wire((out) => encodeLogon(out, message));
};

/** Reports only: it takes nobody's session. */
export const binaryDropCopy = (firm: string): Buffer => {
  const message = Object.assign(new LogonMessage(), { firm: idOf(firm), session: idOf('s'), purpose: 1, next: 1 });
  return wire((out) => encodeLogon(out, message));
};

/** A buy order. */
export const binaryOrder = (fields: {
  readonly id: string;
  readonly symbol: string;
  readonly price: number;
  readonly qty: number;
}): Buffer => {
  const { id, symbol, price, qty: quantity } = fields;
  const message = Object.assign(new NewMessage(), { id: idOf(id), symbol: idOf(symbol), price, quantity });
  return wire((out) => encodeNew(out, message));
};

export const binaryCancel = (id: string, target: string): Buffer =>
  wire((out) => encodeCancel(out, Object.assign(new CancelMessage(), { id: idOf(id), target: idOf(target) })));

export const binaryFence = (firm: string, epoch: number): Buffer =>
  wire((out) => encodeFence(out, Object.assign(new FenceMessage(), { firm: idOf(firm), epoch })));

/** Without an id: all open orders. */
export const binaryStatusRequest = (id = ''): Buffer => wire((out) => encodeStatusRequest(out, idOf(id)));
