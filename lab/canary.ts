import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { LabContext } from './configs.ts';
import { planLoad } from './configs.ts';
import { LabError } from './lab-error.ts';
import { loadEndpoint } from './layout.ts';
import type { ProcessSpec } from './process-spec.ts';

export const canaryKey = 'canary';

/**
 * A client that writes one marked order and one marked row a second on the clients' own way, through the fronts: what it means to
 * write is on its disk before it is sent, and what it was told after. Apart from the order flow: a ledger, a process and a name of its own.
 */
export function planCanary(context: LabContext): ProcessSpec {
  const spec = planLoad(context, { ratePerSecond: 1 });
  const { book, directory, secrets } = context;
  return {
    ...spec,
    key: canaryKey,
    config: {
      file: join(directory.outside('canary'), 'config.json'),
      content: {
        ...(spec.config!.content as object),
        clients: ['canary'],
        commitsPerSecond: 1,
        commitLanes: 1,
        ledgerDir: join(directory.evidence, 'canary'),
        preallocateBytes: 1024 * 1024,
        // Nobody measures an outage with it: it need not look for a new way more often than it writes.
        probeEveryMs: 250,
        silentAfterMs: 500,
        control: { host: book.realAddress(loadEndpoint).host, port: 0, tokenFile: secrets.loadToken },
        // Counted at the engine and in the database; exchange and order management are the order flow's to compare.
        venue: null,
        stream: null,
      },
    },
  };
}

/** What became of the canaries that were acknowledged. Null: a book that it needs could not be read, which is not zero. */
export interface CanaryCount {
  readonly ordersAcked: number | null;
  readonly ordersMissing: readonly string[] | null;
  readonly commitsAcked: number | null;
  readonly commitsMissing: readonly string[] | null;
  /** Sent, and never answered: present or absent, neither is a loss. */
  readonly unanswered: number | null;
  /** Why something is not counted, one sentence each. */
  readonly reasons: readonly string[];
}

/** Every acknowledged canary is looked for, by a process that shares nothing with the platform. @throws LabError HF-7022 */
export async function countCanaries({ directory }: LabContext): Promise<CanaryCount> {
  const file = join(directory.outside('canary'), 'config.json');
  const args = ['--disable-warning=ExperimentalWarning', join(directory.root, 'trading/load/verify.ts'), file];
  const { promise, resolve, reject } = Promise.withResolvers<CanaryCount>();
  execFile(process.execPath, args, { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
    try {
      resolve(canaryCountOf(JSON.parse(stdout) as Compared));
    } catch (cause) {
      reject(
        new LabError({
          code: 'HF-7022',
          attempted: 'look for the canaries',
          found: stderr.trim() || String(error),
          next: 'was the lab brought up with --canary? See docs/guide/loopback-lab.md',
          cause,
        }),
      );
    }
  });
  return promise;
}

/** Of a comparison of the client's ledgers what is about the client's own (`trading/load/verification.ts`). */
export interface Compared {
  readonly reasons: readonly string[];
  readonly ordersAcked: number | null;
  readonly ordersLost: readonly string[] | null;
  readonly commitsAcked: number | null;
  readonly commitsLost: readonly string[] | null;
  readonly unknownResolved: Readonly<
    Record<'ordersPresent' | 'ordersAbsent' | 'commitsPresent' | 'commitsAbsent', readonly string[] | null>
  >;
}

/** Orders and rows of others are not this client's to judge. */
export function canaryCountOf(compared: Compared): CanaryCount {
  const { ordersPresent, ordersAbsent, commitsPresent, commitsAbsent } = compared.unknownResolved;
  const open = [ordersPresent, ordersAbsent, commitsPresent, commitsAbsent];
  return {
    ordersAcked: compared.ordersAcked,
    ordersMissing: compared.ordersLost,
    commitsAcked: compared.commitsAcked,
    commitsMissing: compared.commitsLost,
    unanswered: open.includes(null) ? null : open.reduce((sum, each) => sum + (each?.length ?? 0), 0),
    reasons: compared.reasons,
  };
}
