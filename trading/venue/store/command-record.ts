import type { IdView } from '../../base/id-view.ts';
import { COMMAND_KINDS, type Command } from '../core/command.ts';
import type { Exchange } from '../core/exchange.ts';
import { PHASES, SELF_TRADES, type SelfTrade } from '../core/terms.ts';

const FIXED_BYTES = 48;
/** No record is longer: five names and ids of at most 64 bytes, each with its length. */
export const LONGEST_COMMAND_RECORD = FIXED_BYTES + 5 * 65;
const NO_SYMBOL = 0xff;

/**
 * A command as bytes. Firm, session and symbol go by name; the self-trade mode as it was resolved: what is read again does the same
 * under other rules. Returns the end.
 */
export const writeCommand = (
  command: Command,
  exchange: Exchange,
  into: { readonly bytes: Buffer; readonly at: number; readonly selfTrade: SelfTrade },
): number => {
  const { bytes, at } = into;
  bytes.writeDoubleLE(command.atMs, at);
  bytes.writeDoubleLE(command.price, at + 8);
  bytes.writeDoubleLE(command.quantity, at + 16);
  bytes.writeDoubleLE(command.epoch, at + 24);
  bytes[at + 32] = COMMAND_KINDS.indexOf(command.kind);
  bytes[at + 33] = command.side + 1;
  bytes[at + 34] = command.type;
  bytes[at + 35] = command.timeInForce;
  bytes[at + 36] = SELF_TRADES.indexOf(command.selfTrade ?? into.selfTrade);
  bytes[at + 37] = PHASES.indexOf(command.phase);
  bytes[at + 38] = command.keepPersistent ? 1 : 0;
  bytes.fill(0, at + 39, at + FIXED_BYTES);
  let end = put(bytes, at + FIXED_BYTES, command.id);
  end = put(bytes, end, command.target);
  end = put(bytes, end, exchange.firms.view(command.firm));
  end = put(bytes, end, exchange.sessions.view(command.session));
  if (command.symbol >= 0) return put(bytes, end, exchange.symbols.view(command.symbol));
  bytes[end] = NO_SYMBOL;
  return end + 1;
};

/** Reads a command; ids point into the bytes. Returns the end. */
export const readCommand = (bytes: Buffer, at: number, exchange: Exchange, command: Command): number => {
  command.atMs = bytes.readDoubleLE(at);
  command.price = bytes.readDoubleLE(at + 8);
  command.quantity = bytes.readDoubleLE(at + 16);
  command.epoch = bytes.readDoubleLE(at + 24);
  command.kind = COMMAND_KINDS[bytes[at + 32]!] ?? 'new';
  command.side = (bytes[at + 33]! - 1) as Command['side'];
  command.type = bytes[at + 34] as Command['type'];
  command.timeInForce = bytes[at + 35] as Command['timeInForce'];
  command.selfTrade = SELF_TRADES[bytes[at + 36]!] ?? 'allow';
  command.phase = PHASES[bytes[at + 37]!] ?? 'closed';
  command.keepPersistent = bytes[at + 38] === 1;
  let end = take(bytes, at + FIXED_BYTES, command.id);
  end = take(bytes, end, command.target);
  end = take(bytes, end, NAME);
  command.firm = exchange.firms.numberOf(NAME);
  end = take(bytes, end, NAME);
  command.session = exchange.sessions.numberOf(NAME);
  if (bytes[end] === NO_SYMBOL) {
    command.symbol = -1;
    return end + 1;
  }
  end = take(bytes, end, NAME);
  command.symbol = exchange.symbols.numberOf(NAME);
  return end;
};

const NAME: IdView = { bytes: new Uint8Array(0), at: 0, length: 0 };

const put = (bytes: Buffer, at: number, id: IdView): number => {
  bytes[at] = id.length;
  for (let index = 0; index < id.length; index++) bytes[at + 1 + index] = id.bytes[id.at + index]!;
  return at + 1 + id.length;
};

const take = (bytes: Buffer, at: number, into: IdView): number => {
  into.bytes = bytes;
  into.at = at + 1;
  into.length = bytes[at]!;
  return at + 1 + into.length;
};
