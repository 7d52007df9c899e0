import { connect, type Socket } from 'node:net';
import { encodeSent, MESSAGE } from '../binary-protocol.ts';
import { ConditionWaits } from '../condition-waits.ts';

const ORDERS = 12;

/** A client that logs on in one of the two protocols, sends a few orders and waits for each. True when each was acknowledged. */
export const rehearseOrders = async (options: {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'binary' | 'text';
  readonly prefix: string;
  readonly deadlineMs: number;
}): Promise<boolean> => {
  const { host, port, protocol, prefix, deadlineMs } = options;
  const waits = new ConditionWaits();
  const good = protocol === 'binary' ? binaryAnswers : textAnswers;
  let answers = 0;
  let isOver = false;
  const socket: Socket = connect({ host, port, noDelay: true });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    isOver = true;
    waits.look();
  });
  socket.on('data', (chunk: Buffer) => {
    if (good.has(protocol === 'binary' ? chunk[0]! : chunk.toString('latin1', 0, TEXT_KIND_BYTES))) answers += 1;
    else socket.destroy();
    waits.look();
  });
  const encode = protocol === 'binary' ? encodeSent : asLine;
  const answered = async (message: Parameters<typeof encodeSent>[0]): Promise<boolean> => {
    const before = answers;
    socket.write(encode(message));
    return (await waits.until(() => isOver || answers > before, deadlineMs)) && answers > before;
  };
  let went = await answered({ t: 'logon', client: `rehearsal-${protocol}` });
  for (let order = 0; order < ORDERS && went; order++)
    went = await answered({ t: 'new', id: `${prefix}-${order}`, symbol: 'REHEARSAL', side: 'B', price: 1, qty: 1 });
  socket.destroy();
  return went;
};

const binaryAnswers: ReadonlySet<number | string> = new Set([MESSAGE.logonOk, MESSAGE.ack]);
const textAnswers: ReadonlySet<number | string> = new Set(['{"t":"logon', '{"t":"ack",']);
const TEXT_KIND_BYTES = 11;

const asLine = (message: Parameters<typeof encodeSent>[0]): Buffer => Buffer.from(`${JSON.stringify(message)}\n`);
