import type { PlannedNode } from '../network-plan.ts';
import { edgeNodes, lanAddress, ledNodes, type Placement, type ServerGround, tradingSites } from './placement.ts';
import { type LabServer, listens, serverDirectory } from './server.ts';

export const pgbouncerName = 'pgbouncer';
export const pgbouncerPort = 6432;
/** What clients connect to, and what it is called at the servers. */
export const pooledDatabase = 'trading';
/** The one file that says where databases are; nobody but whoever re-points them writes it. */
export const databasesFile = 'databases.ini';
export const pgbouncerSecrets = { admin: 'pgbouncer-admin', writer: 'pgbouncer-writer' };

/** One pooler in each site that may be active, which leads nowhere. */
export function pgbouncerServers(ground: ServerGround): readonly LabServer[] {
  return pgbouncerNodes(ground).map((node) => ({
    name: pgbouncerName,
    node,
    user: 'postgres',
    comesFirst: true as const,
    files: {
      'pgbouncer.ini': pgbouncerFile(lanAddress(ground.plan, node)),
      'closed.ini': closedFile,
      'users.txt': usersFile(ground),
    },
    // Where it led before is forgotten with every start. Told to KILL a database it may end with a segmentation fault (139): it is started again
    // then, as whoever runs it would.
    command: [
      'sh',
      '-c',
      `until cp closed.ini ${databasesFile} && pgbouncer pgbouncer.ini; [ $? -ne 139 ]; do echo 'it crashed' >&2; done`,
    ],
    lacks: listens(pgbouncerPort),
  }));
}

export const pgbouncerNodes = (ground: Placement): readonly PlannedNode[] =>
  ledNodes(ground, 'pgbouncer') ?? tradingSites(ground.topology).flatMap((site) => edgeNodes(ground, site).slice(0, 1));

/** Nobody listens on port 1. */
const closedFile = `[databases]\n${pooledDatabase} = host=127.0.0.1 port=1 dbname=${pooledDatabase}\n`;

const pgbouncerFile = (address: string): string => `%include ${serverDirectory(pgbouncerName)}/${databasesFile}
[pgbouncer]
listen_addr = ${address}
listen_port = ${pgbouncerPort}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${serverDirectory(pgbouncerName)}/users.txt
admin_users = holdfast
pool_mode = transaction
max_client_conn = 500
default_pool_size = 10
server_connect_timeout = 2
server_login_retry = 0.2
query_wait_timeout = 30
`;

function usersFile({ secret, platform }: ServerGround): string {
  const users = {
    holdfast: secret(pgbouncerSecrets.admin),
    writer: secret(pgbouncerSecrets.writer),
    ...platform?.databaseUsers,
  };
  return Object.entries(users)
    .map(([name, password]) => `"${name}" "${password}"\n`)
    .join('');
}
