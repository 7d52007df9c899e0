import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Topology } from '../../src/core/topology/topology.ts';
import type { HostSwitches } from '../host-switches.ts';
import type { LabLayout } from '../layout.ts';
import { frrFiles } from './frr-config.ts';
import { HostControlGroups } from './host-control-groups.ts';
import { keepalivedFile } from './keepalived-config.ts';
import { machineContext, type NamespaceWish } from './machine-context.ts';
import type { MachineContext } from './machine-processes.ts';
import { machineUser } from './machine-user.ts';
import { NamespaceBook } from './namespace-book.ts';
import { NamespaceNetwork } from './namespace-network.ts';
import { creationBatch, delayQueues, namespaceScript, namespacesOf } from './network-commands.ts';
import { namespacePrefix } from './network-plan.ts';
import { openDoors } from './operator-doors.ts';
import { removeResidue } from './residue.ts';
import { inNamespace, mustRun } from './run-command.ts';
import { hostLines } from './servers/pgbackrest.ts';
import { newTunnelKeys, tunnelFile } from './tunnel-config.ts';

/**
 * Makes the namespaces, wires and files of a lab, and the doors through which people reach into it. Nothing runs in them yet.
 * @throws LabError HF-7014; what was made until then is found by `removeResidue`
 */
export async function openNamespaces(
  wish: NamespaceWish & { readonly layout: LabLayout },
): Promise<{ readonly network: NamespaceNetwork; readonly switches: HostSwitches | null }> {
  const { topology, labId, facts } = wish;
  const context = machineContext(wish);
  const { plan } = context;
  await removeResidue(labId);
  for (const { id } of plan.nodes) mkdirSync(context.stateOf(id), { recursive: true, mode: 0o755 });
  writeRouterFiles(context);
  writeTunnelFiles(context);
  writeHostNames(context, topology);
  if (context.delayer !== null) {
    const queues = delayQueues(plan).map((queue) => ({ ...queue, lossPercent: 0 }));
    writeFileSync(context.delayer.file, JSON.stringify({ queues }), { mode: 0o600 });
  }
  await mustRun('make the namespaces and wires', 'ip', ['-batch', '-'], { input: creationBatch(plan) });
  for (const namespace of namespacesOf(plan))
    await inNamespace(`set up ${namespace}`, namespace, namespaceScript(plan, namespace, facts.delayBy));
  const switches =
    facts.controlGroups === null ? null : new HostControlGroups(facts.controlGroups, namespacePrefix(labId), plan);
  switches?.create(plan.nodes.map(({ id }) => id));
  await openDoors(new NamespaceBook(topology, plan, wish.layout));
  return { network: new NamespaceNetwork({ topology, plan, labId, delayBy: facts.delayBy }), switches };
}

function writeRouterFiles(context: MachineContext): void {
  const owner = machineUser('frr', 'prepare the routers');
  for (const router of context.plan.routers) {
    const directory = join(context.stateOf(router.id), 'etc-frr');
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    for (const [name, text] of Object.entries(frrFiles(router))) {
      writeFileSync(join(directory, name), text, { mode: 0o640 });
      chownSync(join(directory, name), owner.uid, owner.gid);
    }
    const vrrp = keepalivedFile(router);
    if (vrrp !== null) writeFileSync(join(context.stateOf(router.id), 'keepalived.conf'), vrrp, { mode: 0o600 });
  }
}

/** Machines of one lab know each other by name, and nothing of it gets into this machine's own file. */
function writeHostNames(context: MachineContext, topology: Topology): void {
  const lines = ['127.0.0.1 localhost', ...hostLines({ topology, plan: context.plan })];
  for (const { id } of context.plan.nodes)
    writeFileSync(join(context.stateOf(id), 'hosts'), `${lines.join('\n')}\n`, { mode: 0o644 });
}

function writeTunnelFiles(context: MachineContext): void {
  for (const { interface: name, ends } of context.plan.tunnels) {
    const keys = [newTunnelKeys(), newTunnelKeys()] as const;
    for (const side of [0, 1] as const) {
      const other = side === 0 ? 1 : 0;
      const text = tunnelFile({ own: keys[side], peer: keys[other], peerEndpoint: ends[other].endpoint });
      writeFileSync(join(context.stateOf(ends[side].router), `${name}.conf`), text, { mode: 0o600 });
    }
  }
}
