import { type Revision, revision } from '../../core/base/ids.ts';
import type { WatchEvent } from '../../engine/authority-port.ts';
import type { StoredChange, WatchResult } from './lab-protocol.ts';

export interface LabWatchOptions {
  readonly prefix: string;
  readonly afterRevision: Revision;
  /** Data that `afterRevision` belongs to; null = whatever the first registration finds. */
  readonly incarnation: string | null;
  readonly silenceMs: number;
  readonly onEvent: (event: WatchEvent) => void;
  readonly register: (request: { prefix: string; after: Revision; incarnation: string | null }) => void;
  readonly ended: () => void;
  readonly saw: (incarnation: string, at: Revision) => void;
}

/** One watch over any number of connections: resumes after the last revision it delivered, delivers none twice. */
export class LabWatch {
  readonly #options: LabWatchOptions;
  #delivered: Revision;
  #incarnation: string | null;
  #lost = false;
  #ended = false;
  /** Until the first registration: a watch that cannot even start is reported too. */
  #overdue: NodeJS.Timeout | null;

  constructor(options: LabWatchOptions) {
    this.#options = options;
    this.#delivered = options.afterRevision;
    this.#incarnation = options.incarnation;
    this.#overdue = setTimeout(() => this.disconnected('the watch could not be established'), options.silenceMs);
  }

  connected(): void {
    if (!this.#ended)
      this.#options.register({ prefix: this.#options.prefix, after: this.#delivered, incarnation: this.#incarnation });
  }

  registered(result: WatchResult): void {
    if (result.kind === 'compacted') this.compacted();
    if (this.#ended || result.kind === 'compacted') return;
    this.#established();
    this.#incarnation = result.incarnation;
    if (!this.#lost) return;
    this.#lost = false;
    this.#options.onEvent({ kind: 'resumed', revision: this.#delivered });
  }

  changed(change: StoredChange): void {
    if (this.#ended || change.revision <= this.#delivered) return;
    this.#delivered = revision(change.revision);
    if (this.#incarnation !== null) this.#options.saw(this.#incarnation, this.#delivered);
    this.#options.onEvent({ kind: 'changed', revision: this.#delivered, changes: change.changes });
  }

  disconnected(reason: string): void {
    if (this.#ended || this.#lost) return;
    this.#established();
    this.#lost = true;
    this.#options.onEvent({ kind: 'lost', reason });
  }

  compacted(): void {
    if (this.#ended) return;
    this.close();
    this.#options.onEvent({ kind: 'compacted' });
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#established();
    this.#options.ended();
  }

  #established(): void {
    if (this.#overdue !== null) clearTimeout(this.#overdue);
    this.#overdue = null;
  }
}
