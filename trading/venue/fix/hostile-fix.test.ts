import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FrameReader } from '../../fix/frame-reader.ts';
import { MemoryEntryLog } from '../../fix/memory-entry-log.ts';
import { seededRandom } from '../../replication/seeded-random.ts';
import { TradingProcess } from '../../testing/child-process.ts';
import { FixMember } from '../../testing/fix-member.ts';
import { fixFrame } from '../../testing/fix-text.ts';
import { waitUntil } from '../../testing/wait-until.ts';

const CONNECTIONS = Number(process.env['HOLDFAST_HOSTILE_CONNECTIONS'] ?? 150);
const FLOOD = 400;

let directory: string;
let exchange: TradingProcess;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast venue é-'));
  const config = join(directory, 'venue.json');
  const sessions = { GOOD: {}, BAD: {}, IDLE: {}, 'BAD-COPY': { firm: 'BAD', purpose: 'drop-copy' } };
  const passwords = { GOOD: 'good', BAD: 'bad', IDLE: 'idle' };
  const settings = {
    listen: { port: 0 },
    dataDir: 'data',
    fillShare: 0,
    sessions: { passwords },
    fix: { port: 0, sessions },
  };
  writeFileSync(config, JSON.stringify(settings));
  exchange = await TradingProcess.start('venue', [config]);
});
after(async () => {
  await exchange.kill();
  rmSync(directory, { recursive: true, force: true });
});

/** A connection without manners, and what it was told. */
class Hostile {
  readonly socket: Socket;
  readonly told: string[] = [];
  closed = false;

  constructor() {
    this.socket = connect({ host: '127.0.0.1', port: exchange.port('fix'), noDelay: true });
    const reader = new FrameReader({
      onMessage: (message) => this.told.push(message.toString()),
      onGarbled: (found) => this.told.push(`garbled: ${found}`),
    });
    this.socket.on('data', (chunk) => reader.push(chunk));
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  text(fields: string): this {
    this.socket.write(fixFrame(fields));
    return this;
  }

  async ended(): Promise<void> {
    await waitUntil(`it is cut off; it was told ${this.told.join(' ')}`, () => this.closed);
  }
}

const utcNow = (): string => new Date().toISOString().replaceAll('-', '').replace('T', '-').replace('Z', '');
const header = (type: string, seq: number, from = 'BAD'): string =>
  `35=${type}|49=${from}|56=VENUE|34=${seq}|52=${utcNow()}`;
const logon = (seq: number, more = '554=bad|5001=1', from = 'BAD'): string =>
  `${header('A', seq, from)}|98=0|108=30|${more}`;
const RESET = '141=Y|554=bad|5001=1';
const openFiles = (): number | null => {
  try {
    return readdirSync(`/proc/${exchange.pid}/fd`).length;
  } catch {
    return null;
  }
};
const residentKib = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${exchange.pid}/status`, 'utf8'))?.[1] ?? 0);

test('each kind of hostile input ends in a clear reject, a logout or a closed connection', async () => {
  const cases: {
    readonly name: string;
    readonly send: (to: Hostile) => void;
    readonly told?: RegExp;
    readonly stays?: boolean;
  }[] = [
    { name: 'no FIX', send: ({ socket }) => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
    { name: 'zeros', send: ({ socket }) => socket.write(Buffer.alloc(200_000)) },
    {
      name: 'a length beyond everything',
      send: ({ socket }) => socket.write('8=FIX.4.4\u00019=99999999\u000135=A\u0001'),
    },
    { name: 'a wrong checksum', send: ({ socket }) => socket.write(tampered(fixFrame(logon(1)))) },
    { name: 'no Logon first', send: (to) => to.text(`${header('D', 1)}|11=x|55=X|54=1|60=${utcNow()}|40=1|38=1`) },
    { name: 'a CompID that nobody has', send: (to) => to.text(logon(1, '554=bad|5001=1', 'NOBODY')) },
    { name: 'another exchange', send: (to) => to.text(logon(1).replace('56=VENUE', '56=ELSEWHERE')) },
    { name: 'a wrong password', send: (to) => to.text(logon(1, '554=guess|5001=1')), told: /35=5.*not-authorised/ },
    { name: 'no password', send: (to) => to.text(logon(1, '5001=1')), told: /35=5.*not-authorised/ },
    { name: 'no epoch', send: (to) => to.text(logon(1, '554=bad')), told: /35=5.*FirmEpoch/ },
    {
      name: 'an epoch beyond numbers',
      send: (to) => to.text(logon(1, `554=bad|5001=${'9'.repeat(40)}`)),
      told: /35=5.*FirmEpoch/,
    },
    {
      name: 'a strange cancel-on-disconnect',
      send: (to) => to.text(logon(1, '554=bad|5001=1|5003=maybe')),
      told: /35=5.*CancelOnDisconnect/,
    },
    {
      name: 'another version',
      send: ({ socket }) => socket.write(fixFrame(logon(1), 'FIX.4.2')),
      told: /35=5.*FIX\.4\.4/,
    },
    {
      name: 'an old clock',
      send: (to) => to.text(logon(1).replace(/52=\d{8}/, '52=20200101')),
      told: /35=5.*SendingTime/,
    },
    {
      name: 'an interval beyond reason',
      send: (to) => to.text(logon(1).replace('108=30', '108=99999')),
      told: /35=5.*HeartBtInt/,
    },
    { name: 'a reset at 7', send: (to) => to.text(logon(7, RESET)), told: /35=5.*ResetSeqNumFlag/ },
    {
      name: 'numbers that were used',
      send: (to) => to.text(logon(1, RESET)).text(`${header('0', 1)}`),
      told: /35=5.*too low/,
    },
    {
      name: 'a number that is none',
      send: (to) => to.text(logon(1, RESET)).text(`${header('0', 1).replace('34=1', '34=x')}`),
      told: /35=5.*MsgSeqNum/,
    },
    {
      name: 'another CompID later',
      send: (to) => to.text(logon(1, RESET)).text(header('0', 2, 'GOOD')),
      told: /35=3.*SenderCompID/,
    },
    {
      name: 'only garbage later',
      send: (to) => to.text(logon(1, RESET)).socket.write('8=FIX.4.4\u00019=5\u000135=0\u0001'.repeat(50)),
    },
    {
      name: 'a gap',
      send: (to) => to.text(logon(1, RESET)).text(header('0', 900)),
      told: /35=2\|.*7=2\|16=0/,
      stays: true,
    },
    {
      name: 'a field that is missing',
      send: (to) => to.text(logon(1, RESET)).text(`${header('D', 2)}|11=x`),
      told: /35=3.*371=54/,
      stays: true,
    },
    {
      name: 'a type that there is not',
      send: (to) => to.text(logon(1, RESET)).text(header('ZZ', 2)),
      told: /35=3.*373=11/,
      stays: true,
    },
    {
      name: 'an id full of bytes',
      send: (to) =>
        to.text(logon(1, RESET)).text(`${header('D', 2)}|11=\u0002\u0003|55=X|54=1|60=${utcNow()}|40=2|44=1|38=1`),
      told: /35=8.*ClOrdID/,
      stays: true,
    },
    {
      name: 'an id too long',
      send: (to) =>
        to.text(logon(1, RESET)).text(`${header('F', 2)}|11=${'i'.repeat(60_000)}|41=y|54=1|60=${utcNow()}`),
      told: /35=9.*ClOrdID/,
      stays: true,
    },
    {
      name: 'a quantity beyond numbers',
      send: (to) =>
        to.text(logon(1, RESET)).text(`${header('D', 2)}|11=x|55=X|54=1|60=${utcNow()}|40=2|44=1|38=${'9'.repeat(25)}`),
      told: /35=8.*OrderQty/,
      stays: true,
    },
    {
      name: 'a resend of what there is not',
      send: (to) => to.text(logon(1, RESET)).text(`${header('2', 2)}|7=50|16=99`),
      told: /35=3.*373=5/,
      stays: true,
    },
    {
      name: 'a number set back',
      send: (to) => to.text(logon(1, RESET)).text(`${header('4', 2)}|36=1`),
      told: /35=3.*373=5/,
      stays: true,
    },
  ];
  for (const { name, send, told, stays } of cases) {
    const hostile = new Hostile();
    send(hostile);
    if (told !== undefined)
      await waitUntil(`${name}: told ${told}; it was ${hostile.told.join(' ')}`, () =>
        hostile.told.some((each) => told.test(each)),
      );
    if (stays !== true) await hostile.ended();
    assert.ok(!hostile.told.some((each) => each.startsWith('garbled')), name);
    hostile.socket.destroy();
  }
});

test('random bytes, mangled messages and half ones disturb nobody, and leave nothing behind', async (context) => {
  const goodLog = new MemoryEntryLog();
  const port = exchange.port('fix');
  const good = await FixMember.up({ port, compId: 'GOOD', password: 'good', log: goodLog });
  const random = seededRandom(20_261_121);
  const filesBefore = openFiles();
  const memoryBefore = residentKib();
  const answers = new Map<string, number>();
  let sent = 0;
  for (let at = 0; at < CONNECTIONS; at++) {
    good.order({ id: `g${at}`, price: String(1 + (at % 9)) });
    const hostile = new Hostile();
    if (random() < 0.7) hostile.text(logon(1, RESET));
    const count = 1 + Math.floor(random() * 40);
    let seq = 2;
    for (let each = 0; each < count; each++) hostile.socket.write(mangled(random, seq++));
    sent += count;
    if (random() < 0.5) hostile.socket.end();
    else hostile.text(`${header('1', seq)}|112=end`);
    await waitUntil('the exchange is through with it', () => hostile.closed || hostile.told.length > 0);
    if (random() < 0.3) hostile.socket.resetAndDestroy();
    else hostile.socket.destroy();
    for (const each of hostile.told) {
      const type = /\|35=([^|]*)\|/.exec(each)?.[1] ?? each;
      answers.set(type, (answers.get(type) ?? 0) + 1);
    }
  }
  await good.report('0', `g${CONNECTIONS - 1}`);
  assert.deepEqual(
    good.reportNumbers(),
    Array.from({ length: CONNECTIONS }, (_, at) => at + 1),
  );
  assert.deepEqual(
    good.notices.filter(({ kind }) => kind === 'down' || kind === 'gap'),
    [],
  );
  good.close();
  const left = filesBefore === null ? null : filesBefore - 1;
  await waitUntil('every connection is gone', () => left === null || openFiles() === left);
  const grownKib = residentKib() - memoryBefore;
  assert.ok(grownKib < 96 * 1024, `${grownKib} KiB more`);
  const told = [...answers].map(([type, n]) => `${type} ${n}`).join(', ');
  context.diagnostic(
    `${sent} messages over ${CONNECTIONS} connections; told by type: ${told}; ${grownKib} KiB more in use`,
  );
});

test('a flood of logons and of silent connections keeps no member out for longer than it lasts', async (context) => {
  const port = exchange.port('fix');
  const good = await FixMember.up({ port, compId: 'IDLE', password: 'idle' });
  const before = openFiles();
  const flood: Hostile[] = [];
  for (let at = 0; at < FLOOD; at++) {
    const hostile = new Hostile();
    flood.push(hostile);
    if (at % 4 === 0) hostile.text(logon(1, '554=guess|5001=1', at % 8 === 0 ? 'IDLE' : 'BAD'));
    if (at % 4 === 1) hostile.socket.write('8=FIX.4.4\u00019=');
  }
  good.order({ id: 'in-the-flood' });
  await good.report('0', 'in-the-flood');
  await waitUntil('most were turned away', () => flood.filter(({ closed }) => closed).length >= FLOOD - 100);
  const turnedAway = flood.filter(({ closed }) => closed).length;
  for (const { socket } of flood) socket.destroy();
  await waitUntil('they are gone', () => before === null || openFiles() === before);
  assert.deepEqual(
    good.notices.filter(({ kind }) => kind === 'down'),
    [],
  );
  const late = await FixMember.up({ port, compId: 'BAD-COPY', password: 'bad', epoch: null });
  late.close();
  good.close();
  context.diagnostic(`${FLOOD} connections, ${turnedAway} turned away at once`);
});

const tampered = (frame: Buffer): Buffer => {
  frame[frame.length - 2] = frame[frame.length - 2] === 48 ? 49 : 48;
  return frame;
};

const TYPES = ['0', '1', '2', '3', '4', 'A', 'D', 'F', 'G', 'H', 'AF', 'q', '8', 'j', 'g', 'e', 'B', 'ZZ', ''];
const TAGS = [
  1, 7, 11, 16, 36, 37, 38, 40, 41, 43, 44, 54, 55, 58, 59, 60, 97, 99, 112, 122, 123, 141, 453, 530, 584, 585, 789,
  5001, 5004, 123_456,
];

/** The fields that a message of this type needs. */
const bodyOf = (type: string, { mine, other }: { readonly mine: string; readonly other: string }): string => {
  const order = `55=X|54=1|60=${utcNow()}|40=2|44=5|38=1`;
  switch (type) {
    case 'D':
      return `11=${mine}|${order}`;
    case 'F':
      return `11=c${mine}|41=${other}|55=X|54=1|60=${utcNow()}`;
    case 'G':
      return `11=r${mine}|41=${other}|${order}`;
    case 'H':
      return `11=${other}|54=1`;
    case 'AF':
      return '584=s|585=7';
    case 'q':
      return `11=q${mine}|530=7|60=${utcNow()}`;
    case '1':
      return '112=t';
    case '2':
      return '7=1|16=0';
    case '4':
      return '123=Y|36=3';
    case 'A':
      return '98=0|108=30|554=bad|5001=1';
    default:
      return '58=x';
  }
};

/** A message with anything in it, sometimes broken, sometimes only a part of it. */
const mangled = (random: () => number, seq: number): Buffer => {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const fields = [header(pick(TYPES), random() < 0.8 ? seq : Math.floor(random() * 1e6))];
  const type = fields[0]!.slice(3, fields[0]!.indexOf('|'));
  if (random() < 0.9)
    fields.push(bodyOf(type, { mine: `m${Math.floor(random() * 50)}`, other: `m${Math.floor(random() * 50)}` }));
  const extra = random() < 0.5 ? 0 : Math.floor(random() * 5);
  for (let at = 0; at < extra; at++)
    fields.push(`${pick(TAGS)}=${pick(['', 'Y', '-1', '1', '9'.repeat(40), 'é\u0002', utcNow(), 'x'.repeat(2000)])}`);
  const frame = fixFrame(fields.join('|'));
  const broken = random();
  if (broken < 0.1) frame[Math.floor(random() * frame.length)] = Math.floor(random() * 256);
  else if (broken < 0.13) return frame.subarray(0, Math.floor(random() * frame.length));
  else if (broken < 0.15) return Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256)));
  return frame;
};
