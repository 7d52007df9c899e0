import type { ClusterSettings, MemberTags } from './parse.ts';
import type { StoreLocation } from './store.ts';

/** What is known against how a cluster is run. `refuse`: nothing is moved in it unless the caller names the concern. */
export interface Concern {
  readonly id:
    | 'leader-key-overwritten'
    | 'untried-version'
    | 'asynchronous'
    | 'weaker-commit'
    | 'not-strict'
    | 'lock-outlives-holder'
    | 'timeline-unchecked'
    | 'diverged-removed'
    | 'rewind-impossible'
    | 'primary-start-waits'
    | 'quorum-commit'
    | 'failsafe'
    | 'promotion-unchecked'
    | 'cascade-may-lead';
  readonly severity: 'refuse' | 'warn';
  readonly text: string;
}

/** Where the unconditional put of the leader key was taken out (patroni/patroni#2689, #2693). */
const firstWithSafeLeaderKey = [3, 0, 3] as const;
/** Against which this driver has run. Another one is reported, not refused. */
const triedVersions = ['3.0.2'];

/** Of Patroni's version, which is dangerous only together with the store that it uses. */
export function versionConcerns(version: string, store: StoreLocation['api']): readonly Concern[] {
  const concerns: Concern[] = [];
  if (store === 'etcd3' && isOlder(version, firstWithSafeLeaderKey))
    concerns.push({
      id: 'leader-key-overwritten',
      severity: 'refuse',
      text: `Patroni ${version} on etcd's v3 API overwrites the leader key after an isolation and loses what the new primary acknowledged: use 3.0.3 or newer, or the v2 API`,
    });
  if (!triedVersions.includes(version))
    concerns.push({
      id: 'untried-version',
      severity: 'warn',
      text: `Patroni ${version} has not been tried with this driver (tried: ${triedVersions.join(', ')})`,
    });
  return concerns;
}

/** Of what the cluster is configured to do. */
export function settingsConcerns(settings: ClusterSettings): readonly Concern[] {
  const concerns: Concern[] = [];
  const say = (id: Concern['id'], severity: Concern['severity'], text: string) => concerns.push({ id, severity, text });
  const commit = settings.parameters['synchronous_commit'] ?? 'on';
  if (settings.durability === 'off')
    say('asynchronous', 'warn', 'no commit waits for a standby: a failover loses what was not sent yet');
  else if (commit === 'off' || commit === 'local')
    say(
      'weaker-commit',
      'refuse',
      `synchronous_commit = ${commit}: a commit is acknowledged before any standby has it`,
    );
  else if (commit === 'remote_write')
    say(
      'weaker-commit',
      'warn',
      'synchronous_commit = remote_write: a standby that loses power loses what it acknowledged',
    );
  if (settings.durability === 'preferred')
    say('not-strict', 'warn', 'synchronous_mode_strict is off: a primary without its standby acknowledges alone');
  const { ttlSeconds, loopWaitSeconds, retryTimeoutSeconds } = settings;
  if (loopWaitSeconds + 2 * retryTimeoutSeconds > ttlSeconds)
    say(
      'lock-outlives-holder',
      'refuse',
      `ttl ${ttlSeconds} is less than loop_wait ${loopWaitSeconds} + 2 × retry_timeout ${retryTimeoutSeconds}: the lock may expire under a primary that still writes`,
    );
  if (!settings.checkTimeline)
    say('timeline-unchecked', 'warn', 'check_timeline is off: a member on an older timeline may be promoted');
  if (settings.removesDiverged)
    say('diverged-removed', 'warn', 'a former primary that diverged is removed with everything that only it had');
  if (settings.usePgRewind && settings.parameters['wal_log_hints'] === 'off')
    say(
      'rewind-impossible',
      'warn',
      'pg_rewind needs wal_log_hints or checksums: without either a former primary is copied anew',
    );
  if (settings.primaryStartTimeoutSeconds > 2 * ttlSeconds)
    say(
      'primary-start-waits',
      'warn',
      `a crashed primary may try to start for ${settings.primaryStartTimeoutSeconds} s before another one takes over (primary_start_timeout)`,
    );
  if (settings.failsafe)
    say('failsafe', 'warn', 'failsafe_mode: a primary goes on without the store while every member answers it');
  return concerns;
}

/** Of a cluster whose Patroni has to ask at this socket before it promotes: whether it does. */
export function checkConcerns({ prePromote }: ClusterSettings, grantSocket: string): readonly Concern[] {
  if (prePromote?.split(/\s+/).includes(grantSocket) === true) return [];
  const found = prePromote === null ? 'it has none' : `it is "${prePromote}"`;
  const text = `pre_promote of the cluster's configuration does not ask at ${grantSocket}: ${found}`;
  return [{ id: 'promotion-unchecked', severity: 'warn', text }];
}

/** Of one member's tags. */
export function tagConcerns(name: string, tags: MemberTags): readonly Concern[] {
  if (tags.replicatefrom === null || tags.nofailover) return [];
  const text = `${name} streams from ${tags.replicatefrom} and may be promoted: it may be behind by what that one has not passed on`;
  return [{ id: 'cascade-may-lead', severity: 'warn', text }];
}

function isOlder(version: string, than: readonly [number, number, number]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  for (const [index, bound] of than.entries()) {
    const part = parts[index] ?? 0;
    // What is no number cannot be told to be newer.
    if (Number.isNaN(part)) return true;
    if (part !== bound) return part < bound;
  }
  return false;
}
