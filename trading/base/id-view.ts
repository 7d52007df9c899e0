/** A place in some bytes where an id stands. Who is given one copies what has to last: it is used again. */
export interface IdView {
  bytes: Uint8Array;
  at: number;
  length: number;
}

/** Ids of clients and symbols are at most this long, in Latin-1 characters. */
export const LONGEST_ID = 64;

export const emptyIdView = (): IdView => ({ bytes: NOTHING, at: 0, length: 0 });

export const clearId = (view: IdView): void => {
  view.bytes = NOTHING;
  view.at = 0;
  view.length = 0;
};

export const pointAt = (view: IdView, other: IdView): void => {
  view.bytes = other.bytes;
  view.at = other.at;
  view.length = other.length;
};

/** The text of an id. Allocates. */
export const idText = (view: IdView): string => {
  let text = '';
  for (let at = view.at; at < view.at + view.length; at++) text += String.fromCharCode(view.bytes[at]!);
  return text;
};

/** Makes views of texts, for protocols that have text; each text is valid until the same scratch is given the next one. */
export class IdScratch {
  readonly #bytes = new Uint8Array(LONGEST_ID);
  readonly view: IdView = emptyIdView();

  /** Null when the text is empty, too long, or has characters beyond Latin-1. */
  hold(text: string): IdView | null {
    if (text.length === 0 || text.length > LONGEST_ID) return null;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code > 0xff) return null;
      this.#bytes[at] = code;
    }
    this.view.bytes = this.#bytes;
    this.view.at = 0;
    this.view.length = text.length;
    return this.view;
  }
}

export const hashId = (view: IdView, seed: number): number => {
  let hash = (0x811c_9dc5 ^ seed) >>> 0;
  for (let at = view.at; at < view.at + view.length; at++) hash = Math.imul(hash ^ view.bytes[at]!, 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
};

const NOTHING = new Uint8Array(0);
