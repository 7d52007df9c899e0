import { fixFrame } from '../../trading/testing/fix-text.ts';

/** How the bytes of a protocol fall into messages, and how a message that was altered is made to look whole again. */
export interface Framing {
  /** Messages in their order; what is left over is one, too. */
  split(bytes: Buffer): Buffer[];
  /** Lengths, checksums and numbers put right, so that what was altered is read and not only its frame. */
  mend(messages: readonly Buffer[]): Buffer[];
}

export const LINES: Framing = {
  split: (bytes) => {
    const messages: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(0x0a, at);
      messages.push(bytes.subarray(at, end === -1 ? bytes.length : end + 1));
      at = end === -1 ? bytes.length : end + 1;
    }
    return messages;
  },
  mend: (messages) =>
    messages.map((each) => {
      const line = each.at(-1) === 0x0a ? each : Buffer.concat([each, Buffer.from('\n')]);
      // A line end within it would make two of one.
      for (let at = 0; at < line.length - 1; at++) if (line[at] === 0x0a) line[at] = 0x20;
      return line;
    }),
};

/** Each message begins with its length as a little-endian number: of the bytes that follow it, or of all of them. */
export const lengthFirst = (shape: { readonly bytes: 2 | 4; readonly countsItself: boolean }): Framing => ({
  split: (stream) => {
    const messages: Buffer[] = [];
    for (let at = 0; at < stream.length; ) {
      const said = at + shape.bytes > stream.length ? stream.length : stream.readUIntLE(at, shape.bytes);
      const length = Math.max(shape.bytes, shape.countsItself ? said : said + shape.bytes);
      messages.push(stream.subarray(at, Math.min(stream.length, at + length)));
      at += length;
    }
    return messages;
  },
  mend: (messages) =>
    messages.map((each) => {
      if (each.length > shape.bytes)
        each.writeUIntLE(shape.countsItself ? each.length : each.length - shape.bytes, 0, shape.bytes);
      return each;
    }),
});

/** The first byte of a message says how long it is. */
export const byFirstByte = (lengths: Uint8Array): Framing => ({
  split: (stream) => {
    const messages: Buffer[] = [];
    for (let at = 0; at < stream.length; at = at + messages.at(-1)!.length)
      messages.push(stream.subarray(at, at + Math.max(1, lengths[stream[at]!]!)));
    return messages;
  },
  mend: (messages) =>
    messages.map((each) => {
      const whole = Buffer.alloc(Math.max(1, lengths[each[0] ?? 0]!));
      each.copy(whole);
      return whole;
    }),
});

/** FIX: a session of its own that begins at 1, sent now, with right lengths and checksums. */
export const FIX: Framing = {
  split: (bytes) =>
    bytes
      .toString('latin1')
      .split(/(?=8=FIX)/)
      .filter((text) => text !== '')
      .map((text) => Buffer.from(text, 'latin1')),
  mend: (messages) => {
    const sentAt = new Date().toISOString().replaceAll('-', '').replace('T', '-').replace('Z', '');
    return messages.map((each, at) => {
      const fields = readable(each, '|')
        .split('|')
        .filter((field) => field !== '' && !/^(8|9|10)=/.test(field))
        .map((field) => field.replace(/^34=.*$/s, `34=${at + 1}`).replace(/^52=.*$/s, `52=${sentAt}`));
      if (fields.includes('35=A') && !fields.includes('141=Y')) fields.push('141=Y');
      return fixFrame(fields.join('|'));
    });
  },
};

const readable = (message: Buffer, delimiter: string): string =>
  message.toString('latin1').replaceAll(String.fromCharCode(1), delimiter);
