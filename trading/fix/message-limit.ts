import { CodedError } from '../base/coded-error.ts';
import { messageName } from './message-table.ts';
import { MAX_FIELDS_BYTES, MAX_NAME_BYTES } from './session-entry.ts';

/** An application message that no journal could keep. It got no number, and the session is as it was. */
export class MessageTooLong extends CodedError {
  constructor(msgType: string, found: string) {
    super({
      code: 'HF-7301',
      attempted: `send ${messageName(msgType)}`,
      found,
      next: 'send less in one message, and check the length of what comes from outside before it is put into one',
    });
    this.name = 'MessageTooLong';
  }
}

/** Throws `MessageTooLong` unless a message fits the record that it would be kept in. */
export const refuseTooLong = (msgType: string, fields: Uint8Array): void => {
  if (fields.length > MAX_FIELDS_BYTES)
    throw new MessageTooLong(msgType, `its fields are ${fields.length} bytes long; ${MAX_FIELDS_BYTES} can be kept`);
  if (Buffer.byteLength(msgType) > MAX_NAME_BYTES)
    throw new MessageTooLong(msgType.slice(0, 16), `its MsgType is longer than ${MAX_NAME_BYTES} bytes`);
};
