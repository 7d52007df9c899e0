import { connect, type Socket } from 'node:net';

export interface DialAddress {
  readonly host: string;
  readonly port: number;
}

/** Opens a connection; rejects when it is refused, or with `DialTimeout` when nobody answered in time. */
export type Dial = (address: DialAddress, options: { readonly deadlineMs: number }) => Promise<Socket>;

export class DialTimeout extends Error {
  override readonly name = 'DialTimeout';
}

export const tcpDial: Dial = ({ host, port }, { deadlineMs }) => {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host, port });
  const timer = setTimeout(
    () => {
      socket.destroy();
      reject(new DialTimeout(`no connection to ${host}:${port} within ${Math.ceil(deadlineMs)} ms`));
    },
    Math.max(0, deadlineMs),
  );
  socket.once('connect', () => {
    clearTimeout(timer);
    socket.removeAllListeners('error');
    socket.setNoDelay(true);
    resolve(socket);
  });
  socket.once('error', (error) => {
    clearTimeout(timer);
    reject(error);
  });
  return promise;
};
