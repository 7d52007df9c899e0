import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../base/coded-error.ts';
import { writeFileDurably } from '../../base/durable-file.ts';
import { emptyIdView, type IdView } from '../../base/id-view.ts';
import { FileEntryLog } from '../../fix/file-entry-log.ts';
import { type AcceptorSession, FixAcceptor } from '../../fix/fix-acceptor.ts';
import { KeptSession } from '../../fix/kept-session.ts';
import type { FixEntry } from '../../fix/session-entry.ts';
import { type EntryLog, SessionStore } from '../../fix/session-store.ts';
import type { SentMessages } from '../../fix/session-types.ts';
import { NONE } from '../core/order-table.ts';
import { Report } from '../core/report.ts';
import type { OrderPort } from '../order-port.ts';
import { REPORT_RECORD_BYTES, readReportRecord } from '../store/report-record.ts';
import { ExecutionReports } from './execution-reports.ts';
import type { FixConfig, FixSessionConfig } from './fix-config.ts';
import { FixRequest } from './fix-request.ts';
import { VENUE_TAG } from './fix-words.ts';
import { OrderTally } from './order-tally.ts';
import { VenueFixSession } from './venue-fix-session.ts';

/** Sent messages that are held in memory for each session; older ones are read from the disk. */
const IN_MEMORY = 4096;

/**
 * Order entry and drop copy in FIX 4.4; docs/reference/venue-fix.md has the messages. Each session's numbers and messages are in
 * the exchange's directory, kept after what they are about, and before anything leaves: an exchange that was killed goes on with the
 * numbers it had, and tells each session every report that its store does not have.
 */
export class FixServer {
  readonly #config: FixConfig;
  readonly #port: OrderPort;
  readonly #directory: string;
  readonly #onFailure: (error: Error) => void;
  readonly #sessions = new Map<number, VenueFixSession[]>();
  readonly #reports: ExecutionReports;
  readonly #request: FixRequest;
  #log: FileEntryLog | null = null;
  #endBeforeStore: number;
  #acceptor: FixAcceptor | null = null;

  constructor(options: {
    readonly config: FixConfig;
    readonly port: OrderPort;
    readonly directory: string;
    /** Nothing more can be promised: end the process. */
    readonly onFailure: (error: Error) => void;
    readonly endBeforeStore: number;
  }) {
    this.#endBeforeStore = options.endBeforeStore;
    this.#config = options.config;
    this.#port = options.port;
    this.#directory = options.directory;
    this.#onFailure = options.onFailure;
    const { exchange } = options.port.venue;
    const { priceDecimals } = options.config;
    this.#reports = new ExecutionReports({ exchange, tally: new OrderTally(), priceDecimals });
    this.#request = new FixRequest(exchange, priceDecimals);
  }

  /** @throws CodedError when a session's store cannot be trusted (HF-7201, HF-7255), or a firm may not be a member (HF-7256). */
  async listen(): Promise<number> {
    const { venue } = this.#port;
    const kept = this.#config.sessions.map(({ compId }) => new KeptSession(compId, { inMemory: IN_MEMORY }));
    const options = { directory: this.#directory, sync: 'none', onFailure: this.#onFailure } as const;
    const log = await FileEntryLog.open(options, kept);
    this.#log = log;
    const afterTheBooks: EntryLog = {
      append: (entries) => {
        venue.flush();
        this.#endIfAsked(entries);
        return log.append(entries);
      },
      whenSafe: (done) => log.whenSafe(done),
      read: (place) => log.read(place),
    };
    const definitions = this.#config.sessions.map((config, at) =>
      this.#define(config, kept[at]!, new SessionStore(afterTheBooks, kept[at]!)),
    );
    const sessions = definitions.map(({ session }) => session);
    const { listen } = this.#config;
    const acceptor = await FixAcceptor.listen(listen, { sessions: definitions.map(({ definition }) => definition) });
    this.#acceptor = acceptor;
    for (const [at, link] of acceptor.links.entries()) sessions[at]!.attachTo(link);
    for (const [firm, ofFirm] of this.#sessions) this.#catchUp(firm, ofFirm);
    this.#port.listen({ report: (report) => this.#reported(report, venue.symbolName(report.symbol)) });
    return acceptor.port;
  }

  async close(): Promise<void> {
    await this.#acceptor?.close();
    this.#log?.close();
  }

  /** As a process that is killed at the worst moment: the books have an order, and its session will not know that it came. */
  #endIfAsked(entries: readonly FixEntry[]): void {
    if (this.#endBeforeStore === 0 || !entries.some(({ kind }) => kind === 'fix-sent')) return;
    if (!entries.some(({ kind }) => kind === 'fix-received')) return;
    this.#endBeforeStore -= 1;
    if (this.#endBeforeStore === 0) process.kill(process.pid, 'SIGKILL');
  }

  #define(
    config: FixSessionConfig,
    kept: KeptSession,
    store: SessionStore,
  ): { readonly session: VenueFixSession; readonly definition: AcceptorSession } {
    const firm = this.#port.member(config.firm);
    if (firm === NONE) throw noMember(config);
    const path = join(this.#directory, `${fileNameOf(config.compId)}.position`);
    const { last } = this.#port.venue.ledger(firm);
    const position = Math.max(storedPosition(path), lastReportIn(kept, kept.numbers.nextOut));
    if (position > last) throw toldTooMuch(config, position, last);
    const session = new VenueFixSession({
      config,
      port: this.#port,
      firm,
      request: this.#request,
      reports: this.#reports,
      position,
      onReset: (at) => writeFileDurably(path, `${at}\n`),
    });
    this.#sessions.set(firm, [...(this.#sessions.get(firm) ?? []), session]);
    const { acceptReset, compId } = config;
    const admit: NonNullable<AcceptorSession['session']['admit']> = (logon) => session.admit(logon);
    const definition: AcceptorSession = {
      session: {
        role: 'acceptor',
        senderCompId: this.#config.compId,
        targetCompId: compId,
        acceptReset,
        admit,
        logonFields: () => session.logonFields(),
      },
      store,
      application: session,
      secondConnection: 'replace',
      onReplacing: () => session.replacing(),
    };
    return { session, definition };
  }

  /** Goes through what the firm was told so far, and tells each session what it does not have. */
  #catchUp(firm: number, sessions: readonly VenueFixSession[]): void {
    const { venue } = this.#port;
    const ledger = venue.ledger(firm);
    const report = new Report();
    const symbol = emptyIdView();
    venue.flush();
    for (let bytes = ledger.read(0); bytes.length > 0; bytes = ledger.read(report.n)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = 0; at < bytes.length; at += REPORT_RECORD_BYTES) {
        readReportRecord({ bytes, view, at }, report, symbol);
        report.firm = firm;
        if (report.kind === 'rejected') for (const session of sessions) session.refusedBefore(report.n, report.id);
        this.#tell(sessions, report, symbol);
      }
    }
  }

  #reported(report: Report, symbol: IdView): void {
    const sessions = this.#sessions.get(report.firm);
    if (sessions !== undefined) this.#tell(sessions, report, symbol);
  }

  #tell(sessions: readonly VenueFixSession[], report: Report, symbol: IdView): void {
    if (sessions.every(({ position }) => position >= report.n)) {
      this.#reports.note(report);
      return;
    }
    const message = this.#reports.ofReport(report, symbol);
    for (const session of sessions) session.tell(report.n, message);
  }
}

/** Number of the last report among a session's messages; 0 when there is none. */
const lastReportIn = (sent: SentMessages, nextOut: number): number => {
  const field = Buffer.from(`\u0001${VENUE_TAG.ReportNumber}=`, 'latin1');
  for (let seq = nextOut - 1; seq > 0; seq--) {
    const message = sent.get(seq);
    if (message === null) continue;
    const fields = Buffer.from(message.fields);
    const at = fields.lastIndexOf(field);
    if (at !== -1) return Number(fields.toString('latin1', at + field.length, fields.indexOf(1, at + 1)));
  }
  return 0;
};

const storedPosition = (path: string): number => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return 0;
  }
  const position = Number(text);
  if (Number.isSafeInteger(position) && position >= 0) return position;
  throw new CodedError({
    code: 'HF-7255',
    attempted: `read ${path}, the report from which a FIX session was told after it began again`,
    found: `it holds "${text.slice(0, 32)}"`,
    next: 'remove the file: the session is told all reports of its firm again',
  });
};

/** CompIDs may hold characters that are none of a file's name. */
const fileNameOf = (compId: string): string =>
  compId.replaceAll(/[^A-Za-z0-9_-]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);

const noMember = (config: FixSessionConfig): CodedError =>
  new CodedError({
    code: 'HF-7256',
    attempted: `offer the FIX session ${config.compId}`,
    found: `the firm ${config.firm} may not be a member here: sessions.passwords does not list it`,
    next: 'list the firm with its password, or correct fix.sessions',
  });

const toldTooMuch = (config: FixSessionConfig, position: number, last: number): CodedError =>
  new CodedError({
    code: 'HF-7255',
    attempted: `open the FIX session ${config.compId}`,
    found: `it was told reports up to ${position}, and the ledger of ${config.firm} ends at ${last}`,
    next: 'keep the directory; the exchange must not run on books that forgot what it told its members',
  });
