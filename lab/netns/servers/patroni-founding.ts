import { type AskMachine, serverDirectory } from './server.ts';

/** From a claim to the first files of the data it takes some 0.3 s, on a busy machine seconds. */
const CLAIM_STANDS_MS = 15_000;

/**
 * A founder of a Patroni cluster claims it in the store and then makes its data. Where the store took the claim and its answer came too
 * late (seen on a busy machine), the founder does not know that it is its own, and everybody waits for somebody else for ever. A claim
 * that has stood for long, by nobody who has data, is taken away as it was read, so that the founder claims anew.
 */
export class PatroniFounding {
  readonly #server: string;
  readonly #etcdctl: readonly [string, ...string[]];
  readonly #key: string;
  readonly #nowMs: () => number;
  #claim: { readonly index: number; readonly sinceMs: number } | null = null;

  constructor(options: {
    readonly server: string;
    /** Of the lab's etcd, as `HOST:PORT`. */
    readonly stores: readonly string[];
    readonly scope: string;
    readonly nowMs?: () => number;
  }) {
    const directory = serverDirectory(options.server);
    this.#server = options.server;
    this.#etcdctl = [
      'env',
      'ETCDCTL_API=2',
      'etcdctl',
      '--no-sync',
      `--endpoints=${options.stores.map((store) => `https://${store}`).join(',')}`,
      ...['ca', 'cert', 'key'].map((name) => `--${name}-file=${directory}/${name}.pem`),
    ];
    this.#key = `/service/${options.scope}/initialize`;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** In words, when the claim was just taken away; else null. Asked while its PostgreSQL does not answer. */
  async look(ask: AskMachine): Promise<string | null> {
    const hasData = (await ask(['test', '-e', `${serverDirectory(this.#server)}/data/PG_VERSION`])) !== null;
    const index = hasData ? null : emptyClaimIn(await ask([...this.#etcdctl, '-o', 'json', 'get', this.#key]));
    if (index === null) {
      this.#claim = null;
      return null;
    }
    if (this.#claim?.index !== index) this.#claim = { index, sinceMs: this.#nowMs() };
    if (this.#nowMs() - this.#claim.sinceMs < CLAIM_STANDS_MS) return null;
    this.#claim = null;
    const removed = await ask([...this.#etcdctl, 'rm', `--with-index=${index}`, this.#key]);
    return removed === null ? null : 'the cluster was claimed and not founded: the empty claim was taken away';
  }
}

/** Index of a claim that names no cluster yet; null where there is none, or the store did not answer. */
function emptyClaimIn(said: string | null): number | null {
  if (said === null) return null;
  try {
    const { node } = JSON.parse(said) as { node?: { value?: unknown; modifiedIndex?: unknown } };
    const { value = '', modifiedIndex } = node ?? {};
    return value === '' && typeof modifiedIndex === 'number' ? modifiedIndex : null;
  } catch {
    return null;
  }
}
