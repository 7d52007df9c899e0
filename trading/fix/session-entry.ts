import type { SentMessage } from './session-types.ts';

/**
 * What a journal has to hold of a session so that another place can continue it. State is a fold over these and nothing else; each is
 * one line, a JSON array whose first element names its kind, and may stand among entries of other kinds.
 */
export type FixEntry =
  | ({ readonly kind: 'fix-sent'; readonly session: string } & SentMessage)
  /** No number below `next` is to be used again. */
  | { readonly kind: 'fix-numbers'; readonly session: string; readonly next: number }
  /** Everything below `next` was received and delivered. */
  | { readonly kind: 'fix-received'; readonly session: string; readonly next: number }
  | { readonly kind: 'fix-reset'; readonly session: string };

const KINDS = new Set(['fix-sent', 'fix-numbers', 'fix-received', 'fix-reset']);

export const encodeFixEntry = (entry: FixEntry): string => {
  switch (entry.kind) {
    case 'fix-sent': {
      const { seq, sendingMs, msgType, possResend, fields } = entry;
      const text = Buffer.from(fields.buffer, fields.byteOffset, fields.byteLength).toString('latin1');
      return JSON.stringify([entry.kind, entry.session, seq, sendingMs, msgType, possResend ? 1 : 0, text]);
    }
    case 'fix-numbers':
    case 'fix-received':
      return JSON.stringify([entry.kind, entry.session, entry.next]);
    case 'fix-reset':
      return JSON.stringify([entry.kind, entry.session]);
  }
};

/** Reads what `encodeFixEntry` wrote; null for an entry of another kind. The journal's checksums have vouched for the text. */
export const decodeFixEntry = (line: string): FixEntry | null => {
  if (!line.startsWith('["fix-')) return null;
  const fields = JSON.parse(line) as readonly [string, string, ...(string | number)[]];
  const [kind, session] = fields;
  if (!KINDS.has(kind)) return null;
  const count = (at: number) => fields[at] as number;
  switch (kind) {
    case 'fix-sent':
      return {
        kind,
        session,
        seq: count(2),
        sendingMs: count(3),
        msgType: fields[4] as string,
        possResend: fields[5] === 1,
        fields: Buffer.from(fields[6] as string, 'latin1'),
      };
    case 'fix-numbers':
    case 'fix-received':
      return { kind, session, next: count(2) };
    default:
      return { kind: 'fix-reset', session };
  }
};
