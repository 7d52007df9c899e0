import { connect } from 'node:net';
import { LabError, messageOf } from './lab-error.ts';
import type { Address } from './layout.ts';
import { eachLine } from './lines.ts';

/**
 * One request to the load generator's control connection (`trading/load/load-control.ts`).
 * @throws LabError HF-7012
 */
export function askLoad(
  address: Address,
  token: string,
  request: { readonly method: string; readonly params: unknown; readonly deadlineMs: number },
): Promise<unknown> {
  const refuse = (found: string) =>
    new LabError({
      code: 'HF-7012',
      attempted: `ask the order flow for ${request.method}`,
      found,
      next: '"holdfast lab status" shows whether it runs; its log is in the lab\'s logs directory',
    });
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(
      () => finish(() => reject(refuse(`no answer within ${request.deadlineMs} ms`))),
      request.deadlineMs,
    );
    socket.on('error', (error) => finish(() => reject(refuse(messageOf(error)))));
    socket.on('close', () => finish(() => reject(refuse('it closed the connection'))));
    const send = (id: number, method: string, params: unknown) =>
      socket.write(`${JSON.stringify({ id, method, params })}\n`);
    send(1, 'hello', { token });
    eachLine(socket, (line) => {
      const answer = JSON.parse(line) as { id?: number; ok?: boolean; result?: unknown; error?: { message?: string } };
      if (answer.id === undefined) return;
      if (answer.ok !== true) return finish(() => reject(refuse(answer.error?.message ?? 'it refused')));
      if (answer.id === 1) send(2, request.method, request.params);
      else finish(() => resolve(answer.result));
    });
  });
}
