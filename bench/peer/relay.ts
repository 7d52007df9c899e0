import { connect, createServer } from 'node:net';

/** Hands everything on to the port behind it, and what that answers back: an echo of which a second process must have heard. */
const behind = Number(process.argv[2]);
const server = createServer({ noDelay: true }, (socket) => {
  const next = connect({ host: '127.0.0.1', port: behind, noDelay: true });
  for (const end of [socket, next]) end.on('error', () => end.destroy());
  socket.on('data', (chunk) => next.write(chunk));
  next.on('data', (chunk) => socket.write(chunk));
  socket.on('close', () => next.destroy());
}).listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }));
process.on('disconnect', () => process.exit());
