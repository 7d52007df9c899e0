/** A FIX message from fields written with `|`, BodyLength and CheckSum added. It starts with MsgType. */
export const fixFrame = (fields: string, begin = 'FIX.4.4'): Buffer => {
  const body = `${fields.replaceAll('|', '\u0001')}\u0001`;
  const head = `8=${begin}\u00019=${Buffer.byteLength(body, 'latin1')}\u0001${body}`;
  let sum = 0;
  for (const byte of Buffer.from(head, 'latin1')) sum += byte;
  return Buffer.from(`${head}10=${String(sum & 255).padStart(3, '0')}\u0001`, 'latin1');
};

/** A frame as people read it, without what changes with every run: begin, length, time and checksum. */
export const readable = (frame: Buffer): string =>
  frame
    .toString('latin1')
    .replaceAll('\u0001', '|')
    .replace(/^8=FIX\.4\.4\|9=\d+\|/, '')
    .replace(/10=\d{3}\|$/, '')
    .replace(/52=\d{8}-[\d:.]+\|/, '')
    .replace(/122=\d{8}-[\d:.]+\|/, '122=…|')
    .replace(/\|$/, '');
