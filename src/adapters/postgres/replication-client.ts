import type { Deadline } from '../process/deadline.ts';
import { formatLsn, type Lsn, parseLsn } from './lsn.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { type Row, Session, type SessionAddress, type WireConnection, wire } from './session.ts';
import type { TarExtractor } from './tar-extractor.ts';
import { parseTimelineHistory, type TimelineHistory } from './timeline-history.ts';

/** Type bytes of the messages inside the copy streams (PostgreSQL manual, streaming replication protocol). */
const WAL_DATA = 0x77;
const WAL_DATA_HEADER_BYTES = 25;
const NEW_ARCHIVE = 0x6e;
const ARCHIVE_DATA = 0x64;

/** Who answers at an address, in the replication protocol. */
export interface UpstreamIdentity {
  readonly systemId: string;
  readonly history: TimelineHistory;
  /** End of its durable log. */
  readonly end: Lsn;
  readonly inRecovery: boolean;
}

/** Speaks PostgreSQL's streaming replication protocol, as pg_basebackup and walreceiver do, over one TCP connection. */
export class ReplicationClient {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  static async connect(address: Omit<SessionAddress, 'database'>, deadline: Deadline): Promise<ReplicationClient> {
    return new ReplicationClient(
      await Session.connect({ ...address, database: { replication: 'physical' } }, deadline),
    );
  }

  async identify(deadline: Deadline): Promise<UpstreamIdentity> {
    const [row] = await this.#session.query('IDENTIFY_SYSTEM', deadline);
    const timeline = Number(row?.timeline);
    const [history] = timeline > 1 ? await this.#session.query(`TIMELINE_HISTORY ${timeline}`, deadline) : [];
    return {
      systemId: row?.systemid ?? '',
      history: parseTimelineHistory(timeline, history?.content ?? ''),
      end: parseLsn(row?.xlogpos ?? '0/0'),
      inRecovery: this.#session.parameters.get('in_hot_standby') === 'on',
    };
  }

  /** The history of one timeline that the server knows; null when it does not. */
  async history(timeline: number, deadline: Deadline): Promise<TimelineHistory | null> {
    if (timeline <= 1) return { timeline: 1, ancestors: [] };
    try {
      const [row] = await this.#session.query(`TIMELINE_HISTORY ${timeline}`, deadline);
      return parseTimelineHistory(timeline, row?.content ?? '');
    } catch (error) {
      if ((error as { code?: string }).code === '58P01') return null;
      throw error;
    }
  }

  /**
   * Whether the server still has the WAL from here on: asks for it and looks at the first answer. `unknown` when nothing
   * was said in time, which is what a server with nothing to send does. Ends the connection.
   */
  async hasWal(from: Lsn, timeline: number, deadline: Deadline): Promise<'yes' | 'removed' | 'unknown'> {
    const wal = await this.readWal({ from, timeline, bytes: 1 }, deadline);
    return typeof wal === 'string' ? wal : 'yes';
  }

  /**
   * The WAL bytes of one timeline from a position on, as the server has them; fewer when it has no more and the deadline
   * passes. Ends the connection.
   */
  async readWal(
    wanted: { readonly from: Lsn; readonly timeline: number; readonly bytes: number },
    deadline: Deadline,
  ): Promise<Buffer | 'removed' | 'unknown'> {
    const request = new CopyRequest(`START_REPLICATION PHYSICAL ${formatLsn(wanted.from)} TIMELINE ${wanted.timeline}`);
    const chunks: Buffer[] = [];
    let received = 0;
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    request.onData = (chunk) => {
      if (chunk[0] !== WAL_DATA) return;
      chunks.push(Buffer.from(chunk.subarray(WAL_DATA_HEADER_BYTES)));
      received += chunk.length - WAL_DATA_HEADER_BYTES;
      if (received >= wanted.bytes) resolve();
    };
    this.#session.client.query(request as never);
    try {
      await deadline.race('reading WAL', Promise.race([enough, request.finished]));
    } catch (error) {
      if ((error as { code?: string }).code === '58P01') return 'removed';
      if (received === 0) return 'unknown';
    } finally {
      this.#session.cut();
    }
    return received === 0 ? 'unknown' : Buffer.concat(chunks).subarray(0, wanted.bytes);
  }

  /** Streams a consistent copy of the whole cluster, with the WAL that it needs, into the extractor. */
  async baseBackup(into: TarExtractor, label: string, deadline: Deadline): Promise<{ readonly bytes: number }> {
    const request = new CopyRequest(
      `BASE_BACKUP (LABEL '${label.replaceAll("'", "''")}', CHECKPOINT 'fast', WAL true, MANIFEST 'no', TARGET 'client')`,
    );
    const { stream } = wire(this.#session.client);
    let bytes = 0;
    let archives = 0;
    let paused = false;
    const resume = () => {
      paused = false;
      stream.resume();
    };
    const failed = new Promise<never>((_, reject) => {
      into.once('error', reject);
    });
    request.onData = (chunk) => {
      const kind = chunk[0];
      if (kind === NEW_ARCHIVE && ++archives > 1)
        into.destroy(
          new PostgresProblem(
            'tablespaces',
            'the upstream has tablespaces outside its data directory, which cannot be cloned',
          ),
        );
      if (kind !== ARCHIVE_DATA) return;
      bytes += chunk.length - 1;
      // The parser may reuse its buffer once this returns.
      if (!into.write(Buffer.from(chunk.subarray(1)))) {
        if (!paused) into.once('drain', resume);
        paused = true;
        stream.pause();
      }
    };
    this.#session.client.query(request as never);
    try {
      await deadline.race('receiving a base backup', Promise.race([request.finished, failed]));
      await deadline.race('writing a base backup', Promise.race([into.finish(), failed]));
      return { bytes };
    } finally {
      into.destroy();
      this.close();
    }
  }

  close(): void {
    this.#session.cut();
  }
}

/** A request of pg's query queue whose answer is (also) a COPY stream. */
class CopyRequest {
  readonly #text: string;
  readonly finished: Promise<readonly Row[]>;
  onData: (chunk: Buffer) => void = () => undefined;
  #resolve: (rows: readonly Row[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #error: unknown = null;

  constructor(text: string) {
    this.#text = text;
    const { promise, resolve, reject } = Promise.withResolvers<readonly Row[]>();
    this.finished = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    promise.catch(() => undefined);
  }

  submit(connection: WireConnection): void {
    connection.query(this.#text);
  }

  handleCopyData(message: { readonly chunk: Buffer }): void {
    this.onData(message.chunk);
  }

  handleError(error: unknown): void {
    this.#error ??= error;
    this.#reject(this.#error);
  }

  handleReadyForQuery(): void {
    this.#resolve([]);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
}
