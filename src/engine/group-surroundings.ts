import type { Digest } from '../core/base/canonical-json.ts';
import type { WallMs } from '../core/base/ids.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import type { Topology } from '../core/topology/topology.ts';
import type { AuthorityMirror } from './authority-mirror.ts';
import type { Transaction, TransactionOutcome } from './authority-port.ts';
import type { ControllerEffect } from './controller-effects.ts';
import type { Leadership } from './leadership.ts';
import type { Vantage } from './vantage.ts';

/** What a group's control needs of the controller around it. */
export interface GroupSurroundings {
  readonly topology: Topology;
  readonly mirror: AuthorityMirror;
  readonly vantage: Vantage;
  readonly leadership: Leadership;
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly digest: Digest;
  readonly controller: string;
  emit(effect: ControllerEffect): void;
  transact(
    body: Transaction,
    deadlineMs: number,
    then: (outcome: TransactionOutcome, now: number, wall: WallMs) => void,
  ): void;
}
