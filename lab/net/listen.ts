import type { Socket } from 'node:dgram';
import type { Server } from 'node:net';
import { LabError, messageOf, systemCode } from '../lab-error.ts';
import type { Address } from '../layout.ts';

/**
 * Resolves when the server listens there.
 * @throws LabError HF-7001 when the address is taken, HF-7004 or HF-7011 when it may not or cannot be used.
 */
export function listenOn(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => reject(problem(address, error));
    server.once('error', refused);
    server.listen({ host: address.host, port: address.port, backlog: 511 }, () => {
      server.removeListener('error', refused);
      server.on('error', () => {});
      resolve();
    });
  });
}

/** The same for datagrams. */
export function bindTo(socket: Socket, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => reject(problem(address, error));
    socket.once('error', refused);
    socket.bind(address.port, address.host, () => {
      socket.removeListener('error', refused);
      socket.on('error', () => {});
      resolve();
    });
  });
}

function problem(address: Address, error: Error): LabError {
  const attempted = `listen at ${address.host}:${address.port}`;
  const code = systemCode(error);
  if (code === 'EADDRINUSE')
    return new LabError({
      code: 'HF-7001',
      attempted,
      found: 'the address is taken',
      next: 'end what holds it ("ss -ltnp" names it), or give the lab another block',
      cause: error,
    });
  return new LabError({
    code: code === 'EACCES' || code === 'EPERM' ? 'HF-7004' : 'HF-7011',
    attempted,
    found: messageOf(error),
    next: 'the loopback lab needs 127.0.0.0/8 on the loopback device, as Linux has it',
    cause: error,
  });
}
