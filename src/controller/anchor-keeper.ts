import { assert } from '../core/base/assert.ts';
import type { Digest, Json } from '../core/base/canonical-json.ts';
import { type Revision, revision, type WallMs } from '../core/base/ids.ts';
import { type Anchor, anchorData, makeAnchor, readAnchor } from '../core/evidence/anchor.ts';
import type { ChainHead } from '../core/evidence/hash-chain.ts';
import type { AuthorityEvent } from '../engine/agent-effects.ts';
import { keys } from '../engine/authority-keys.ts';
import type { AuthorityPort } from '../engine/authority-port.ts';
import type { LeaderRecord } from '../engine/leadership.ts';
import type { ShellClock } from '../engine/shell.ts';

/** Where the authority keeps the newest anchor. */
export const latestAnchorKey = keys.anchor('latest');

/** When nothing happened but the writing of anchors itself, one more is made this seldom. */
const ECHO_EVERY_MS = 30_000;
const TRANSACT_WITHIN_MS = 1000;

export type Head = Pick<ChainHead, 'chain' | 'sequence' | 'hash'>;

export interface AnchorKeeperOptions {
  readonly controller: string;
  readonly chain: string;
  readonly everyMs: number;
  readonly authority: Pick<AuthorityPort, 'transact'>;
  readonly clock: ShellClock;
  readonly digest: Digest;
  readonly ownHead: () => Head;
  readonly record: (kind: 'anchor' | 'countersign', data: Json) => void;
}

/**
 * Makes a cut tail of any evidence chain visible: the leader sequences the heads of all chains by compare-and-set in the authority
 * and writes the anchor into its own chain; every other controller writes a countersigned copy into its own.
 */
export class AnchorKeeper {
  readonly #options: AnchorKeeperOptions;
  readonly #heads = new Map<string, Head>();
  #incarnation: string | null = null;
  #leader: { readonly record: LeaderRecord | null; readonly revision: Revision } = {
    record: null,
    revision: revision(0),
  };
  #latest: { readonly anchor: Anchor | null; readonly revision: Revision } = { anchor: null, revision: revision(0) };
  #recorded = 0;
  #madeAt = Number.NEGATIVE_INFINITY;
  #inFlight = false;

  constructor(options: AnchorKeeperOptions) {
    this.#options = options;
  }

  /** The head of another process's chain, from itself. Heads only grow; a chain that seems to shrink keeps its highest. */
  head(head: Head): void {
    const known = this.#heads.get(head.chain);
    if (known === undefined || head.sequence > known.sequence) this.#heads.set(head.chain, head);
  }

  see(event: AuthorityEvent): void {
    if (event.kind === 'authority-snapshot') {
      this.#incarnation = event.incarnation;
      const leader = event.entries[keys.leader];
      const latest = event.entries[latestAnchorKey];
      this.#leaderIs(leader?.value ?? null, leader?.revision ?? revision(0));
      this.#latestIs(latest?.value ?? null, latest?.revision ?? revision(0));
    } else if (event.kind === 'authority-changed') {
      for (const { key, value } of event.changes) {
        if (key === keys.leader) this.#leaderIs(value, event.revision);
        if (key === latestAnchorKey) this.#latestIs(value, event.revision);
      }
    }
  }

  /** Called a few times per `everyMs`; makes an anchor when one is due. */
  async work(): Promise<void> {
    const { everyMs, clock, controller, authority } = this.#options;
    const now = clock.monoMs();
    if (
      this.#inFlight ||
      this.#incarnation === null ||
      this.#leader.record?.controller !== controller ||
      now - this.#madeAt < everyMs
    )
      return;
    this.head(this.#options.ownHead());
    const grown = this.#growth();
    if (grown === 'none' || (grown === 'echo' && now - this.#madeAt < ECHO_EVERY_MS)) return;
    this.#inFlight = true;
    this.#madeAt = now;
    try {
      const anchor = this.#make(this.#incarnation);
      const outcome = await authority.transact(
        {
          compare: [
            { key: latestAnchorKey, revision: this.#latest.revision },
            { key: keys.leader, revision: this.#leader.revision },
          ],
          put: [{ key: latestAnchorKey, value: anchor as unknown as Json }],
        },
        { deadlineMs: TRANSACT_WITHIN_MS },
      );
      if (outcome.kind === 'committed') this.#latestIs(anchor as unknown as Json, outcome.revision);
      if (outcome.kind === 'conflict') {
        const latest = outcome.current[latestAnchorKey];
        this.#latestIs(latest?.value ?? null, latest?.revision ?? revision(0));
      }
    } finally {
      this.#inFlight = false;
    }
  }

  #make(incarnation: string): Anchor {
    const { chain, clock, digest } = this.#options;
    const heads = [...this.#heads.values()].toSorted((a, b) => (a.chain < b.chain ? -1 : 1));
    const previous = this.#latest.anchor;
    // What the last anchor saw of a chain that has been silent since stays covered.
    const silent = Object.entries(previous?.heads ?? {}).filter(
      ([name, head]) => (this.#heads.get(name)?.sequence ?? 0) < head.sequence,
    );
    const kept = silent.map(([name, head]) => ({ chain: name, ...head }));
    const covered = [...heads.filter((head) => !kept.some((each) => each.chain === head.chain)), ...kept];
    return makeAnchor(
      { previous, incarnation, at: clock.wallMs() as WallMs, by: chain, heads: covered as readonly ChainHead[] },
      digest,
    );
  }

  /** `echo`: nothing but what anchors themselves leave behind, one entry per controller. */
  #growth(): 'none' | 'echo' | 'news' {
    const anchored = this.#latest.anchor?.heads ?? {};
    const grown = [...this.#heads.values()]
      .map((head) => ({ chain: head.chain, by: head.sequence - (anchored[head.chain]?.sequence ?? 0) }))
      .filter(({ by }) => by > 0);
    if (grown.length === 0) return 'none';
    return grown.every(({ chain, by }) => by === 1 && chain.startsWith('controller-')) ? 'echo' : 'news';
  }

  #leaderIs(value: Json, at: Revision): void {
    if (at < this.#leader.revision && value !== null) return;
    this.#leader = { record: value as unknown as LeaderRecord | null, revision: at };
  }

  #latestIs(value: Json, at: Revision): void {
    if (value !== null && at <= this.#latest.revision) return;
    const { chain, digest, record } = this.#options;
    const anchor = value === null ? null : readAnchor(value, digest);
    this.#latest = { anchor, revision: value === null ? revision(0) : at };
    if (anchor === null || anchor.number === this.#recorded) return;
    assert(anchor.by !== '', 'an anchor names who made it');
    this.#recorded = anchor.number;
    record(anchor.by === chain ? 'anchor' : 'countersign', anchorData(anchor));
  }
}
