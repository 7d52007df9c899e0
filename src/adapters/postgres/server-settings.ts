import type { PostgresVersion } from './binaries.ts';

/** What one start or reload of a server is given. Everything else comes from its postgresql.conf. */
export interface ServerSettings {
  readonly listen: { readonly host: string; readonly port: number };
  readonly upstream: UpstreamAddress | null;
  /** Value of `synchronous_standby_names`. */
  readonly synchronousNames: string;
  /** New transactions may write. False while draining. */
  readonly acceptWrites: boolean;
  readonly clusterName: string;
  readonly memory: 'small' | 'as-configured';
  readonly extra: Readonly<Record<string, string>>;
}

export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
  /** Under which the server streams from there. */
  readonly name: string;
  readonly user: string;
  /** libpq password file, 0600. */
  readonly passFile: string;
}

/** Included last by postgresql.conf; written by the driver and nobody else. */
export const SETTINGS_FILE = 'holdfast.conf';

/** A string literal of postgresql.conf. */
export function quoteSetting(value: string): string {
  if (/[\n\r\0]/.test(value)) throw new Error('a setting may not contain a line break');
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** A value inside a libpq connection string. */
const quoteConninfo = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

export function renderConninfo(upstream: UpstreamAddress): string {
  const parts: Readonly<Record<string, string>> = {
    host: upstream.host,
    port: String(upstream.port),
    user: upstream.user,
    passfile: upstream.passFile,
    application_name: upstream.name,
    connect_timeout: '2',
    keepalives_idle: '2',
    keepalives_interval: '1',
    keepalives_count: '3',
    tcp_user_timeout: '4000',
    sslmode: 'disable',
    gssencmode: 'disable',
  };
  return Object.entries(parts)
    .map(([name, value]) => `${name}=${quoteConninfo(value)}`)
    .join(' ');
}

/**
 * The settings file. `restart_after_crash` is off because a server that reinitialises itself would come back as primary;
 * the supervisor starts it again, closed. Dynamic shared memory lies in the data directory so that SIGKILL leaves nothing
 * elsewhere. Without slots an absent replica cannot fill the primary's disk; it is cloned again when its WAL is gone.
 */
export function renderSettings(settings: ServerSettings, version: PostgresVersion): string {
  const { listen, upstream } = settings;
  const values: Record<string, string> = {
    listen_addresses: listen.host,
    port: String(listen.port),
    unix_socket_directories: '',
    cluster_name: settings.clusterName,
    primary_conninfo: upstream === null ? '' : renderConninfo(upstream),
    primary_slot_name: '',
    synchronous_standby_names: settings.synchronousNames,
    synchronous_commit: 'remote_apply',
    default_transaction_read_only: settings.acceptWrites ? 'off' : 'on',
    restart_after_crash: 'off',
    recovery_target_timeline: 'latest',
    hot_standby: 'on',
    wal_level: 'replica',
    max_wal_senders: '10',
    wal_keep_size: '256MB',
    max_wal_size: '256MB',
    wal_receiver_status_interval: '1s',
    wal_receiver_timeout: '4s',
    wal_sender_timeout: '4s',
    wal_retrieve_retry_interval: '200ms',
    max_standby_streaming_delay: '500ms',
    tcp_keepalives_idle: '2',
    tcp_keepalives_interval: '1',
    tcp_keepalives_count: '3',
    dynamic_shared_memory_type: 'mmap',
    fsync: 'on',
    full_page_writes: 'on',
    ssl: 'off',
    lc_messages: 'C',
    log_checkpoints: 'off',
    ...(settings.memory === 'small' ? smallMemory(version) : {}),
    ...settings.extra,
  };
  const lines = Object.entries(values).map(([name, value]) => `${name} = ${quoteSetting(value)}`);
  return `# Written by Holdfast at every start and change; edits are lost.\n${lines.join('\n')}\n`;
}

function smallMemory(version: PostgresVersion): Record<string, string> {
  return {
    shared_buffers: '16MB',
    huge_pages: 'off',
    max_connections: '60',
    max_worker_processes: '2',
    max_parallel_workers: '0',
    max_logical_replication_workers: '0',
    autovacuum_max_workers: '1',
    jit: 'off',
    ...(version.major >= 18 ? { io_method: 'sync' } : {}),
  };
}
