import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../lab-error.ts';
import type { LaunchSpec } from '../../process-spec.ts';
import { type MachineContext, onMachine } from '../machine-processes.ts';
import { machineUser } from '../machine-user.ts';
import { askMachine } from '../router-health.ts';
import { type LabServer, serverDirectory, serverKey } from './server.ts';

/** After everything of the network. */
const serverStage = 4;
const lookWithinMs = 2_000;
const lookAgainAfterMs = 100;

/** Where a server's directory lies outside its machine. */
export const serverState = (context: MachineContext, { name, node }: Pick<LabServer, 'name' | 'node'>): string =>
  join(context.stateOf(node.id), 'servers', name);

/** Makes what is not there yet, and overwrites nothing. @throws LabError HF-7014 where the package's user is not there */
export function writeServerFiles(context: MachineContext, servers: readonly LabServer[]): void {
  for (const server of servers) {
    const directory = serverState(context, server);
    const owner = machineUser(server.user, `prepare ${serverKey(server)}`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chownSync(directory, owner.uid, owner.gid);
    for (const [name, text] of Object.entries(server.files)) {
      const file = join(directory, name);
      if (existsSync(file)) continue;
      writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
      chownSync(file, owner.uid, owner.gid);
    }
  }
}

/** A server as a process of its machine: the ground starts it again with the power, freezes it and kills it by its key. */
export function serverProcess(context: MachineContext, server: LabServer): LaunchSpec {
  const { name, node, user, command } = server;
  const script = join(import.meta.dirname, 'on-disk.sh');
  const launch = onMachine(context, node, {
    key: serverKey(server),
    ready: { kind: 'none' },
    stage: serverStage,
    command: ['sh', script, serverState(context, server), serverDirectory(name), user, ...command],
  });
  return server.comesFirst ? { ...launch, comesFirst: true } : launch;
}

/** Resolves when no server lacks anything. @throws LabError HF-7015 with what is missing, server by server */
export async function waitForServers(
  context: MachineContext,
  servers: readonly LabServer[],
  deadlineMs: number,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  const lacks = (server: LabServer) =>
    server.lacks((command) => askMachine(context, server.node.id, command, lookWithinMs));
  let open = servers;
  for (;;) {
    const looks: { readonly server: LabServer; readonly lack: string | null }[] = [];
    // One after the other: the servers need the processors more than whoever looks.
    for (const server of open) looks.push({ server, lack: await lacks(server) });
    const missing = looks.filter(({ lack }) => lack !== null);
    if (missing.length === 0) return;
    open = missing.map(({ server }) => server);
    if (performance.now() > deadline)
      throw new LabError({
        code: 'HF-7015',
        attempted: `wait ${deadlineMs / 1000} s for every server`,
        found: missing.map(({ server, lack }) => `${serverKey(server)}: ${lack}`).join('; '),
        next: `read the servers' logs in ${context.directory}/logs`,
      });
    await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
  }
}
