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

/**
 * Several questions to all daemons of the router with one program: the answers by question, without those that were not answered for
 * certain. Null: it did not end by the deadline, as when one daemon is frozen.
 */
export type VtyshLook = (
  questions: readonly string[],
  options: { readonly deadlineMs: number },
) => Promise<ReadonlyMap<string, string> | null>;

/** What vtysh prints when it finds nobody to talk to. */
const nobody = /failed to connect/i;
/** Its own settings, which an agent that is not the routers' user may not read and does not need. */
const ownSettings = /^% Can't open configuration file .*\bvtysh\.conf\b/;
/** In what a daemon has as its configuration; a daemon that is not there prints the rest of it all the same. */
const ofDaemon = /^frr version /m;

const complaintIn = (said: string): string | undefined =>
  said.split('\n').find((line) => line.startsWith('%') && !ownSettings.test(line));

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
    const complaint = complaintIn(said);
    if (code !== 0 || complaint !== undefined)
      return {
        kind: 'refused',
        reason: complaint?.slice(1).trim() || said.split('\n')[0] || `vtysh ended with ${code}`,
      };
    return { kind: 'ok', text: stdout };
  };
}

/** @param command how vtysh is run on the router, e.g. `['vtysh']` */
export function vtyshLookBy(command: readonly [string, ...string[]], run: RunCommand = runCommand): VtyshLook {
  const [program, ...first] = command;
  return async (questions, { deadlineMs }) => {
    if (deadlineMs <= 0) return null;
    // It repeats each question, with the router's name before it.
    const args = [...first, '-E', ...questions.flatMap((question) => ['-c', question])];
    const { code, stdout } = await run(program, args, { input: '', deadlineMs });
    if (code >= 124) return null;
    const answers = new Map<string, string>();
    let text = '';
    for (const line of stdout.split('\n').toReversed()) {
      const question = questions.find((each) => line.endsWith(`# ${each}`));
      if (question === undefined) text = `${line}\n${text}`;
      else {
        const isSure = complaintIn(text) === undefined && (!question.includes('running-config') || ofDaemon.test(text));
        if (isSure) answers.set(question, text);
        text = '';
      }
    }
    return answers;
  };
}
