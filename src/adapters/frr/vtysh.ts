import { type RunCommand, runCommand } from '../gate/nftables-gate.ts';

export type FrrDaemon = 'zebra' | 'staticd' | 'bgpd' | 'bfdd';

/** A timed-out command is unknown: the daemon may still carry it out. */
export type VtyshAnswer =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Lines for one daemon of the router. Ends by the deadline, also when the daemon is frozen. */
export type Vtysh = (
  daemon: FrrDaemon,
  lines: readonly string[],
  options: { readonly deadlineMs: number },
) => Promise<VtyshAnswer>;

/** What vtysh prints when it finds nobody to talk to. */
const nobody = /failed to connect/i;

/** @param command how vtysh is run on the router, e.g. `['vtysh']` */
export function vtyshBy(command: readonly [string, ...string[]], run: RunCommand = runCommand): Vtysh {
  const [program, ...first] = command;
  return async (daemon, lines, { deadlineMs }) => {
    if (deadlineMs <= 0) return { kind: 'unknown', reason: 'there was no time left to ask' };
    // Only this daemon is talked to, so that another one that is frozen does not hold it up.
    const args = [...first, '-d', daemon, ...lines.flatMap((line) => ['-c', line])];
    const { code, stdout, stderr } = await run(program, args, { input: '', deadlineMs });
    const said = `${stdout}\n${stderr}`.trim();
    if (code >= 124) return { kind: 'unknown', reason: `no answer within ${Math.ceil(deadlineMs)} ms` };
    if (nobody.test(said)) return { kind: 'unknown', reason: 'it does not run, or cannot be reached' };
    const complaint = said.split('\n').find((line) => line.startsWith('%'));
    if (code !== 0 || complaint !== undefined)
      return {
        kind: 'refused',
        reason: complaint?.slice(1).trim() || said.split('\n')[0] || `vtysh ended with ${code}`,
      };
    return { kind: 'ok', text: stdout };
  };
}
