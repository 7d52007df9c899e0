import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { Facts } from '../core/decision/facts.ts';
import { keys } from './authority-keys.ts';
import type { GroupSurroundings } from './group-surroundings.ts';

/**
 * Writes a group's record outside every run, one change at a time: one transaction under the leader's key, on the record that the facts
 * were gathered with. What became of it is not always known; then everything is read again, and the change is decided anew.
 */
export class RecordAmendment {
  readonly #around: GroupSurroundings;
  #writing = false;

  constructor(around: GroupSurroundings) {
    this.#around = around;
  }

  /** Its transaction is under way. */
  get busy(): boolean {
    return this.#writing;
  }

  /** `then` is called once the record is committed, and known here. */
  write(facts: Facts, record: GroupRecord, then: (now: number, wall: Facts['wallMs']) => void): void {
    const { mirror, leadership, topology } = this.#around;
    const key = keys.group(facts.group.id);
    const put = [{ key, value: record as unknown as Json }];
    const compare = [leadership.comparison(mirror), { key, revision: facts.recordRevision }];
    this.#writing = true;
    this.#around.transact({ compare, put }, topology.timing.stepDeadlineMs, (outcome, now, wall) => {
      this.#writing = false;
      if (outcome.kind === 'committed') {
        mirror.change(put, outcome.revision, now);
        then(now, wall);
      } else if (outcome.kind === 'unknown') this.#around.emit({ kind: 'reload-authority' });
    });
  }
}
