import { readFileSync } from 'node:fs';
import type { CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import { writeDurably } from '../system/durable-file.ts';
import type { ClusterObservation } from './driver.ts';

/** Patroni reads its files anew at its next loop; only after that is it asked again. */
const readWithinMs = 20_000;

/**
 * From whom a member that may never be promoted should stream: the one synchronous standby that every commit waits for. Whoever loses the
 * primary has the archive behind the next one already, and it has nothing that the next one lacks. While there is no such standby commits
 * wait for the archive, which is then best behind the primary. Null: it is left as it is, because it is so, or because who is waited for
 * is not known.
 */
export function wantedUpstream({ member, store }: Omit<ClusterObservation, 'events'>, own: string): string | null {
  if (member === null || store === null || !member.tags.nofailover || member.role !== 'replica' || member.paused)
    return null;
  const { sync, leader, members } = store;
  if (sync === null || leader === null || sync.leader !== leader || sync.quorum > 0) return null;
  const [upstream = leader, ...others] = sync.standbys;
  if (others.length > 0 || upstream === own) return null;
  // It would loop if that one streamed from here.
  const found = members.find(({ name }) => name === upstream);
  if (found === undefined || found.tags.replicatefrom !== null) return null;
  return upstream === member.tags.replicatefrom ? null : upstream;
}

export interface UpstreamKeeperOptions {
  /** Of Patroni's own name for the member beside it. */
  readonly member: string;
  /** One of the files in the directory that is Patroni's configuration; nobody else writes it. */
  readonly file: string;
  /** Asks Patroni to read its files. */
  readonly reload: (options: CallOptions) => Promise<unknown>;
}

/** Keeps the tag `replicatefrom` of a member that may never be promoted, in a file of Patroni's configuration that is this agent's. */
export class UpstreamKeeper {
  readonly #options: UpstreamKeeperOptions;
  #asked: { readonly upstream: string; readonly atMs: number } | null = null;

  constructor(options: UpstreamKeeperOptions) {
    this.#options = options;
  }

  /** After a look. What could not be written or asked is tried again after a later one; never throws. */
  async keep(seen: Omit<ClusterObservation, 'events'>, options: CallOptions): Promise<void> {
    const { member, file, reload } = this.#options;
    const upstream = wantedUpstream(seen, member);
    if (upstream === null) return;
    if (this.#asked?.upstream === upstream && hostMonoMs() - this.#asked.atMs < readWithinMs) return;
    this.#asked = { upstream, atMs: hostMonoMs() };
    const text = `${JSON.stringify({ tags: { replicatefrom: upstream } })}\n`;
    try {
      if (textOf(file) !== text) writeDurably(file, text, { mode: 0o644 });
    } catch {
      return;
    }
    await reload(options);
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
