import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchSpec, ReadyCheck } from '../process-spec.ts';
import type { NetworkPlan, PlannedNode, PlannedRouter } from './network-plan.ts';

/** Where the files of one lab's machines are, and how its processes are started. */
export interface MachineContext {
  readonly plan: NetworkPlan;
  /** The lab's directory. */
  readonly directory: string;
  /** The directory of a machine's own files. */
  readonly stateOf: (node: string) => string;
  /** A machine's control group; null where there are none. */
  readonly groupOf: (node: string) => string | null;
  readonly logOf: (key: string) => string;
  readonly wireguard: 'kernel' | 'user';
  /** Null where the kernel delays. */
  readonly delayer: { readonly name: string; readonly file: string } | null;
}

const startWithinMs = 20_000;
const printed = (text: string): ReadyCheck => ({ kind: 'output', text, deadlineMs: startWithinMs });
const script = (name: string): string => join(import.meta.dirname, name);

export const initKey = (node: string): string => `init/${node}`;
export const daemonKey = (router: string, daemon: string): string => `${router}/${daemon}`;
export const delayerKey = 'delayer';

const debianPython = '/usr/bin/python3';
const frrDirectory = '/usr/lib/frr';
/**
 * The other daemons begin once zebra listens, or after 10 s: who finds nobody tries again some seconds later, and bgpd then never asks for the
 * paths that it wanted watched before (8.4).
 */
const onceZebraListens = [
  ...['sh', '-c'],
  'n=200; until [ -S /run/frr/zebra.vty ] || [ $n = 0 ]; do n=$((n - 1)); sleep 0.05; done; exec "$@"',
  'once-zebra-listens',
];
/**
 * zebra begins once the tunnels of its router are up, or after 10 s: of an interface that is made while it runs it may hear the address before
 * the interface, and then never knows it (8.4); bgpd gives every session over it up ("nexthop_set failed").
 */
const onceUp = (interfaces: readonly string[]): readonly string[] =>
  interfaces.length === 0
    ? []
    : [
        ...['sh', '-c'],
        `n=200; for tunnel in ${interfaces.join(' ')}; do until [ -n "$(ip -o link show dev $tunnel up 2>/dev/null)" ] || [ $n = 0 ]; do n=$((n - 1)); sleep 0.05; done; done; exec "$@"`,
        'once-tunnels-are-up',
      ];
/**
 * Real-time, where that is allowed, as the delayer is: three silences of 50 ms end a path, and whoever watches it shares two processors with
 * some eighty others that have the same share.
 */
const inTime = ['sh', '-c', 'chrt --rr 5 true 2>/dev/null && exec chrt --rr 5 "$@"; exec "$@"', 'in-time'];
export const frrDaemons = ['zebra', 'staticd', 'bfdd', 'bgpd'] as const;

/** What holds the network of a lab up: the delayer, a first process for each machine, and what runs on the routers. */
export function machineProcesses(context: MachineContext): readonly LaunchSpec[] {
  const { plan } = context;
  return [
    ...delayer(context),
    ...plan.nodes.map((node) => init(context, node)),
    ...plan.routers.flatMap((router) => routerProcesses(context, router)),
  ];
}

/** A command as a process of one machine, which it loses with the machine. */
export function onMachine(
  context: MachineContext,
  node: PlannedNode,
  wish: Pick<LaunchSpec, 'key' | 'ready' | 'stage'> & { readonly command: readonly string[] },
): LaunchSpec {
  const { key, ready, stage, command } = wish;
  const group = context.groupOf(node.id) ?? '-';
  return {
    key,
    site: node.site,
    host: node.host ?? node.id,
    command: 'sh',
    args: [script('on-host.sh'), context.stateOf(node.id), group, ...command],
    cwd: context.directory,
    env: {},
    logFile: context.logOf(key),
    ready,
    stage,
    wraps: true,
  };
}

function init(context: MachineContext, node: PlannedNode): LaunchSpec {
  const key = initKey(node.id);
  const state = context.stateOf(node.id);
  const name = node.id.replaceAll('/', '-');
  return {
    key,
    site: node.site,
    host: node.host ?? node.id,
    command: 'sh',
    args: [script('host-init.sh'), node.namespace, state, context.groupOf(node.id) ?? '-', name],
    cwd: context.directory,
    env: {},
    logFile: context.logOf(key),
    ready: printed('ready'),
    stage: 1,
  };
}

function routerProcesses(context: MachineContext, router: PlannedRouter): readonly LaunchSpec[] {
  const node = context.plan.nodes.find(({ id }) => id === router.id)!;
  // A router is a machine of its own: it does not wait for what hosts do, and its neighbours do not lose it over that.
  const on = (name: string, stage: number, ready: ReadyCheck, command: readonly string[]): LaunchSpec => ({
    ...onMachine(context, node, { key: daemonKey(router.id, name), stage, ready, command }),
    comesFirst: true,
  });
  const daemon = (name: string) => [join(frrDirectory, name), '-A', '127.0.0.1'];
  const tunnelEnds = context.plan.tunnels.flatMap((tunnel) =>
    tunnel.ends
      .filter((end) => end.router === router.id)
      .map(({ address }) => ({ interface: tunnel.interface, address })),
  );
  const tunnels = tunnelEnds.map(({ interface: name, address }) =>
    on(name, 2, printed('ready'), [
      'sh',
      script('tunnel.sh'),
      name,
      address,
      join(context.stateOf(router.id), `${name}.conf`),
      context.wireguard,
    ]),
  );
  const state = context.stateOf(router.id);
  const pidFiles = ['/run/keepalived.pid', '/run/vrrp.pid'] as const;
  // One that was killed leaves its files, and is a zombie until somebody reaps it: the next would take it for a running one and end.
  const keepalived = on('keepalived', 3, { kind: 'none' }, [
    ...['sh', '-c', `rm -f ${pidFiles.join(' ')}; exec keepalived "$@"`, 'keepalived'],
    ...['-n', '-l', '-P', '-f', join(state, 'keepalived.conf')],
    ...['-p', pidFiles[0], '-r', pidFiles[1]],
  ]);
  return [
    ...tunnels,
    on('zebra', 2, { kind: 'none' }, [...onceUp(tunnelEnds.map((end) => end.interface)), ...daemon('zebra')]),
    ...frrDaemons
      .slice(1)
      .map((name) =>
        on(name, 3, { kind: 'none' }, [...onceZebraListens, ...(name === 'bfdd' ? inTime : []), ...daemon(name)]),
      ),
    ...(router.gateway === null ? [] : [keepalived]),
  ];
}

const delayer = ({ delayer: wish, directory, logOf }: MachineContext): readonly LaunchSpec[] =>
  wish === null
    ? []
    : [
        {
          key: delayerKey,
          site: null,
          host: null,
          // Debian's own before any other that comes first in the path.
          command: existsSync(debianPython) ? debianPython : 'python3',
          args: [script('delayer.py'), wish.name, wish.file],
          cwd: directory,
          env: {},
          logFile: logOf(delayerKey),
          ready: printed('ready'),
          stage: 1,
        },
      ];
