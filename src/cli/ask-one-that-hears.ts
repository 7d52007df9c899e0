import type { Json } from '../core/base/canonical-json.ts';
import { HoldfastError } from '../wire/holdfast-error.ts';
import type { OperatorRequest } from '../wire/operator-api.ts';
import { type Controllers, resultOf } from './connect/session.ts';
import { parseStatus } from './view/status-view.ts';

const LEADER_WITHIN_MS = 1500;

/**
 * Asks for what any controller may tell: the one that leads, as it hears most; when it does not answer, the one whose status is shown.
 * @throws HoldfastError HF-3102 when nobody answers
 */
export async function askOneThatHears(
  controllers: Controllers,
  request: Extract<OperatorRequest, { kind: 'replication' | 'rpo' }>,
): Promise<Json> {
  const { controller, leader } = parseStatus(resultOf(await controllers.ask({ kind: 'status' }), 'read the status'));
  const attempted = `read the ${request.kind}`;
  const known = leader?.controller ?? null;
  if (known !== null && known !== controller.id && controllers.names.includes(known)) {
    try {
      return resultOf(await controllers.ask(request, { only: known, deadlineMs: LEADER_WITHIN_MS }), attempted);
    } catch (cause) {
      if (!(cause instanceof HoldfastError)) throw cause;
    }
  }
  return resultOf(await controllers.ask(request, { only: controller.id }), attempted);
}
