import { createServer, type Server, type Socket } from 'node:net';
import { countField, type JsonRecord, parseRecord, textField } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';

type StoredRequest = { -readonly [name in keyof JsonRecord]: unknown } & { id: string; seq: number };

/**
 * The engine's client protocol without an engine, for tests of its clients: every order is accepted, every third one filled. It
 * can be made to misbehave, and its memory can be edited behind everybody's back. It answers for the exchange too: `reports` is
 * what a drop copy gives.
 */
export class StandInEngine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Set<Socket>();
  readonly requests = new Map<string, StoredRequest>();
  readonly journal: JsonRecord[] = [];
  readonly reports: JsonRecord[] = [];
  /** Entries before this one were removed from the journal: whoever asks for them is told so. */
  first = 1;
  /** What each reader said last to have stored, by the name that it gave. */
  readonly stored = new Map<string, number>();
  staleWritesAccepted = 0;
  readonly instance: string;
  epoch: number;
  primary = true;
  /** Takes connections and bytes, answers nothing. */
  frozen = false;
  /** Stores requests but loses the answers. */
  mute = false;

  private constructor(instance: string, epoch: number) {
    this.instance = instance;
    this.epoch = epoch;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async listen(
    options: { readonly instance?: string; readonly epoch?: number; readonly port?: number } = {},
  ): Promise<StandInEngine> {
    const engine = new StandInEngine(options.instance ?? 'e1', options.epoch ?? 1);
    await new Promise<void>((resolve, reject) => {
      engine.#server.once('error', reject);
      engine.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return engine;
  }

  get address(): { readonly host: string; readonly port: number } {
    const address = this.#server.address();
    return { host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 };
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** As a promoted standby that has everything which the other one released. */
  takeOver(from: StandInEngine): void {
    for (const [id, request] of from.requests) this.requests.set(id, request);
    this.journal.push(...from.journal);
    this.reports.push(...from.reports);
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Appends a released entry and sends it to the subscribers. */
  release(fields: JsonRecord): number {
    const entry = { t: 'entry', seq: this.journal.length + 1, epoch: this.epoch, ...fields };
    this.journal.push(entry);
    this.#report(fields);
    for (const socket of this.#subscribers) this.#send(socket, entry);
    return entry.seq;
  }

  #report(fields: JsonRecord): void {
    const { kind, id } = fields;
    const order = this.requests.get(String(id));
    const terms = { symbol: order?.['symbol'], side: order?.['side'], price: order?.['price'], qty: order?.['qty'] };
    const isReport =
      kind === 'accepted' ||
      kind === 'fill' ||
      kind === 'cancelled' ||
      kind === 'cancel-rejected' ||
      kind === 'replaced';
    if (isReport)
      this.reports.push({ t: 'report', n: this.reports.length + 1, ...(kind === 'accepted' ? terms : {}), ...fields });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    const lines = new LineReader({
      maxLineLength: 1024 * 1024,
      onOverflow: () => socket.destroy(),
      onLine: (line) => {
        const message = parseRecord(line);
        if (message !== null && !this.frozen) this.#receive(socket, message);
      },
    });
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#subscribers.delete(socket);
    });
  }

  #receive(socket: Socket, message: JsonRecord): void {
    if (!this.primary) return void socket.end(`${JSON.stringify({ t: 'reject', code: 'not-primary' })}\n`);
    const { instance, epoch } = this;
    switch (message['t']) {
      case 'logon':
        this.#send(socket, { t: 'logon-ok', instance, epoch });
        return;
      case 'new':
        this.#new(socket, message);
        return;
      case 'replace':
        this.#replace(socket, message);
        return;
      case 'cancel':
        this.#cancel(socket, message);
        return;
      case 'query': {
        const orders = (message['ids'] as string[]).flatMap((id) => this.requests.get(id) ?? []);
        this.#send(socket, { t: 'orders', orders });
        return;
      }
      case 'query-all':
        this.#queryAll(socket, countField(message, 'after') ?? 0, countField(message, 'limit') ?? 1000);
        return;
      case 'counters':
        this.#send(socket, { t: 'counters', firms: { firm: { staleWritesAccepted: this.staleWritesAccepted } } });
        return;
      case 'drop-copy': {
        const after = countField(message, 'after') ?? 0;
        for (const report of this.reports.slice(after)) this.#send(socket, report);
        this.#send(socket, { t: 'drop-copy-end', last: this.reports.length });
        return;
      }
      case 'risk-logon':
        this.#send(socket, { t: 'risk-ok' });
        return;
      case 'risk':
        return;
      case 'stored':
        this.#heardStored(message, 'seq');
        return;
      case 'subscribe':
        this.#heardStored(message, 'stored');
        this.#subscribe(socket, countField(message, 'after') ?? 0);
        return;
      default:
        return void socket.destroy();
    }
  }

  #new(socket: Socket, message: JsonRecord): void {
    const id = textField(message, 'id')!;
    const { t: _, ...terms } = message;
    const known = this.requests.get(id);
    if (known !== undefined) {
      this.#send(socket, { t: 'ack', id, seq: known.seq, epoch: known['epoch'] });
      return;
    }
    const qty = countField(message, 'qty')!;
    const seq = this.release({ kind: 'order', client: 'c1', ...terms });
    const order: StoredRequest = { ...terms, client: 'c1', id, seq, epoch: this.epoch, state: 'open', filled: 0 };
    this.requests.set(id, order);
    this.#send(socket, { t: 'ack', id, seq, epoch: this.epoch });
    this.release({ kind: 'accepted', id });
    if (seq % 3 === 0) this.#fill(socket, order, qty);
  }

  #fill(socket: Socket, order: StoredRequest, qty: number): void {
    const fill = { id: order.id, exec: `x-${order.id}`, price: order['price'], qty };
    order['filled'] = qty;
    order['state'] = 'filled';
    const seq = this.release({ kind: 'fill', ...fill });
    this.#send(socket, { t: 'fill', ...fill, seq, epoch: this.epoch });
  }

  #cancel(socket: Socket, message: JsonRecord): void {
    const id = textField(message, 'id')!;
    const target = textField(message, 'target')!;
    const order = this.requests.get(target);
    if (order === undefined) {
      this.#send(socket, { t: 'reject', id, code: 'unknown-order' });
      return;
    }
    const seq = this.release({ kind: 'cancel', id, client: 'c1', target });
    const request: StoredRequest = { id, target, state: 'done', seq, epoch: this.epoch, client: 'c1' };
    this.requests.set(id, request);
    this.#send(socket, { t: 'ack', id, seq, epoch: this.epoch });
    if (order['state'] === 'filled') {
      const at = this.release({ kind: 'cancel-rejected', id, target, code: 'too-late' });
      this.#send(socket, { t: 'reject', id, code: 'too-late', seq: at });
      return;
    }
    order['state'] = 'cancelled';
    const at = this.release({ kind: 'cancelled', id, target });
    this.#send(socket, { t: 'cancelled', id, target, seq: at, epoch: this.epoch });
  }

  #replace(socket: Socket, message: JsonRecord): void {
    const id = textField(message, 'id')!;
    const target = textField(message, 'target')!;
    const [price, qty] = [countField(message, 'price')!, countField(message, 'qty')!];
    const order = this.requests.get(target);
    if (order === undefined || order['state'] !== 'open') {
      this.#send(socket, { t: 'reject', id, code: order === undefined ? 'unknown-order' : 'too-late' });
      return;
    }
    const seq = this.release({ kind: 'replace', id, client: 'c1', target, price, qty });
    this.requests.set(id, { id, target, price, qty, state: 'done', seq, epoch: this.epoch, client: 'c1' });
    this.#send(socket, { t: 'ack', id, seq, epoch: this.epoch });
    order['price'] = price;
    order['qty'] = qty;
    const at = this.release({ kind: 'replaced', id, target, price, qty });
    this.#send(socket, { t: 'replaced', id, target, price, qty, seq: at, epoch: this.epoch });
  }

  #queryAll(socket: Socket, after: number, limit: number): void {
    const orders: StoredRequest[] = [];
    for (const each of [...this.requests.values()].sort((left, right) => left.seq - right.seq)) {
      if (each['target'] !== undefined || each.seq <= after) continue;
      orders.push(each);
      if (orders.length > limit) break;
    }
    this.#send(socket, {
      t: 'orders',
      orders: orders.slice(0, limit),
      more: orders.length > limit,
      through: this.journal.length,
    });
  }

  #heardStored(message: JsonRecord, field: string): void {
    const reader = textField(message, 'reader');
    if (reader !== null) this.stored.set(reader, countField(message, field) ?? 0);
  }

  #subscribe(socket: Socket, after: number): void {
    const { first } = this;
    const end = this.journal.length;
    if (after > end) return void socket.end(`${JSON.stringify({ t: 'reject', code: 'ahead', end })}\n`);
    if (after + 1 < first)
      return void socket.end(`${JSON.stringify({ t: 'reject', code: 'removed', error: 'HF-7207', first })}\n`);
    this.#send(socket, { t: 'subscribe-ok', instance: this.instance, epoch: this.epoch, end });
    for (const entry of this.journal.slice(after)) this.#send(socket, entry);
    this.#send(socket, { t: 'released', seq: end, epoch: this.epoch });
    this.#subscribers.add(socket);
  }

  #send(socket: Socket, message: object): void {
    if (!this.mute && !this.frozen) socket.write(`${JSON.stringify(message)}\n`);
  }
}
