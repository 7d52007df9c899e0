import assert from 'node:assert/strict';
import type { ClientProcess } from '../../../bench/failover/client-process.ts';
import { missingWrites } from '../../../bench/failover/client-report.ts';
import type { GroupView } from '../../../lab/demo/status-view.ts';
import { hostMonoMs } from '../../../src/adapters/process/host-clock.ts';
import { seatOf } from '../../../src/core/authority/writer-seat.ts';
import { indexOf } from '../../../src/core/topology/topology-index.ts';
import type { FaultWatch } from '../../lab/faults-in-a-row.ts';
import type { LabUnderTest } from '../../lab/lab-under-test.ts';
import { redisProblems, turnsOf } from '../../lab/writer-turns.ts';
import type { LedFirm } from './led-firm.ts';

/** Evidence that says what a Redis lost. */
const losses: readonly string[] = ['writer-opened', 'writer-diverged'];
const servedAgainWithinMs = 30_000;
/** It writes every few milliseconds; a machine that does much else may keep it waiting. */
const servedUntilMs = 5_000;

/** A client that writes to whichever Redis lets it in, all through one fault. */
export class RedisWatch implements FaultWatch {
  readonly #lab: LabUnderTest;
  readonly #firm: LedFirm;
  readonly #key: string;
  readonly #begunMs = hostMonoMs();
  readonly #epochBefore: number;
  readonly #client: ClientProcess;

  private constructor(lab: LabUnderTest, firm: LedFirm, { key, before }: { key: string; before: GroupView }) {
    this.#lab = lab;
    this.#firm = firm;
    this.#key = key;
    this.#epochBefore = before.record!.epoch;
    this.#client = firm.redisClient(this.#seat(before).epoch, key);
  }

  static async open(lab: LabUnderTest, firm: LedFirm, wish: { key: string; before: GroupView }): Promise<RedisWatch> {
    const watch = new RedisWatch(lab, firm, wish);
    await watch.#client.serving().catch((error: unknown) => {
      watch.close();
      throw error;
    });
    return watch;
  }

  async judged(after: GroupView): Promise<string> {
    const { instance } = this.#seat(after);
    const site = indexOf(this.#lab.topology).siteOfInstance.get(instance!)!;
    const seatIsServed = async () => this.#client.servedBy === this.#firm.redisAt(site);
    await this.#lab.eventually('the Redis of the record takes writes', servedAgainWithinMs, seatIsServed);
    const askedAtMs = hostMonoMs();
    const { acknowledged } = await this.#client.end();
    const lastMsAgo = askedAtMs - acknowledged.at(-1)!.atMs;
    assert.ok(lastMsAgo < servedUntilMs, `Redis took its last write ${Math.round(lastMsAgo)} ms ago`);
    const missing = missingWrites([{ acknowledged, sent: 0, unknown: [] }], await this.#firm.inRedis(site, this.#key));
    const turns = turnsOf(acknowledged.map(({ place }) => place));
    const counted = this.#lab
      .evidence()
      .filter(({ kind, monoMs }) => losses.includes(kind) && monoMs >= this.#begunMs)
      .map(({ data }) => (data as { readonly loss: { readonly kind: string } }).loss);
    const said = counted.length === 0 ? 'none counted' : `counted ${JSON.stringify(counted)}`;
    const seen = `Redis ${turns.join(' → ')}, ${acknowledged.length} writes, ${missing} missing, ${said}`;
    const raised = after.record!.epoch - this.#epochBefore;
    assert.deepEqual(redisProblems({ turns, raised, missing, counted }), [], seen);
    return seen;
  }

  close(): void {
    this.#client.close();
  }

  #seat({ record }: GroupView) {
    return seatOf(record!, this.#lab.component('redis'), this.#lab.topology);
  }
}
