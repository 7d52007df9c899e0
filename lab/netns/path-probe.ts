import { createSocket } from 'node:dgram';

/**
 * An independent client of the network: small messages at a fixed rhythm, and which of them came back. Run inside a namespace, as
 * `path-probe.ts echo PORT` at one end and `path-probe.ts send ADDRESS PORT EVERY_MS` at the other; the end of its input
 * ends either, the sender with a line of JSON.
 */
export interface ProbeReport {
  readonly sent: number;
  readonly lost: number;
  /** Longest stretch of sending of which nothing came back, from the first lost message to the next one that did; 0 = none. */
  readonly longestLossMs: number;
}

/** Of the times at which messages were sent, and which of them came back. */
export function lossIn(sentAt: readonly number[], cameBack: ReadonlySet<number>, settledBefore: number): ProbeReport {
  let lost = 0;
  let longestLossMs = 0;
  let since: number | null = null;
  const counted = sentAt.filter((at) => at < settledBefore);
  for (const [index, at] of counted.entries())
    if (cameBack.has(index)) {
      if (since !== null) longestLossMs = Math.max(longestLossMs, at - since);
      since = null;
    } else {
      lost += 1;
      since ??= at;
    }
  if (since !== null) longestLossMs = Math.max(longestLossMs, settledBefore - since);
  return { sent: counted.length, lost, longestLossMs: Math.round(longestLossMs) };
}

/** What has been sent more recently may still be on its way. */
const settleMs = 300;

function echo(port: number): void {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  onInputEnd(() => {});
  socket.bind(port, () => process.stdout.write('ready\n'));
}

function send(address: string, port: number, everyMs: number): void {
  const socket = createSocket('udp4');
  const sentAt: number[] = [];
  const cameBack = new Set<number>();
  socket.on('message', (message) => cameBack.add(message.readUInt32BE(0)));
  socket.on('error', () => {});
  const tick = () => {
    const message = Buffer.alloc(4);
    message.writeUInt32BE(sentAt.push(performance.now()) - 1);
    socket.send(message, port, address, () => {});
  };
  socket.bind(0, () => {
    setInterval(tick, everyMs);
    process.stdout.write('ready\n');
  });
  onInputEnd(() => process.stdout.write(`${JSON.stringify(lossIn(sentAt, cameBack, performance.now() - settleMs))}\n`));
}

function onInputEnd(last: () => void): void {
  process.stdin.resume();
  process.stdin.on('end', () => {
    last();
    process.exit(0);
  });
}

const [mode, ...rest] = process.argv.slice(2);
if (import.meta.main && mode === 'echo') echo(Number(rest[0]));
else if (import.meta.main) send(rest[0] ?? '', Number(rest[1]), Number(rest[2]));
