import type { Socket } from 'node:net';

const longestLineBytes = 16 * 1024 * 1024;

/** Calls back with every complete line of UTF-8 text that arrives. A line beyond 16 MiB ends the connection. */
export function eachLine(socket: Socket, onLine: (line: string) => void): void {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  socket.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...pending, chunk.subarray(from, at)]).toString('utf8');
      pending = [];
      pendingBytes = 0;
      from = at + 1;
      if (line !== '') onLine(line);
    }
    if (from < chunk.length) {
      pending.push(Buffer.from(chunk.subarray(from)));
      pendingBytes += chunk.length - from;
      if (pendingBytes > longestLineBytes) socket.destroy();
    }
  });
}
