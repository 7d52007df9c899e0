import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** The echo that also hands what came to the operating system before it answers, one write to a file a turn: what a journal costs anybody. */
const file = openSync(join(process.argv[2]!, 'written'), 'w', 0o600);
const handlerNs: number[] = [];
const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const startedAt = performance.now();
    const orders = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = Math.floor(orders.length / 120);
    const answers = Buffer.alloc(whole * 88);
    for (let from = 0, to = 0; to < answers.length; from += 120, to += 88) {
      answers[to] = 18;
      answers[to + 2] = orders[from + 2]!;
      for (let at = 24; at < 24 + orders[from + 2]!; at++) answers[to + at] = orders[from + at]!;
    }
    rest = orders.subarray(whole * 120);
    if (whole > 0) writeSync(file, orders, 0, whole * 120);
    if (whole > 0) socket.write(answers);
    if (handlerNs.length < 1_000_000) handlerNs.push((performance.now() - startedAt) * 1e6);
  });
}).listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }));
process.on('message', () => process.send?.({ handlerNs: handlerNs.splice(0) }));
process.on('disconnect', () => process.exit());
