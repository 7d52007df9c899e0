import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Revision, revision } from '../core/base/ids.ts';
import type { AuthorityPort } from '../engine/authority-port.ts';
import { Fields } from '../wire/fields.ts';
import { readTlsFiles, type TlsIdentity } from '../wire/peer-identity.ts';
import type { AuthorityConfig } from '../wire/process-config.ts';

export interface OpenAuthorityOptions {
  readonly config: AuthorityConfig;
  /** The furthest state of the store that was seen is kept here, so that a store that went back is noticed over a restart. */
  readonly stateDir: string;
  /** This process's own identity, for an authority that asks for it. */
  readonly identity: TlsIdentity;
  /** How soon a connection that only gives silence has to be noticed; it is looked at every two fifths of this. */
  readonly noticeSilenceWithinMs: number;
}

interface Mark {
  readonly incarnation: string;
  readonly revision: Revision;
}

const MARK_FILE = 'authority-mark.json';
const KEEP_MARK_EVERY_MS = 5000;

/** Opens the configured authority; only its client is loaded. */
export async function openAuthority({
  config,
  stateDir,
  identity,
  noticeSilenceWithinMs,
}: OpenAuthorityOptions): Promise<AuthorityPort> {
  const keeper = new MarkKeeper(join(stateDir, MARK_FILE));
  const seen = { highestSeen: keeper.read() ?? undefined, onHighestSeen: (mark: Mark) => keeper.keep(mark) };
  if (config.kind === 'etcd') {
    const { openEtcdAuthority } = await import('./etcd/etcd-authority.ts');
    const tls = config.tls === null ? {} : { tls: readTlsFiles(config.tls) };
    const namespace = config.namespace === null ? {} : { namespace: config.namespace };
    return openEtcdAuthority({ endpoints: config.endpoints, ...tls, ...namespace, ...seen });
  }
  const { openLabAuthority } = await import('./lab-authority/client.ts');
  const token = config.tokenFile === null ? null : readFileSync(config.tokenFile, 'utf8').trim();
  return openLabAuthority({
    host: config.host,
    port: config.port,
    client: config.client,
    token,
    ...(config.useTls ? { tls: identity } : {}),
    heartbeatMs: noticeSilenceWithinMs * 0.4,
    silenceMs: noticeSilenceWithinMs,
    ...seen,
  });
}

/**
 * Not on disk at once: a mark that is some seconds old still shows a store that went back further than that. Never blocks: the
 * process must keep its deadlines while a disk is stuck.
 */
class MarkKeeper {
  readonly #path: string;
  #latest: Mark | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  read(): Mark | null {
    try {
      const fields = Fields.parse(readFileSync(this.#path, 'utf8'), 'mark');
      return { incarnation: fields.text('incarnation'), revision: revision(fields.count('revision')) };
    } catch {
      return null;
    }
  }

  keep(mark: Mark): void {
    this.#latest = mark;
    this.#timer ??= setTimeout(() => void this.#write(), KEEP_MARK_EVERY_MS).unref();
  }

  async #write(): Promise<void> {
    const draft = `${this.#path}.${process.pid}`;
    try {
      await writeFile(draft, `${JSON.stringify(this.#latest)}\n`, { mode: 0o600 });
      await rename(draft, this.#path);
    } catch {
      // Only a lost warning: the next change tries again.
    } finally {
      this.#timer = null;
    }
  }
}
