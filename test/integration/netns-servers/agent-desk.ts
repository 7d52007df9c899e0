import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openLabAuthority } from '../../../src/adapters/lab-authority/client.ts';
import { LabServer } from '../../../src/adapters/lab-authority/server.ts';
import { type PeerLink, PeerListener } from '../../../src/adapters/peer-link/peer-listener.ts';
import type { GroupRecord } from '../../../src/core/authority/group-record.ts';
import type { HostId, SiteId } from '../../../src/core/base/ids.ts';
import { keys } from '../../../src/engine/authority-keys.ts';
import type { AgentReport, Command, CommandOutcome } from '../../../src/engine/messages.ts';
import { readTlsFiles, type TlsFiles } from '../../../src/wire/peer-identity.ts';

/**
 * On a machine of a lab, `agent-desk.ts FILE`: an authority, and what agents take for their controller. It writes the records that it is
 * given, passes commands on, and prints what agents say, line by line, until its input ends.
 */
export interface DeskConfig {
  readonly address: string;
  readonly authorityPort: number;
  readonly peerPort: number;
  readonly site: SiteId;
  readonly database: string;
  readonly tokenFile: string;
  readonly tls: TlsFiles;
}

export type DeskOrder =
  | { readonly record: Omit<GroupRecord, 'incarnation'> }
  | { readonly to: HostId; readonly command: Command };

export type DeskWord =
  | { readonly ready: true }
  | { readonly recorded: number }
  | { readonly report: AgentReport }
  | { readonly outcome: CommandOutcome };

const say = (word: DeskWord) => process.stdout.write(`${JSON.stringify(word)}\n`);

async function main(file: string): Promise<void> {
  const config = JSON.parse(readFileSync(file, 'utf8')) as DeskConfig;
  const token = readFileSync(config.tokenFile, 'utf8').trim();
  const server = await LabServer.start({
    host: config.address,
    port: config.authorityPort,
    database: config.database,
    clients: [{ name: config.site, token, quorumRttMs: 0 }],
  });
  const authority = await openLabAuthority({
    host: config.address,
    port: config.authorityPort,
    client: config.site,
    token,
  });
  const links = new Map<string, PeerLink>();
  const listener = await PeerListener.listen({
    host: config.address,
    port: config.peerPort,
    self: { name: config.site, role: 'controller' },
    boot: 'desk',
    identity: readTlsFiles(config.tls),
    knows: ({ role }) => role === 'agent',
    sink: {
      up: (link) => void links.set(link.peer.name, link),
      down: (link) => void links.delete(link.peer.name),
      frame: (_link, frame) => {
        if (frame.t === 'report') say({ report: frame.report });
        if (frame.t === 'outcome') say({ outcome: frame.outcome });
      },
      refused: (who, reason) => process.stderr.write(`${who}: ${reason}\n`),
    },
  });
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as DeskOrder;
    if ('command' in order) links.get(order.to)?.send({ t: 'command', command: order.command });
    else await write(order.record);
  }
  await listener.close();
  await authority.close();
  await server.close();

  async function write(record: Omit<GroupRecord, 'incarnation'>): Promise<void> {
    const key = keys.group(record.group);
    const { incarnation } = server;
    const within = { deadlineMs: 2_000 };
    const found = await authority.range(key, within);
    if (found.kind !== 'ok') throw new Error('the authority did not answer');
    const revision = found.entries[key]?.revision ?? (0 as never);
    const value = { ...record, incarnation } as never;
    const outcome = await authority.transact({ compare: [{ key, revision }], put: [{ key, value }] }, within);
    if (outcome.kind !== 'committed') throw new Error(`the record was not written: ${outcome.kind}`);
    say({ recorded: record.epoch });
  }
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2]!);
