import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import type { ServedLook, ServedServer } from '../../engine/served-port.ts';
import type { PgBackRestDriver } from './driver.ts';

/**
 * One repository as an agent looks at it. `figures.lastGoodAt`: when its last good backup ended, 0 where it has none; `gaps`: places at
 * which WAL since then is missing, left out where that was not found out.
 */
export class ServedRepository implements ServedServer {
  readonly #driver: PgBackRestDriver;

  constructor(driver: PgBackRestDriver) {
    this.#driver = driver;
  }

  async look(options: CallOptions): Promise<ServedLook> {
    const { lastGood, gaps, reasons } = await this.#driver.observe(options);
    if (lastGood === null) return { kind: 'unknown', reason: reasons[0] ?? 'it did not answer' };
    const seen = { kind: 'seen', leads: {}, remarks: reasons } as const;
    if (lastGood === 'none') return { ...seen, concerns: ['it has no good backup'], figures: { lastGoodAt: 0 } };
    const figures = { lastGoodAt: lastGood.stoppedAt, ...(gaps === null ? {} : { gaps: gaps.length }) };
    const concerns = gaps === null || gaps.length === 0 ? [] : [`WAL is missing in ${gaps.length} places`];
    return { ...seen, concerns, figures };
  }

  async lead(): Promise<ActionOutcome> {
    return { kind: 'failed', code: 'not-ours', reason: 'a repository leads nobody anywhere' };
  }

  isLed(): boolean {
    return true;
  }
}
