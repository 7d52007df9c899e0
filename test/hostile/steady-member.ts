import type { JsonRecord } from '../../trading/base/json-record.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import type { AwakeClock } from '../kills/awake-clock.ts';

const EVERY_MS = 20;
/** What an engine says to an order while it has no exchange, or is not even with it yet. */
const AWAY: ReadonlySet<unknown> = new Set(['venue-unavailable', 'not-settled']);

/**
 * A well-behaved session that sends an order every so often and notes how long each answer took, while this process was not stopped. That
 * the exchange is away is no answer: what is refused for it has waited until an order is taken again.
 */
export class SteadyMember {
  readonly #client: LineClient;
  readonly #clock: AwakeClock;
  readonly #name: string;
  readonly #timer: NodeJS.Timeout;
  readonly #sentAtMs = new Map<unknown, number>();
  #tookMs: number[] = [];
  /** Nothing that it sends may be refused. */
  readonly #refusals: JsonRecord[] = [];
  #count = 0;
  /** Orders that were refused because the exchange was away. */
  #away = 0;
  /** When the first of those was sent after which none was taken yet. */
  #awaySinceMs: number | null = null;

  private constructor(
    name: string,
    parts: { client: LineClient; clock: AwakeClock },
    isAnswer: (t: unknown) => boolean,
  ) {
    const { client, clock } = parts;
    this.#clock = clock;
    this.#name = name;
    this.#client = client;
    client.onMessage = (message) => {
      const { t, id } = message;
      client.received.length = 0;
      const isAway = t === 'reject' && AWAY.has(message['code']);
      if (!isAway && (t === 'reject' || t === 'cut')) this.#refusals.push(message);
      const sentAtMs = this.#sentAtMs.get(id);
      if (!(isAnswer(t) || isAway) || sentAtMs === undefined) return;
      this.#sentAtMs.delete(id);
      if (isAway) {
        this.#away += 1;
        this.#awaySinceMs ??= sentAtMs;
        return;
      }
      this.#tookMs.push(this.#clock.nowMs - Math.min(sentAtMs, this.#awaySinceMs ?? sentAtMs));
      this.#awaySinceMs = null;
    };
    this.#timer = setInterval(() => this.#send(), EVERY_MS);
  }

  static async ofEngine(port: number, clock: AwakeClock): Promise<SteadyMember> {
    const client = await LineClient.open(port);
    client.send({ t: 'logon', client: 'good' });
    await client.expect(({ t }) => t === 'logon-ok');
    return new SteadyMember('the engine', { client, clock }, (t) => t === 'ack');
  }

  static async ofExchange(port: number, clock: AwakeClock): Promise<SteadyMember> {
    const client = await LineClient.open(port);
    client.send({ t: 'logon', firm: 'GOOD', session: 'good', epoch: 1 }, { t: 'drop-copy', after: 0 });
    await client.expect(({ t }) => t === 'drop-copy-end');
    return new SteadyMember('the exchange', { client, clock }, (t) => t === 'report');
  }

  forget(): void {
    this.#tookMs = [];
    this.#away = 0;
  }

  /** Of the answers since `forget`; whoever still waits counts with what it has waited, refused or not. */
  latency(): {
    readonly of: string;
    readonly answers: number;
    readonly away: number;
    readonly medianMs: number;
    readonly mostMs: number;
  } {
    const since = [...this.#sentAtMs.values(), ...(this.#awaySinceMs === null ? [] : [this.#awaySinceMs])];
    const waitingMs = since.map((atMs) => this.#clock.nowMs - atMs);
    const sorted = [...this.#tookMs].sort((left, right) => left - right);
    const mostMs = Math.round(Math.max(0, sorted.at(-1) ?? 0, ...waitingMs));
    const medianMs = Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 10) / 10;
    return { of: this.#name, answers: sorted.length, away: this.#away, medianMs, mostMs };
  }

  /** It was never cut, everything that it sent is answered, and what it sends is taken. */
  async proven(): Promise<void> {
    const sent = [...this.#sentAtMs.keys()];
    const isAnswered = (): boolean => this.#awaySinceMs === null && sent.every((id) => !this.#sentAtMs.has(id));
    await waitUntil(
      `${this.#name} has answered`,
      () => this.#refusals.length > 0 || this.#client.closed || isAnswered(),
    );
    if (this.#refusals.length > 0)
      throw new Error(`${this.#name} refused: ${JSON.stringify(this.#refusals.slice(0, 5))}`);
    if (this.#client.closed) throw new Error(`${this.#name} cut a session that had done nothing wrong`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#client.close();
  }

  #send(): void {
    const id = `good-${++this.#count}`;
    this.#sentAtMs.set(id, this.#clock.nowMs);
    this.#client.send({ t: 'new', id, symbol: 'GOOD', side: 'B', price: 1 + (this.#count % 50), qty: 1 });
  }
}
