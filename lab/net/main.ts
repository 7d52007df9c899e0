import { appendFileSync, readFileSync } from 'node:fs';
import type { Topology } from '../../src/core/topology/topology.ts';
import { Ground, type GroundEvent } from '../ground.ts';
import type { GroundNetwork } from '../ground-network.ts';
import { GroundServer, problemOf } from '../ground-server.ts';
import type { HostSwitches } from '../host-switches.ts';
import { layOut } from '../layout.ts';
import type { KernelFacts } from '../netns/kernel-facts.ts';
import { readProcess } from '../process-table.ts';
import { OUTSIDE_NICENESS, putBefore } from '../scheduler-groups.ts';
import { listenOn } from './listen.ts';
import { Network } from './network.ts';

/** What `holdfast lab up` writes for the ground; its path is the one argument of this script. */
export interface GroundConfig {
  readonly labId: string;
  readonly directory: string;
  readonly registryFile: string;
  readonly eventFile: string;
  readonly tokenFile: string;
  readonly topology: Topology;
  readonly block: number;
  readonly insideSite: 'direct' | 'relayed';
  readonly rerouteMs: number;
  /** Null: sites are addresses of 127.0.0.0/8 and links are relays. */
  readonly namespaces: KernelFacts | null;
}

/**
 * The ground of one lab: prints `ready` once every address is taken, or one line of JSON with the problem and ends with 2. It
 * runs until it is killed; ending it is the task of `holdfast lab down`, which needs no cooperation.
 */
async function main(configFile: string): Promise<void> {
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as GroundConfig;
  const layout = layOut(config.topology, { block: config.block, insideSite: config.insideSite });
  const lab = { id: config.labId, directory: config.directory };
  let server: GroundServer | null = null;
  const onEvent = (event: GroundEvent) => {
    appendFileSync(config.eventFile, `${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`, {
      mode: 0o600,
    });
    server?.announce(event);
  };
  const { registryFile, topology } = config;
  const { network, switches } = config.namespaces === null ? await openRelays(config) : await openNamespaces(config);
  const ground = new Ground({ topology, network, switches, lab, registryFile, onEvent });
  server = new GroundServer(ground, { lab: lab.id, token: readFileSync(config.tokenFile, 'utf8').trim() });
  await listenOn(server.server, layout.control);
  const startTicks = readProcess(process.pid)?.startTicks ?? null;
  await ground.registry.record([{ key: 'ground', pid: process.pid, startTicks, startedAt: new Date().toISOString() }]);
  putBefore(process.pid, OUTSIDE_NICENESS);
  process.stdout.write('ready\n');
}

interface Opened {
  readonly network: GroundNetwork;
  readonly switches: HostSwitches | null;
}

async function openRelays({ topology, block, insideSite, rerouteMs }: GroundConfig): Promise<Opened> {
  const network = new Network(topology, layOut(topology, { block, insideSite }), { rerouteMs });
  await network.listen();
  return { network, switches: null };
}

async function openNamespaces(config: GroundConfig): Promise<Opened> {
  const { topology, labId, directory, namespaces, block, insideSite } = config;
  const room = await import('../netns/open-namespaces.ts');
  const layout = layOut(topology, { block, insideSite });
  return room.openNamespaces({ topology, labId, directory, facts: namespaces!, layout });
}

// The lab outlives the terminal that brought it up.
process.on('SIGHUP', () => {});
process.on('SIGINT', () => {});

try {
  await main(process.argv[2] ?? '');
} catch (error) {
  process.stdout.write(`${JSON.stringify(problemOf(error))}\n`);
  process.exit(2);
}
