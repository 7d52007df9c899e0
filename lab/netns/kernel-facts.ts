import { existsSync } from 'node:fs';
import { LabError } from '../lab-error.ts';
import { findControlGroups } from './host-control-groups.ts';
import type { DelayBy } from './network-commands.ts';
import { inNamespace, mustRun, tryCommand } from './run-command.ts';

/** What this machine's kernel gives a lab; what it lacks has a substitute, which is said. */
export interface KernelFacts {
  readonly delayBy: DelayBy;
  readonly wireguard: 'kernel' | 'user';
  /** Where control groups are; null = hosts are frozen by signals. */
  readonly controlGroups: string | null;
}

/** Tries it in a namespace of its own, which is gone afterwards. @throws LabError HF-7014 where namespaces cannot be had at all */
export async function findKernelFacts(probe: string): Promise<KernelFacts> {
  await mustRun('make a network namespace', 'ip', ['netns', 'add', probe]);
  try {
    await inNamespace('use a network namespace', probe, 'ip link set lo up\n');
    const works = async (...args: readonly string[]) =>
      (await tryCommand('ip', ['netns', 'exec', probe, ...args])).code === 0;
    const netem = await works('tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms');
    const wireguard = await works('ip', 'link', 'add', 'wg-probe', 'type', 'wireguard');
    if (!wireguard && !existsSync('/dev/net/tun'))
      throw new LabError({
        code: 'HF-7014',
        attempted: 'find out how to make an encrypted tunnel',
        found: 'the kernel has no WireGuard, and there is no /dev/net/tun for one in user space',
        next: 'load the module wireguard or tun',
      });
    return {
      delayBy: netem ? 'netem' : 'queue',
      wireguard: wireguard ? 'kernel' : 'user',
      controlGroups: findControlGroups(),
    };
  } finally {
    await tryCommand('ip', ['netns', 'del', probe]);
  }
}

/** For whoever brings a lab up. */
export const factsText = ({ delayBy, wireguard, controlGroups }: KernelFacts): string =>
  [
    delayBy === 'netem' ? 'latency by netem' : 'no netem here: latency by a delayer in user space',
    wireguard === 'kernel' ? 'WireGuard in the kernel' : 'WireGuard in user space',
    controlGroups === null ? 'hosts freeze by signals' : 'hosts freeze by their control group',
  ].join(', ');
