import { connect, type Socket } from 'node:net';
import { IdScratch, type IdView, idText } from '../base/id-view.ts';
import { decodeReport, ReportMessage } from '../venue-protocol/answers.ts';
import { FrameReader } from '../venue-protocol/frame-reader.ts';
import { MESSAGES, type MessageLayout, REJECT_CODES, REPORT, WIRE_REASONS } from '../venue-protocol/layout.ts';
import {
  CancelMessage,
  encodeCancel,
  encodeFence,
  encodeLogoff,
  encodeLogon,
  encodeMassCancel,
  encodeNew,
  encodePositionsRequest,
  encodeReplace,
  encodeSessionsRequest,
  encodeStatusRequest,
  FenceMessage,
  LogonMessage,
  MassCancelMessage,
  NewMessage,
  ReplaceMessage,
} from '../venue-protocol/requests.ts';
import { WireBuffer } from '../venue-protocol/wire-buffer.ts';
import { readText, readU64 } from '../venue-protocol/wire-fields.ts';
import { waitUntil } from './wait-until.ts';

/** A message of the exchange: its name and its fields, texts as text, codes as words. */
export interface Told {
  readonly t: string;
  readonly [field: string]: unknown;
}

/** A member of the binary protocol that keeps everything it received. */
export class ExchangeClient {
  readonly #socket: Socket;
  readonly #out = new WireBuffer();
  readonly received: Told[] = [];
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const frames = new FrameReader({
      onFrame: (type, bytes, view, at) => this.received.push(told(type, bytes, view, at)),
      onBroken: (code) => this.received.push({ t: 'broken', code }),
      onUnknown: (type) => this.received.push({ t: 'unknown', type }),
    });
    socket.on('data', (chunk: Buffer) => frames.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static open(port: number): Promise<ExchangeClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      const client = new ExchangeClient(socket);
      socket.once('connect', () => resolve(client));
      socket.once('error', reject);
    });
  }

  logon(fields: Fields = {}): void {
    encodeLogon(this.#out, filled(new LogonMessage(), { firm: 'ACME', session: 's', epoch: 1, next: 1, ...fields }));
    this.flush();
  }

  logoff(): void {
    encodeLogoff(this.#out);
    this.flush();
  }

  new(fields: Fields): void {
    encodeNew(this.#out, filled(new NewMessage(), { symbol: 'X', price: 100, quantity: 4, ...fields }));
    this.flush();
  }

  cancel(fields: Fields): void {
    encodeCancel(this.#out, filled(new CancelMessage(), fields));
    this.flush();
  }

  replace(fields: Fields): void {
    encodeReplace(this.#out, filled(new ReplaceMessage(), fields));
    this.flush();
  }

  massCancel(fields: Fields): void {
    encodeMassCancel(this.#out, filled(new MassCancelMessage(), fields));
    this.flush();
  }

  status(id = ''): void {
    encodeStatusRequest(this.#out, new IdScratch().hold(id) ?? filled(new NewMessage(), {}).id);
    this.flush();
  }

  fence(fields: Fields): void {
    encodeFence(this.#out, filled(new FenceMessage(), { firm: 'ACME', ...fields }));
    this.flush();
  }

  sessions(): void {
    encodeSessionsRequest(this.#out);
    this.flush();
  }

  positions(): void {
    encodePositionsRequest(this.#out);
    this.flush();
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  flush(): void {
    this.#socket.write(Buffer.from(this.#out.bytes.subarray(0, this.#out.end)));
    this.#out.clear();
  }

  reports(): Told[] {
    return this.received.filter(({ t }) => t === 'report');
  }

  /** The first message, old or new, that fits. */
  async expect(fits: (message: Told) => boolean, deadlineMs = 30_000): Promise<Told> {
    await waitUntil('a message arrives', () => this.received.some(fits), deadlineMs);
    return this.received.find(fits)!;
  }

  async ended(): Promise<void> {
    await waitUntil('the connection is closed', () => this.closed);
  }

  close(): void {
    this.#socket.destroy();
  }
}

export type Fields = { readonly [name: string]: string | number };

const filled = <Message extends object>(message: Message, fields: Fields): Message => {
  const target = message as { [name: string]: number | IdView };
  for (const [name, value] of Object.entries(fields))
    if (typeof value === 'number') target[name] = value;
    else {
      const bytes = Buffer.from(value, 'latin1');
      target[name] = { bytes, at: 0, length: bytes.length };
    }
  return message;
};

const NAMES = new Map<number, readonly [string, MessageLayout]>(
  Object.entries(MESSAGES).map(([name, layout]) => [layout.type, [name, layout]]),
);

const told = (type: number, bytes: Uint8Array, view: DataView, at: number): Told => {
  const [name, layout] = NAMES.get(type)!;
  const fields: { [field: string]: unknown } = {};
  if (type === REPORT.type) {
    const report = new ReportMessage();
    if (!decodeReport(bytes, view, at, report)) return { t: 'broken', code: 'bad report' };
    const { id, target, symbol, ...rest } = report;
    return { t: 'report', id: idText(id), target: idText(target), symbol: idText(symbol), ...rest };
  }
  for (const [field, [offset, kind]] of Object.entries(layout.fields)) {
    if (kind === 'u8') fields[field] = bytes[at + offset];
    else if (kind === 'u32') fields[field] = view.getUint32(at + offset, true);
    else if (kind === 'u64') fields[field] = readU64(view, at + offset);
    else {
      const text = { bytes, at: 0, length: 0 };
      readText(bytes, at + offset, kind === 'text 16' ? 16 : 32, text);
      fields[field] = idText(text);
    }
  }
  if ('code' in fields) fields['code'] = REJECT_CODES[Number(fields['code'])];
  if ('reason' in fields) fields['reason'] = WIRE_REASONS[Number(fields['reason'])];
  return { t: name, ...fields };
};
