import { createHash } from 'node:crypto';
import type { Topology } from '../src/core/topology/topology.ts';
import { LabError } from './lab-error.ts';
import { layOut, listeningAddresses } from './layout.ts';
import { listenerOf, readArguments, readListeners } from './process-table.ts';

/**
 * A block of 127.0.0.0/8 in which nobody listens: the one that the seed points to, or the next free one.
 * @throws LabError HF-7001 naming address and process when a wanted block, or every block, is taken
 */
export function chooseBlock(
  topology: Topology,
  options: { readonly wanted: number | null; readonly seed: string; readonly tried: readonly number[] },
): number {
  const listeners = readListeners();
  const first = createHash('sha256').update(options.seed).digest()[0]! % 253;
  const candidates =
    options.wanted === null ? Array.from({ length: 253 }, (_, index) => 2 + ((first + index) % 253)) : [options.wanted];
  let clash: { readonly host: string; readonly port: number; readonly use: string } | null = null;
  for (const block of candidates) {
    if (options.tried.includes(block)) continue;
    if (listeners.some(({ host }) => host.startsWith(`127.${block}.`)) && options.wanted === null) continue;
    const wildcard = new Map(listeners.filter(({ host }) => host === '0.0.0.0').map(({ port }) => [port, true]));
    const exact = new Set(listeners.map(({ host, port }) => `${host}:${port}`));
    const taken = listeningAddresses(layOut(topology, { block })).find(
      ({ address: { host, port } }) => wildcard.has(port) || exact.has(`${host}:${port}`),
    );
    if (taken === undefined) return block;
    clash ??= { ...taken.address, use: taken.use };
    // Who listens on every address clashes in every block.
    if (wildcard.has(taken.address.port)) break;
  }
  throw new LabError({
    code: 'HF-7001',
    attempted: clash === null ? 'find a free block of addresses' : `use ${clash.host}:${clash.port} for ${clash.use}`,
    found: clash === null ? 'every block from 127.2 to 127.254 is in use' : `it is held by ${holder(clash)}`,
    next: clash === null ? 'end another lab ("holdfast lab down")' : 'end that process, then try again',
  });
}

function holder(address: { readonly host: string; readonly port: number }): string {
  const pid = listenerOf(address);
  if (pid === null) return 'a process that this user may not look at ("ss -ltnp" as root names it)';
  return `process ${pid} (${readArguments(pid).join(' ').slice(0, 120)})`;
}
