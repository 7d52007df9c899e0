import { mkdirSync, readdirSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { countField, type JsonRecord, parseRecord, textField, textListField } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import { Outlet } from '../base/outlet.ts';
import { TokenFile } from '../base/token-file.ts';
import { Counterparties } from './counterparties.ts';
import { FirmAccount, type NewOrder, type VenueOrder } from './firm-account.ts';
import type { VenueConfig } from './venue-config.ts';

interface Session {
  readonly socket: Socket;
  readonly outlet: Outlet;
  readonly lines: LineReader;
  account: FirmAccount | null;
  /** Name given at logon; null = not an order session. */
  name: string | null;
  epoch: number;
  /** Gets reports live. */
  live: boolean;
  copying: boolean;
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const LEDGER_SUFFIX = '.ledger.ndjson';

/** The exchange: order entry sessions, drop copy, and the refusal of every session whose epoch is not the firm's highest. */
export class VenueServer {
  readonly #config: VenueConfig;
  readonly #token: TokenFile | null;
  readonly #server: Server;
  readonly #accounts = new Map<string, FirmAccount>();
  readonly #sessions = new Set<Session>();
  readonly #counterparties: Counterparties;
  #flushPending = false;
  /** Only for proving that checkers can fail: how many stale writes to accept. */
  #letStaleThrough = 0;

  constructor(config: VenueConfig) {
    this.#config = config;
    this.#token = config.tokenFile === null ? null : new TokenFile(config.tokenFile);
    this.#letStaleThrough = config.letStaleThrough;
    this.#counterparties = new Counterparties(config);
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(config.dataDir))
      if (file.endsWith(LEDGER_SUFFIX)) this.#account(file.slice(0, -LEDGER_SUFFIX.length));
    // Half-open, so that what a cut session still sends is seen, refused and counted.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#config.listen.port, this.#config.listen.host, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): Promise<void> {
    for (const session of this.#sessions) session.socket.destroy();
    for (const account of this.#accounts.values()) account.ledger.close();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.setEncoding('utf8');
    const lines = new LineReader({
      maxLineLength: 64 * 1024,
      onLine: (line) => this.#receive(session, line),
      onOverflow: () => socket.destroy(),
    });
    const session: Session = {
      socket,
      outlet: new Outlet(socket),
      lines,
      account: null,
      name: null,
      epoch: 0,
      live: false,
      copying: false,
    };
    this.#sessions.add(session);
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sessions.delete(session));
  }

  #receive(session: Session, line: string): void {
    const record = parseRecord(line);
    if (record === null) {
      session.socket.destroy();
      return;
    }
    switch (record.t) {
      case 'logon':
        this.#logon(session, record);
        return;
      case 'fence':
        this.#fence(session, record);
        return;
      case 'new':
      case 'cancel':
        this.#write(session, record);
        return;
      case 'drop-copy':
        this.#dropCopy(session, record);
        return;
      case 'status':
        this.#status(session, record);
        return;
      case 'counters':
        this.#tell(session, {
          t: 'counters',
          firms: Object.fromEntries([...this.#accounts].map(([firm, { counters }]) => [firm, counters])),
        });
        return;
      case 'admin':
        this.#admin(session, record);
        return;
      default:
        this.#tell(session, { t: 'reject', code: 'bad-message' });
        return;
    }
  }

  #logon(session: Session, record: JsonRecord): void {
    const account = this.#accountNamed(record);
    const name = textField(record, 'session');
    const epoch = countField(record, 'epoch');
    if (account === null || name === null || epoch === null) {
      this.#refuse(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    if (epoch < account.epoch && this.#letStaleThrough === 0) {
      account.counters.staleLogonsRefused += 1;
      this.#refuse(session, { t: 'reject', code: 'stale-epoch', epoch: account.epoch });
      return;
    }
    this.#raise(account, epoch);
    for (const other of this.#sessions)
      if (other !== session && other.account === account && other.name === name && other.epoch === epoch)
        this.#cut(other, 'replaced');
    Object.assign(session, { account, name, epoch });
    this.#tell(session, { t: 'logon-ok', firm: account.firm, epoch, last: account.ledger.last });
  }

  /** Raises the firm's epoch; every order session of an older one is cut. */
  #fence(session: Session, record: JsonRecord): void {
    const account = this.#accountNamed(record);
    const epoch = countField(record, 'epoch');
    if (account === null || epoch === null) {
      this.#refuse(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    if (epoch < account.epoch) {
      this.#tell(session, { t: 'reject', code: 'stale-epoch', epoch: account.epoch });
      return;
    }
    this.#raise(account, epoch);
    this.#tell(session, { t: 'fence-ok', firm: account.firm, epoch: account.epoch });
  }

  #raise(account: FirmAccount, epoch: number): void {
    if (epoch <= account.epoch) return;
    account.raiseEpoch(epoch);
    for (const other of this.#sessions)
      if (other.account === account && other.name !== null && other.epoch < epoch) this.#cut(other, 'stale-epoch');
  }

  #write(session: Session, record: JsonRecord): void {
    const { account } = session;
    const id = textField(record, 'id');
    if (account === null || session.name === null || id === null) {
      this.#tell(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    const epoch = Math.min(session.epoch, countField(record, 'epoch') ?? session.epoch);
    if (epoch < account.epoch) {
      if (this.#letStaleThrough === 0) {
        account.counters.staleWritesRefused += 1;
        this.#tell(session, { t: 'reject', code: 'stale-epoch', id, epoch: account.epoch });
        return;
      }
      this.#letStaleThrough -= 1;
    }
    if (record.t === 'cancel') {
      const target = textField(record, 'target');
      if (target === null) {
        this.#tell(session, { t: 'reject', code: 'bad-message', id });
        return;
      }
      if (account.cancel(id, target, epoch) === 'again') this.#tell(session, { t: 'duplicate', id });
      return;
    }
    const order = readOrder(id, record);
    if (order === null) {
      this.#tell(session, { t: 'reject', code: 'bad-message', id });
      return;
    }
    if (record.dry === true) {
      const code = account.check(order);
      this.#tell(session, code === null ? { t: 'dry-ok', id } : { t: 'dry-rejected', id, code });
      return;
    }
    const outcome = account.enter(order, epoch);
    if (outcome === 'again') this.#tell(session, { t: 'duplicate', id });
    if (outcome === 'altered') this.#tell(session, { t: 'reject', code: 'altered-duplicate', id });
  }

  /** Everything after a report number from the ledger, then `drop-copy-end`, then live. Needs no logon when it names the firm. */
  #dropCopy(session: Session, record: JsonRecord): void {
    const account = session.account ?? this.#accountNamed(record);
    const after = countField(record, 'after') ?? 0;
    if (account === null || session.copying || session.live) {
      this.#tell(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    session.account = account;
    session.copying = true;
    const { offset, skipTo } = account.ledger.locate(after);
    this.#copy(session, account, offset, skipTo);
  }

  #copy(session: Session, account: FirmAccount, offset: number, skipTo: number): void {
    if (session.socket.destroyed) return;
    const read = account.ledger.read(offset);
    if (read === null) {
      session.copying = false;
      session.live = true;
      this.#tell(session, { t: 'drop-copy-end', last: account.ledger.last });
      return;
    }
    for (const line of read.lines) {
      const report = parseRecord(line);
      if (report?.t === 'report' && (countField(report, 'n') ?? 0) > skipTo) session.outlet.push(`${line}\n`);
    }
    session.outlet.flush();
    const again = () => this.#copy(session, account, read.next, skipTo);
    if (session.socket.writableNeedDrain) session.socket.once('drain', again);
    else setImmediate(again);
  }

  #status(session: Session, record: JsonRecord): void {
    const account = session.account ?? this.#accountNamed(record);
    if (account === null) {
      this.#tell(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    const ids = textListField(record, 'ids');
    const orders = ids === null ? account.openOrders().map(orderRecord) : ids.map((id) => describe(account, id));
    this.#tell(session, { t: 'status', orders });
  }

  #admin(session: Session, record: JsonRecord): void {
    if (this.#token === null || !this.#token.accepts(record.token)) {
      this.#refuse(session, { t: 'reject', code: 'unauthorized' });
      return;
    }
    this.#letStaleThrough = countField(record, 'let-stale-through') ?? this.#letStaleThrough;
    this.#tell(session, { t: 'admin-ok', 'let-stale-through': this.#letStaleThrough });
  }

  /** Says why and sends nothing more; what still comes is read, refused and counted until the peer closes. */
  #cut(session: Session, code: string): void {
    session.live = false;
    session.outlet.push(`${JSON.stringify({ t: 'cut', code, epoch: session.account?.epoch })}\n`);
    session.outlet.flush();
    session.socket.end();
    session.socket.setTimeout(120_000, () => session.socket.destroy());
  }

  #refuse(session: Session, message: object): void {
    session.lines.end();
    session.outlet.push(`${JSON.stringify(message)}\n`);
    session.outlet.flush();
    session.socket.end();
  }

  #tell(session: Session, message: object): void {
    session.outlet.push(`${JSON.stringify(message)}\n`);
    this.#flushSoon();
  }

  #reported(account: FirmAccount, line: string): void {
    for (const session of this.#sessions) if (session.live && session.account === account) session.outlet.push(line);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushPending) return;
    this.#flushPending = true;
    setImmediate(() => {
      this.#flushPending = false;
      for (const account of this.#accounts.values()) account.ledger.flush();
      for (const session of this.#sessions) session.outlet.flush();
    });
  }

  #accountNamed(record: JsonRecord): FirmAccount | null {
    const firm = textField(record, 'firm');
    return firm !== null && NAME.test(firm) ? this.#account(firm) : null;
  }

  #account(firm: string): FirmAccount {
    const known = this.#accounts.get(firm);
    if (known !== undefined) return known;
    const account: FirmAccount = new FirmAccount({
      firm,
      ledgerFile: join(this.#config.dataDir, firm + LEDGER_SUFFIX),
      symbols: this.#config.symbols,
      counterparties: this.#counterparties,
      onReport: (line) => this.#reported(account, line),
    });
    this.#accounts.set(firm, account);
    return account;
  }
}

const readOrder = (id: string, record: JsonRecord): NewOrder | null => {
  const symbol = textField(record, 'symbol');
  const side = record.side;
  const price = countField(record, 'price');
  const qty = countField(record, 'qty');
  if (symbol === null || price === null || qty === null || (side !== 'B' && side !== 'S')) return null;
  return { id, symbol, side, price, qty };
};

const orderRecord = ({ id, symbol, side, price, qty, open, state, epoch }: VenueOrder): object => ({
  id,
  symbol,
  side,
  price,
  qty,
  open,
  state,
  epoch,
});

const describe = (account: FirmAccount, id: string): object => {
  const order = account.find(id);
  return order === null ? { id, state: 'unknown' } : orderRecord(order);
};
