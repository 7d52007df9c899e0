import { connect, createServer, type Socket } from 'node:net';

/** A link: whatever is sent over it arrives so many milliseconds later, in order, as often and as much as is sent. */
const [targetPort, oneWayMs] = process.argv.slice(2).map(Number) as [number, number];

const carry = (from: Socket, to: Socket): void => {
  const underWay: { readonly bytes: Buffer; readonly dueAtMs: number }[] = [];
  let timer: NodeJS.Timeout | null = null;
  const deliver = (): void => {
    timer = null;
    const nowMs = performance.now();
    to.cork();
    while (underWay.length > 0 && underWay[0]!.dueAtMs <= nowMs) to.write(underWay.shift()!.bytes);
    to.uncork();
    wait(nowMs);
  };
  const wait = (nowMs: number): void => {
    const first = underWay[0];
    if (first !== undefined && timer === null) timer = setTimeout(deliver, Math.max(0, first.dueAtMs - nowMs));
  };
  from.on('data', (bytes: Buffer) => {
    const nowMs = performance.now();
    underWay.push({ bytes, dueAtMs: nowMs + oneWayMs });
    wait(nowMs);
  });
  from.on('error', () => from.destroy());
  from.on('close', () => to.destroy());
};

const server = createServer({ noDelay: true }, (socket) => {
  const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
  carry(socket, target);
  carry(target, socket);
}).listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }));
process.on('disconnect', () => process.exit());
