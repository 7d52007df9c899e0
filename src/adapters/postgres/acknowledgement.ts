import type { InstanceId } from '../../core/base/ids.ts';
import type { Deadline } from '../process/deadline.ts';
import { parseSynchronousNames, renderSynchronousNames, reorder } from './acknowledgement-names.ts';
import type { DriverContext } from './driver-context.ts';
import { replicationName } from './replication-name.ts';
import type { Session } from './session.ts';

/**
 * Makes a running primary wait for exactly these instances, under the names of its reign, and returns when that is in effect everywhere
 * it matters (I9):
 * the postmaster has read it, every walsender shows its new place in the list, and, when commits did not wait for
 * anybody before, the checkpointer (which switches waiting on for all) has passed a checkpoint since. Whoever is new counts as in sync
 * once it has the log up to there.
 */
export async function applyAckSet(
  context: DriverContext,
  session: Session,
  ackSet: readonly InstanceId[],
  deadline: Deadline,
): Promise<void> {
  const before = (await settingNow(session, deadline)) ?? '';
  const current = parseSynchronousNames(before) ?? [];
  const { primaryEpoch } = context.state.current;
  const ordered = reorder(
    current,
    ackSet.map((instance) => replicationName(instance, primaryEpoch)),
  );
  const wanted = renderSynchronousNames(ordered);
  context.writeSettings({ upstream: null, synchronousNames: wanted, acceptWrites: true });
  context.state.update({ ackSet: ordered });
  context.server.reload();
  await deadline.until('changing the acknowledgement set', async () =>
    (await settingNow(session, deadline)) === wanted ? true : null,
  );
  await deadline.until('seeing every walsender use the new acknowledgement set', async () => {
    const rows = await session.query(
      `select application_name as name, sync_priority as priority from pg_stat_replication where state in ('streaming', 'catchup')`,
      deadline,
    );
    return rows.every((row) => Number(row.priority) === ordered.indexOf(row.name ?? '') + 1) ? true : null;
  });
  if (before === '' && ordered.length > 0) await session.query('checkpoint', deadline);
  context.joins.waitsFor(ordered, (await context.report(session, deadline)).end);
}

const settingNow = async (session: Session, deadline: Deadline): Promise<string | null> =>
  (await session.query(`select current_setting('synchronous_standby_names') as names`, deadline))[0]?.names ?? null;
