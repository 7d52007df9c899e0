import type { Revision } from '../../src/core/base/ids.ts';
import type { AuthorityPort } from '../../src/engine/authority-port.ts';

/** What the contract suite needs of one implementation: real servers that can be frozen, restarted and rolled back. */
export interface AuthorityHarness {
  readonly kind: AuthorityPort['kind'];
  readonly voters: number;
  /** A client of its own, closed together with the harness. Several clients use different endpoints where there are several. */
  open(options?: OpenOptions): AuthorityPort;
  /** Every server stands still when it resolves; connections stay open. */
  freeze(): Promise<void>;
  thaw(): void;
  /** SIGKILL to every server, then a start on the same data. Resolves when it answers again. */
  restart(): Promise<void>;
  /** Ends every client connection; new ones are accepted. */
  cutConnections(): void;
  /** Silences every client connection without ending it. */
  blackHole(): void;
  heal(): void;
  /** Forgets the history of all changes so far. */
  compact(): Promise<void>;
  /** Keeps a copy of the data as it is. */
  snapshot(): Promise<void>;
  /** Stops the servers, puts the copy back and starts again: nobody tells the clients. */
  rollBack(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly highestSeen?: { readonly incarnation: string; readonly revision: Revision };
  readonly onHighestSeen?: (mark: { readonly incarnation: string; readonly revision: Revision }) => void;
}
