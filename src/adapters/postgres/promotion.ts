import type { Epoch, InstanceId, MonoMs } from '../../core/base/ids.ts';
import type { ActionOutcome } from '../../engine/driver-port.ts';
import { nextPromotionStep } from '../../engine/guarded-promotion.ts';
import { type Deadline, DeadlineExceeded } from '../process/deadline.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import { applyAckSet } from './acknowledgement.ts';
import { CLOSED_NAME, CLOSED_SETTING } from './acknowledgement-names.ts';
import type { DriverContext } from './driver-context.ts';
import type { ServerReport } from './parse.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { promote } from './queries.ts';
import { ReplayEnd } from './replay-end.ts';
import type { Session } from './session.ts';

export interface Promotion {
  readonly epoch: Epoch;
  readonly ackSet: readonly InstanceId[];
}

/**
 * Turns a standby into the primary (I1, I3), in the order of `nextPromotionStep`. The upstream is cut and everything received is
 * replayed first, so the end is fixed before it is left. It becomes primary while its commits wait for a name that nobody has, and
 * only then waits for the acknowledgement set instead. The lease is the driver's, and may be renewed meanwhile. Interrupted anywhere,
 * the server is still closed, or a primary that acknowledges nothing.
 */
export async function promoteServer(
  context: DriverContext,
  promotion: Promotion,
  deadline: Deadline,
): Promise<ActionOutcome> {
  if (context.leaseUntil() <= hostMonoMs())
    throw new PostgresProblem('no-lease', 'the lease given with the promotion has run out');
  await context.ensureAnswering(deadline);
  return context.withSession(deadline, async (session) => {
    const before = await context.report(session, deadline);
    let primary = !before.inRecovery;
    if (primary) {
      context.state.update({ duty: 'primary', primaryEpoch: promotion.epoch, upstream: null, fenced: false });
      context.server.closeNextBoot();
    }
    let armedUntil: MonoMs | null = null;
    for (;;) {
      const leaseUntil = context.leaseUntil();
      const step = nextPromotionStep({
        epoch: promotion.epoch,
        storedEpoch: context.state.current.epoch,
        leaseUntil,
        now: hostMonoMs() as MonoMs,
        primary,
        armedUntil,
      });
      switch (step.kind) {
        case 'refuse':
          throw new PostgresProblem(step.code, step.reason);
        case 'arm-gate':
          await armGate(context, { epoch: promotion.epoch, leaseUntil }, deadline);
          armedUntil = leaseUntil;
          break;
        case 'become-primary':
          await leaveRecovery(context, session, promotion.epoch, before, deadline);
          primary = true;
          armedUntil = null;
          break;
        case 'open': {
          await applyAckSet(context, session, promotion.ackSet, deadline);
          const after = await context.report(session, deadline);
          if (after.inRecovery) throw new PostgresProblem('not-promoted', 'the server is still in recovery');
          return {
            kind: 'ok',
            detail: {
              timeline: after.timeline ?? 0,
              position: after.end,
              promotedAt: before.end,
              acknowledging: after.synchronousNames,
            },
          };
        }
      }
    }
  });
}

/** Keeps the gate open until the lease ends; throws when there is a gate and it could not be armed. */
export async function armGate(
  context: DriverContext,
  lease: { readonly epoch: Epoch; readonly leaseUntil: MonoMs },
  deadline: Deadline,
): Promise<void> {
  const { gate, config, server } = context;
  if (gate === null) return;
  gate.protect(config.instance, { root: server.tree.root, directory: server.tree.directory, address: config.listen });
  const armed = await gate.arm({
    instance: config.instance,
    epoch: lease.epoch,
    untilMono: lease.leaseUntil,
    deadlineMs: deadline.remainingMs(),
  });
  if (armed.kind === 'unknown') throw new DeadlineExceeded(`the ${gate.kind} gate may not be armed: ${armed.reason}`);
  if (armed.kind === 'refused')
    throw new PostgresProblem('gate-not-armed', `the ${gate.kind} gate refused (${armed.code}): ${armed.reason}`);
}

/** Primary afterwards, and closed: it has waited for nobody but `holdfast-closed` since before it left recovery. */
async function leaveRecovery(
  context: DriverContext,
  session: Session,
  epoch: Epoch,
  before: ServerReport,
  deadline: Deadline,
): Promise<void> {
  context.state.update({ duty: 'closed', upstream: null });
  context.writeSettings({ upstream: null, synchronousNames: CLOSED_SETTING, acceptWrites: true });
  context.server.reload();
  const replay = new ReplayEnd();
  await deadline.until('cutting the upstream and replaying what was received', async () => {
    const report = await context.report(session, deadline);
    const cut = report.receiver === null && report.synchronousNames === CLOSED_SETTING;
    return cut && replay.reached(report, hostMonoMs()) ? report : null;
  });
  deadline.check('promoting');
  context.state.update({ duty: 'primary', primaryEpoch: epoch, ackSet: [CLOSED_NAME], fenced: false });
  await session.query(promote(deadline.remainingMs() / 1000), deadline);
  await deadline.until('leaving recovery', async () => {
    const report = await context.report(session, deadline);
    return !report.inRecovery && (report.timeline ?? 0) > (before.timeline ?? 0) ? report : null;
  });
  context.server.closeNextBoot();
}
