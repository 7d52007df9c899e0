import type { Draw } from './hostile-peer.ts';

const BYTES = [0, 1, 0x20, 0x22, 0x30, 0x39, 0x7f, 0x80, 0xff];
const WORDS = [0, 1, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const NUMBERS = [
  '-1',
  '0',
  '1e308',
  '1.5',
  '9007199254740993',
  '-9223372036854775808',
  '00',
  'NaN',
  '""',
  '[]',
  'null',
];

/** One change of a message, drawn. */
const alter = (message: Buffer, draw: Draw): Buffer => {
  const bytes = Buffer.from(message);
  if (bytes.length === 0) return Buffer.from([draw(256)]);
  const at = draw(bytes.length);
  switch (draw(8)) {
    case 0:
      bytes[at]! ^= 1 << draw(8);
      return bytes;
    case 1:
      bytes[at] = BYTES[draw(BYTES.length)]!;
      return bytes;
    case 2: {
      const width = Math.min(1 + draw(4), bytes.length - at);
      const word = WORDS[draw(WORDS.length)]! % 2 ** (8 * width);
      if (draw(2) === 0) bytes.writeUIntLE(word, at, width);
      else bytes.writeUIntBE(word, at, width);
      return bytes;
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + draw(16)))]);
    case 4: {
      const piece = bytes.subarray(at, Math.min(bytes.length, at + 1 + draw(40)));
      return Buffer.concat([
        bytes.subarray(0, at),
        ...Array.from({ length: 1 + draw(20) }, () => piece),
        bytes.subarray(at),
      ]);
    }
    case 5:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([draw(256), draw(256)]), bytes.subarray(at)]);
    default:
      return withNumber(bytes, draw);
  }
};

/** Another number where there is one in the text. */
const withNumber = (bytes: Buffer, draw: Draw): Buffer => {
  const text = bytes.toString('latin1');
  const found = [...text.matchAll(/-?\d+/g)];
  const one = found[draw(Math.max(1, found.length))];
  if (one === undefined) return bytes;
  const rest = text.slice(one.index + one[0].length);
  return Buffer.from(`${text.slice(0, one.index)}${NUMBERS[draw(NUMBERS.length)]}${rest}`, 'latin1');
};

/** A session with some of its messages altered, left out, repeated, or in another order. */
export const mutateSession = (messages: readonly Buffer[], draw: Draw): Buffer[] => {
  const all = [...messages];
  for (let count = 1 + draw(4); count > 0; count--) {
    const at = draw(all.length);
    const other = draw(all.length);
    switch (draw(7)) {
      case 0:
        if (all.length > 1) all.splice(at, 1);
        break;
      case 1:
        all.splice(at, 0, ...Array.from({ length: 1 + draw(8) }, () => all[other]!));
        break;
      case 2:
        [all[at], all[other]] = [all[other]!, all[at]!];
        break;
      default:
        all[at] = alter(all[at]!, draw);
    }
  }
  return all;
};
