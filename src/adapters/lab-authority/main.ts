import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { usualScheduling } from '../../core/topology/topology.ts';
import { readTlsFiles, type TlsFiles } from '../../wire/peer-identity.ts';
import { bringBefore } from '../system/scheduling.ts';
import { labOnlyNotice } from './lab-protocol.ts';
import { type LabClient, LabServer, type LabServerOptions } from './server.ts';

/**
 * Runs the lab-only authority until SIGTERM or SIGINT: `main.ts --config FILE`. One JSON line on stdout says that it listens
 * and where.
 */
interface Configuration extends Omit<LabServerOptions, 'tls' | 'clients'> {
  readonly clients: readonly ConfiguredClient[];
  /** Paths of PEM files. */
  readonly tls?: TlsFiles;
}

/** `tokenFile` (a path) may stand in place of `token`. */
type ConfiguredClient = LabClient & { readonly tokenFile?: string };

const { values } = parseArgs({ options: { config: { type: 'string' } } });
if (values.config === undefined) {
  console.error(
    'HF-5101 lab-authority: no configuration. Start it with --config FILE (JSON: host, port, database, clients).',
  );
  process.exit(2);
}

const options = readOptions(values.config);
const server = await LabServer.start(options).catch((cause: unknown) => {
  const found = cause instanceof Error ? cause.message : String(cause);
  console.error(
    `HF-5102 lab-authority: cannot listen on ${options.host}:${options.port} with database ${options.database}: ${found}. ` +
      'Free the port, or end the other lab authority that holds the database.',
  );
  process.exit(1);
});
console.log(
  JSON.stringify({
    ready: true,
    kind: 'lab-only',
    voters: 1,
    host: options.host,
    port: server.port,
    incarnation: server.incarnation,
    notice: labOnlyNotice,
  }),
);
// Every decision waits for it.
void bringBefore(process.pid, { rank: 'detects', atMost: usualScheduling });
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    void server.close().then(() => process.exit(0));
  });

function readOptions(file: string): LabServerOptions {
  try {
    const given = JSON.parse(readFileSync(file, 'utf8')) as Partial<Configuration>;
    const { host, port, database, historyRevisions, tls } = given;
    if (
      typeof host !== 'string' ||
      typeof port !== 'number' ||
      typeof database !== 'string' ||
      !Array.isArray(given.clients)
    )
      throw new Error('host (text), port (number), database (path) and clients (list) are needed');
    const clients = (given.clients as Partial<ConfiguredClient>[]).map(readClient);
    const locked = clients.find((client) => client.token === null && tls === undefined);
    if (locked !== undefined)
      throw new Error(`client ${locked.name} has no token and there is no tls: it could never connect`);
    return {
      host,
      port,
      database,
      clients,
      ...(historyRevisions === undefined ? {} : { historyRevisions }),
      ...(tls === undefined ? {} : { tls: readTlsFiles(tls) }),
    };
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    console.error(
      `HF-5103 lab-authority: cannot use configuration ${file}: ${found}. Correct the file and start again.`,
    );
    process.exit(2);
  }
}

function readClient({ name, token, tokenFile, quorumRttMs, admin }: Partial<ConfiguredClient>): LabClient {
  const secret = tokenFile === undefined ? token : readFileSync(tokenFile, 'utf8').trim();
  if (typeof name !== 'string' || typeof quorumRttMs !== 'number' || secret === undefined)
    throw new Error('each client needs name, quorumRttMs, and token, tokenFile, or token null (certificate only)');
  return { name, token: secret, quorumRttMs, admin: admin === true };
}
