/**
 * Everything that is asked of a running server, as text. One row, one column, JSON: the parser and its recorded fixtures
 * see exactly what the server printed. A second column says whose data it is: another server may hold the port. WAL positions are text; ages are milliseconds of the server's own clock.
 * The receiver's connection is shown as libpq prints it, without quotes, and once it has gone on to another timeline as it was configured.
 */
export const OBSERVE = `select json_build_object(
  'recovery', r.recovery,
  'end', case when r.recovery then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) else pg_current_wal_flush_lsn() end,
  'replayed', case when r.recovery then pg_last_wal_replay_lsn() end,
  'replayWaits', exists (select 1 from pg_stat_activity where backend_type = 'startup' and wait_event = 'RecoveryRetrieveRetryInterval'),
  'replayPaused', case when r.recovery then pg_is_wal_replay_paused() else false end,
  'primaryTimeline', case when r.recovery then null else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end,
  'segmentBytes', pg_size_bytes(current_setting('wal_segment_size')),
  'walFiles', case when r.recovery then (select json_agg(name) from pg_ls_waldir()) end,
  'systemId', (select system_identifier::text from pg_control_system()),
  'synchronousNames', current_setting('synchronous_standby_names'),
  'synchronousCommit', current_setting('synchronous_commit'),
  'fsync', current_setting('fsync'),
  'weakerCommitSettings', (select count(*) from pg_db_role_setting s, unnest(s.setconfig) c
     where c like 'synchronous_commit=%' and c not in ('synchronous_commit=remote_apply')),
  'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
  'writing', (select count(*) from pg_stat_activity where backend_type = 'client backend' and backend_xid is not null),
  'awaitingReplicas', (select count(*) from pg_stat_activity where wait_event = 'SyncRep'),
  'receiver', (select json_build_object('status', status, 'name', substring(conninfo from '(?:^| )application_name=''?([^ '']+)'), 'host', sender_host, 'port', sender_port,
     'timeline', received_tli, 'latestEnd', latest_end_lsn,
     'silentMs', round(extract(epoch from clock_timestamp() - last_msg_receipt_time) * 1000))
     from pg_stat_wal_receiver),
  'replicas', (select json_agg(json_build_object('name', application_name, 'state', state, 'syncState', sync_state,
     'priority', sync_priority, 'sent', sent_lsn, 'flushed', flush_lsn, 'replayed', replay_lsn,
     'replyAt', round(extract(epoch from reply_time) * 1000)))
     from pg_stat_replication)
)::text as observed, current_setting('data_directory') as directory from (select pg_is_in_recovery() as recovery) r`;

/** Ends the recovery; true when it was over within the seconds given. */
export const promote = (waitSeconds: number): string =>
  `select pg_promote(true, ${Math.max(1, Math.floor(waitSeconds))}) as promoted`;
