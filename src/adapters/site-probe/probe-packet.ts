/** A probe and its answer are this long, so that an answer is never more than what asked for it. */
export const packetBytes = 32;
const nonceBytes = 8;
const mark = Buffer.from('HFNP1', 'latin1');
const kinds = { ask: 0x61, answer: 0x62 } as const;

export interface ProbePacket {
  readonly kind: keyof typeof kinds;
  /** Hex. */
  readonly nonce: string;
}

/** @param nonce eight bytes that nobody can guess, in hex */
export function probePacket({ kind, nonce }: ProbePacket): Buffer {
  const packet = Buffer.alloc(packetBytes);
  mark.copy(packet);
  packet[mark.length] = kinds[kind];
  packet.write(nonce, mark.length + 1, nonceBytes, 'hex');
  return packet;
}

/** Null: it is neither a probe nor an answer, to the byte. */
export function readProbePacket(packet: Buffer): ProbePacket | null {
  if (packet.length !== packetBytes || !packet.subarray(0, mark.length).equals(mark)) return null;
  const end = mark.length + 1 + nonceBytes;
  if (packet.subarray(end).some((byte) => byte !== 0)) return null;
  const nonce = packet.toString('hex', mark.length + 1, end);
  if (packet[mark.length] === kinds.ask) return { kind: 'ask', nonce };
  return packet[mark.length] === kinds.answer ? { kind: 'answer', nonce } : null;
}
