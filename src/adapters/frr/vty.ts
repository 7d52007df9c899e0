import { connect } from 'node:net';
import { join } from 'node:path';

export type FrrDaemon = 'zebra' | 'staticd' | 'bgpd' | 'bfdd';

/** A timed-out line is unknown: the daemon may still carry it out. */
export type VtyAnswer =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Lines for one daemon of the router, in a session of their own, one after the other: the first that it refuses is the last that it hears.
 * Answers what all of them printed. Ends by the deadline, also when the daemon is frozen.
 */
export type Vty = (
  daemon: FrrDaemon,
  lines: readonly string[],
  options: { readonly deadlineMs: number },
) => Promise<VtyAnswer>;

/** Where daemons of a router have their sockets, unless they were started with another `--vty_socket`. */
export const usualVtyDirectory = '/run/frr';

const nobody = ['ENOENT', 'ECONNREFUSED'];
/** More than a router prints that has some ten thousand routes of its own. */
const maxAnswerBytes = 16 << 20;
/** A session begins without the right to change anything; over this socket nobody asks for a password. */
const askForRights = 'enable';
/** Behind what a line printed: three bytes of 0, then 0 where it was carried out. */
const endBytes = 4;

/**
 * The daemons' own sockets, as vtysh talks to them: each line ends with a byte of 0. No program is started.
 * @param directory of the sockets
 */
export const vtySockets =
  (directory: string): Vty =>
  (daemon, lines, { deadlineMs }) => {
    if (deadlineMs <= 0) return Promise.resolve({ kind: 'unknown', reason: 'there was no time left to ask' });
    const { promise, resolve } = Promise.withResolvers<VtyAnswer>();
    const open = [askForRights, ...lines];
    const printed: string[] = [];
    let answer = Buffer.alloc(0);
    const socket = connect({ path: join(directory, `${daemon}.vty`) });
    const finish = (found: VtyAnswer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    const unknown = (reason: string) => finish({ kind: 'unknown', reason });
    const timer = setTimeout(() => unknown(`no answer within ${Math.ceil(deadlineMs)} ms`), deadlineMs);
    const sayNext = () => {
      const line = open.shift();
      if (line === undefined) finish({ kind: 'ok', text: printed.join('') });
      else socket.write(`${line}\0`);
    };
    socket.on('data', (bytes) => {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length > maxAnswerBytes) return unknown(`more than ${maxAnswerBytes} bytes of answer`);
      if (answer.length < endBytes || answer.readUIntBE(answer.length - endBytes, 3) !== 0) return;
      const text = answer.subarray(0, -endBytes).toString('utf8');
      const result = answer.at(-1)!;
      answer = Buffer.alloc(0);
      const complaint = text.split('\n').find((line) => line.startsWith('%'));
      if (result !== 0 || complaint !== undefined)
        return finish({
          kind: 'refused',
          reason: complaint?.slice(1).trim() || text.split('\n')[0] || `it answered with ${result}`,
        });
      printed.push(text);
      sayNext();
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      unknown(nobody.includes(error.code ?? '') ? 'it does not run, or cannot be reached' : error.message),
    );
    socket.on('close', () => unknown('the answer broke off'));
    sayNext();
    return promise;
  };
