import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '../../lab/wait.ts';
import type { NamespaceLabUnderTest } from '../../test/integration/netns-lab.under-test.ts';
import type { ClientLine, ClientWish } from './client.ts';
import type { ClientReport } from './client-report.ts';

/** In a session of its own: between sessions, a share of its own counts for nothing. */
const program = [
  'setsid',
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, 'client.ts'),
];
const firstWriteWithinMs = 30_000;
const reportWithinMs = 15_000;

type Served = Extract<ClientLine, { kind: 'served' }>;

/** A client as a process of one machine of a lab. It ends with its input, and so with whoever started it. */
export class ClientProcess {
  readonly #child: ChildProcess;
  readonly #served: Served[] = [];
  #report: ClientReport | null = null;

  constructor(under: NamespaceLabUnderTest, node: string, wish: ClientWish) {
    this.#child = under.spawn(node, ...program);
    this.#child.stdin?.on('error', () => {});
    createInterface({ input: this.#child.stdout! }).on('line', (text) => {
      const line = JSON.parse(text) as ClientLine;
      if (line.kind === 'served') this.#served.push(line);
      else this.#report = line.report;
    });
    this.#child.stdin?.write(`${JSON.stringify(wish)}\n`);
  }

  /** Who acknowledged last. */
  get servedBy(): string | null {
    return this.#served.at(-1)?.place ?? null;
  }

  /** @throws when nobody acknowledges anything in time */
  async serving(): Promise<string> {
    await waitFor('the first acknowledged write', () => this.servedBy !== null, firstWriteWithinMs);
    return this.servedBy!;
  }

  /** Somebody other than this place has acknowledged. False when nobody did in time. */
  servedElsewhere(former: string, withinMs: number): Promise<boolean> {
    return waitFor('another writer', () => this.#served.some(({ place }) => place !== former), withinMs).then(
      () => true,
      () => false,
    );
  }

  /** Ends it. @throws when it keeps its report to itself */
  async end(): Promise<ClientReport> {
    this.#child.stdin?.end();
    await waitFor('a client’s report', () => this.#report !== null, reportWithinMs);
    return this.#report!;
  }

  /** Whatever became of it. */
  close(): void {
    this.#child.stdin?.end();
  }
}
