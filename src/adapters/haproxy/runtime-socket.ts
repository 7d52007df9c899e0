import { connect } from 'node:net';

/** A timed-out command is unknown: the proxy may still carry it out. */
export type RuntimeAnswer =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** One line of commands for one proxy, and everything that it answers. Ends by the deadline, also when the proxy is frozen. */
export type RuntimeTalk = (line: string, options: { readonly deadlineMs: number }) => Promise<RuntimeAnswer>;

const nobody = ['ENOENT', 'ECONNREFUSED'];
/** More than any proxy prints for a few hundred servers. */
const maxAnswerBytes = 4 << 20;

/** @param path of the runtime socket (`stats socket PATH level admin`) */
export const runtimeSocket =
  (path: string): RuntimeTalk =>
  (line, { deadlineMs }) => {
    const { promise, resolve } = Promise.withResolvers<RuntimeAnswer>();
    if (deadlineMs <= 0) return Promise.resolve({ kind: 'unknown', reason: 'there was no time left to ask' });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = connect({ path });
    const finish = (answer: RuntimeAnswer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const unknown = (reason: string) => finish({ kind: 'unknown', reason });
    const timer = setTimeout(() => unknown(`no answer within ${Math.ceil(deadlineMs)} ms`), deadlineMs);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) unknown(`more than ${maxAnswerBytes} bytes of answer`);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      unknown(nobody.includes(error.code ?? '') ? 'it does not run, or cannot be reached' : error.message),
    );
    // A proxy that dies says nothing; whoever answers ends with an empty line.
    socket.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      if (text.endsWith('\n')) finish({ kind: 'ok', text });
      else unknown('the answer broke off');
    });
    socket.on('close', () => unknown('the answer broke off'));
    // Half-closing would be taken for giving up by some versions: the line's end is the end.
    socket.write(`${line}\n`);
    return promise;
  };
