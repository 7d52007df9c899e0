import { countField, parseRecord, textField } from '../base/json-record.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import type { TokenFile } from '../base/token-file.ts';
import type { ClientSession } from './orders-port.ts';
import { ReaderPositions } from './reader-positions.ts';

interface Holder {
  readonly session: ClientSession;
  readonly instance: string;
  heardAtMs: number;
}

const SUBSCRIBE = '{"t":"subscribe"';
const STORED = '{"t":"stored"';
/** A reader says once a second how far it is; one of which nothing was heard for so long is gone, also when its connection is not. */
const GONE_AFTER_MS = 5000;

/**
 * Whose word counts before entries are removed: readers that the configuration names, that show the token, one process under each name.
 * A second one is told, reads on, and takes the name over when the first is gone. Lives through all reigns; what was said counts in one.
 */
export class ReaderDesk {
  readonly #expected: readonly string[];
  readonly #token: TokenFile | null;
  readonly #holders = new Map<string, Holder>();
  #positions: ReaderPositions;

  /** Without a token nobody is believed. */
  constructor(options: { readonly expected: readonly string[]; readonly token: TokenFile | null }) {
    this.#expected = options.expected;
    this.#token = options.token;
    this.#positions = new ReaderPositions(options.expected);
  }

  /** What all of them have stored; 0 while one of them has said nothing in this reign. */
  get all(): number {
    return this.#positions.all;
  }

  /** A reign begins: it has been told nothing. */
  begin(): void {
    this.#positions = new ReaderPositions(this.#expected);
  }

  /** Heeds a claim in this line; true when the line says nothing else. */
  receive(session: ClientSession, line: string): boolean {
    const isStored = line.startsWith(STORED);
    if (this.#expected.length === 0 || !(isStored || line.startsWith(SUBSCRIBE))) return false;
    const record = parseRecord(line);
    const reader = record === null ? null : textField(record, 'reader');
    const stored = record === null ? null : countField(record, isStored ? 'seq' : 'stored');
    if (record === null || reader === null || stored === null) return false;
    const refusal = this.#claim(session, reader, { token: record['token'], instance: textField(record, 'instance') });
    if (refusal === null) this.#positions.told(reader, stored);
    else {
      session.push(`${JSON.stringify({ t: 'reader-refused', reader, error: 'HF-7211', ...refusal })}\n`);
      session.flush();
    }
    return isStored;
  }

  closed(session: ClientSession): void {
    for (const [reader, holder] of this.#holders) if (holder.session === session) this.#holders.delete(reader);
  }

  #claim(
    session: ClientSession,
    reader: string,
    { token, instance }: { readonly token: unknown; readonly instance: string | null },
  ): { readonly code: string; readonly by?: string } | null {
    if (!this.#expected.includes(reader)) return { code: 'not-listed' };
    if (this.#token?.accepts(token) !== true || instance === null) return { code: 'unauthorized' };
    const heardAtMs = monoNowMs();
    const holder = this.#holders.get(reader);
    const isOther = holder !== undefined && holder.instance !== instance && holder.session.open;
    if (isOther && heardAtMs - holder.heardAtMs < GONE_AFTER_MS) return { code: 'taken', by: holder.instance };
    this.#holders.set(reader, { session, instance, heardAtMs });
    return null;
  }
}
