import type { ConfigNode } from '../load/config-node.ts';

/** What an engine that removes entries asks of whoever says under a reader's name what is stored. */
export interface ReaderPass {
  readonly instance: string;
  readonly token: string;
}

/** Of a reader's configuration: `instance`, and `readerTokenFile` where its engines ask for one. */
export const readReaderPass = (root: ConfigNode): ReaderPass | undefined =>
  root.has('readerTokenFile')
    ? { instance: root.string('instance'), token: root.secret('readerTokenFile') }
    : undefined;
