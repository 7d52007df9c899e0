import { LabError } from '../lab-error.ts';
import type { MachineContext } from './machine-processes.ts';
import type { PlannedRouter } from './network-plan.ts';
import { type CommandResult, tryCommand } from './run-command.ts';

const lookWithinMs = 5_000;

/** Runs a command on one machine, to its end or its deadline. Never throws. */
export function commandOnMachine(
  context: MachineContext,
  node: string,
  command: readonly string[],
  deadlineMs: number,
): Promise<CommandResult> {
  const script = `${import.meta.dirname}/on-host.sh`;
  const group = context.groupOf(node) ?? '-';
  return tryCommand('sh', [script, context.stateOf(node), group, ...command], { deadlineMs });
}

/** Runs a command on one machine and returns what it prints; null when it failed or took too long. */
export async function askMachine(...about: Parameters<typeof commandOnMachine>): Promise<string | null> {
  const { code, stdout } = await commandOnMachine(...about);
  return code === 0 ? stdout : null;
}

/** What one router lacks to be as planned; empty when it is. */
export async function routerProblems(context: MachineContext, router: PlannedRouter): Promise<readonly string[]> {
  const show = (what: string) => askMachine(context, router.id, ['vtysh', '-c', `show ${what} json`], lookWithinMs);
  const [bgp, bfd] = await Promise.all([show('bgp summary'), show('bfd peers')]);
  return missingSessions(router, bgp, bfd);
}

/**
 * Sessions of a router that are not up, each with the router's own word for how it is. An idle one waits before it begins again, for up to
 * two minutes where it has ended with an error before.
 * @param bgp `show bgp summary json`, @param bfd `show bfd peers json`; null = it did not answer
 */
export function missingSessions(
  { id, neighbours }: Pick<PlannedRouter, 'id' | 'neighbours'>,
  bgp: string | null,
  bfd: string | null,
): readonly string[] {
  const peers = parsed<{ ipv4Unicast?: { peers?: Record<string, { state?: string; connectionsDropped?: number }> } }>(
    bgp,
  )?.ipv4Unicast?.peers;
  const paths = parsed<readonly { peer?: string; status?: string }[]>(bfd);
  return neighbours.flatMap(({ address, link, kind }) => {
    const { state = 'not known', connectionsDropped = 0 } = peers?.[address] ?? {};
    const status = paths?.find(({ peer }) => peer === address)?.status ?? 'not known';
    const lost = connectionsDropped > 0 ? `, lost ${connectionsDropped} times` : '';
    const lacks = [
      ...(state === 'Established' ? [] : [`BGP (${state}${lost})`]),
      ...(status === 'up' ? [] : [`BFD (${status})`]),
    ];
    return lacks.length === 0 ? [] : [`${id} has no ${lacks.join(' and ')} with ${address} (${link ?? kind})`];
  });
}

/** Sites whose shared address not exactly one router has, in words. */
export async function gatewayProblems({ plan }: MachineContext): Promise<readonly string[]> {
  const holders = new Map<string, string[]>();
  for (const { id, gateway } of plan.routers) {
    if (gateway === null) continue;
    const address = gateway.address.replace(/\/.*/, '');
    const namespace = plan.nodes.find((node) => node.id === id)!.namespace;
    const { stdout } = await tryCommand('ip', ['-n', namespace, '-j', 'addr', 'show', 'dev', gateway.interface]);
    const known = holders.get(address) ?? [];
    holders.set(address, stdout.includes(`"local":"${address}"`) ? [...known, id] : known);
  }
  return [...holders]
    .filter(([, routers]) => routers.length !== 1)
    .map(([address, routers]) => `${address} is at ${routers.length === 0 ? 'no router' : routers.join(' and ')}`);
}

/** Resolves when every session of every router is up and every shared address is at one. @throws LabError HF-7015 with what is not */
export async function waitForRouters(context: MachineContext, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  let open: readonly PlannedRouter[] = context.plan.routers;
  for (;;) {
    const looks: { readonly router: PlannedRouter; readonly problems: readonly string[] }[] = [];
    // One after the other: the routers need the processors more than whoever looks.
    for (const router of open) looks.push({ router, problems: await routerProblems(context, router) });
    open = looks.filter(({ problems }) => problems.length > 0).map(({ router }) => router);
    const gateways = open.length === 0 ? await gatewayProblems(context) : [];
    if (open.length === 0 && gateways.length === 0) return;
    if (performance.now() > deadline) {
      const problems = [...looks.flatMap((look) => look.problems), ...gateways];
      throw new LabError({
        code: 'HF-7015',
        attempted: `wait ${deadlineMs / 1000} s for every router`,
        found: `${problems.slice(0, 6).join('; ')}${problems.length > 6 ? ` and ${problems.length - 6} more` : ''}`,
        next: `read the routers' logs in ${context.directory}/logs`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function parsed<Shape>(text: string | null): Shape | null {
  try {
    return text === null ? null : (JSON.parse(text) as Shape);
  } catch {
    return null;
  }
}
