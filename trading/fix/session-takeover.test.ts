import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEntry } from '../engine/entry.ts';
import { type Block, blockEnd, blockRecords, EMPTY_LOG, encodeBlock, type LogEnd } from '../journal/block.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { BodyWriter } from './body-writer.ts';
import { FixAcceptor } from './fix-acceptor.ts';
import { FixInitiator } from './fix-initiator.ts';
import { KeptSession } from './kept-session.ts';
import { MemoryEntryLog } from './memory-entry-log.ts';
import { decodeFixEntry, encodeFixEntry, type FixEntry } from './session-entry.ts';
import { type EntryLog, SessionStore } from './session-store.ts';
import { TAG } from './tags.ts';

/**
 * A trading engine's replicated journal, as far as a session sees it: entries of both kinds in one chain, each block copied to a
 * replica at another place, and nothing leaves before the replica holds what it rests on. The link to the replica can be cut.
 */
class ReplicatedJournal implements EntryLog {
  readonly blocks: Block[] = [];
  readonly replica: Block[] = [];
  linkIsUp = true;
  #end: LogEnd = EMPTY_LOG;
  #waiting: { sequence: number; done: () => void }[] = [];

  write(records: readonly Buffer[]): number {
    const block = encodeBlock({ previous: this.#end, epoch: 1, committed: 0, records });
    this.#end = blockEnd(block.header);
    this.blocks.push(block);
    if (this.linkIsUp) this.replica.push(block);
    return block.header.firstSequence;
  }

  append(entries: readonly FixEntry[]): number {
    return this.write(entries.map(encodeFixEntry));
  }

  whenSafe(done: () => void): void {
    this.#waiting.push({ sequence: this.#end.sequence, done });
    const held = this.replica.reduce((sum, { header }) => sum + header.count, 0);
    while (this.#waiting.length > 0 && this.#waiting[0]!.sequence <= held) this.#waiting.shift()!.done();
  }

  read(place: number): FixEntry | null {
    const record = this.blocks.flatMap((block) => blockRecords(block))[place - 1];
    return record === undefined ? null : decodeFixEntry(record);
  }

  /** The journal as the replica has it, with all it holds, and the session that it amounts to. */
  static successor(replica: readonly Block[]): { journal: ReplicatedJournal; kept: KeptSession } {
    const journal = new ReplicatedJournal();
    const kept = new KeptSession('venue', { inMemory: 4 });
    for (const block of replica) {
      let place = journal.write(blockRecords(block));
      for (const record of blockRecords(block)) {
        const entry = decodeFixEntry(record);
        if (entry !== null) kept.apply(entry, place);
        place += 1;
      }
    }
    return { journal, kept };
  }
}

const writer = new BodyWriter();
const order = (id: string) =>
  writer
    .begin()
    .text(TAG.ClOrdID, id)
    .text(TAG.Symbol, 'HFT')
    .text(TAG.Side, '1')
    .utc(TAG.TransactTime, Date.now())
    .text(TAG.OrdType, '2')
    .int(TAG.Price, 100)
    .int(TAG.OrderQty, 1)
    .body();
const execution = (id: string) =>
  writer
    .begin()
    .text(TAG.OrderID, `O-${id}`)
    .text(TAG.ClOrdID, id)
    .text(TAG.ExecID, `E-${id}`)
    .text(TAG.ExecType, '0')
    .text(TAG.OrdStatus, '0')
    .text(TAG.Symbol, 'HFT')
    .text(TAG.Side, '1')
    .int(TAG.LeavesQty, 1)
    .int(TAG.CumQty, 0)
    .int(TAG.AvgPx, 0)
    .body();

for (const reserveAhead of [0, 16])
  test(`a successor at another place continues the session from the replicated journal (reserved ahead: ${reserveAhead})`, async () => {
    const atVenue: { id: string; possDup: boolean }[] = [];
    const acceptor = await FixAcceptor.listen(
      { host: '127.0.0.1', port: 0 },
      {
        sessions: [
          {
            session: { role: 'acceptor', senderCompId: 'VENUE', targetCompId: 'FIRM' },
            store: new SessionStore(new MemoryEntryLog(), new KeptSession('firm')),
            secondConnection: 'replace',
            application: {
              onMessage: (message, { possDup }, link) => {
                const id = message.text(TAG.ClOrdID)!;
                const known = atVenue.some((each) => each.id === id);
                atVenue.push({ id, possDup });
                if (!known) link.send('8', execution(id));
              },
              onNotice: () => {},
            },
          },
        ],
      },
    );
    const executions: { id: string; possDup: boolean }[] = [];
    const dial = (journal: ReplicatedJournal, kept: KeptSession) => {
      const initiator = new FixInitiator({
        host: '127.0.0.1',
        port: acceptor.port,
        session: { role: 'initiator', senderCompId: 'FIRM', targetCompId: 'VENUE', reserveAhead },
        store: new SessionStore(journal, kept),
        application: {
          onMessage: (message, { possDup }) => {
            const id = message.text(TAG.ClOrdID)!;
            executions.push({ id, possDup });
            journal.write([encodeEntry({ kind: 'accepted', n: executions.length, id })]);
          },
          onNotice: () => {},
        },
      });
      initiator.start();
      return initiator;
    };
    const send = (initiator: FixInitiator, journal: ReplicatedJournal, id: string) => {
      const at = Date.now();
      const fixed = { client: 'desk', symbol: 'HFT', side: 'B', price: 100, qty: 1, at } as const;
      journal.write([encodeEntry({ kind: 'order', id, ...fixed })]);
      initiator.link.send('D', order(id));
    };

    try {
      const journal = new ReplicatedJournal();
      const primary = dial(journal, new KeptSession('venue'));
      await waitUntil('the primary is logged on', () => primary.link.caughtUp);
      for (let at = 1; at <= 10; at++) send(primary, journal, `held-${at}`);
      await waitUntil('ten orders and executions went', () => executions.length === 10);

      // In doubt: the journal has them on both places, and the connection is gone before they leave.
      primary.link.cut('the line is cut');
      for (let at = 1; at <= 3; at++) send(primary, journal, `doubt-${at}`);
      await waitUntil('the journal holds them', () => primary.link.numbers.nextOut > 13);
      // Not held: the replica does not have them, so they never leave, whoever was told.
      journal.linkIsUp = false;
      for (let at = 1; at <= 2; at++) send(primary, journal, `unheld-${at}`);
      primary.close();
      assert.ok(journal.blocks.length > journal.replica.length);

      // What the venue says meanwhile waits there.
      acceptor.linkWith('FIRM')!.send('8', execution('filled-meanwhile'));

      const { journal: taken, kept } = ReplicatedJournal.successor(journal.replica);
      const successor = dial(taken, kept);
      await waitUntil('the successor is logged on and nothing is missing', () => successor.link.caughtUp);
      send(successor, taken, 'after');
      await waitUntil('the venue has the last order', () => atVenue.some(({ id }) => id === 'after'));
      await waitUntil('the firm has the last execution', () => executions.some(({ id }) => id === 'after'));

      const ids = atVenue.map(({ id }) => id);
      const held = Array.from({ length: 10 }, (_, at) => `held-${at + 1}`);
      assert.deepEqual([...new Set(ids)], [...held, 'doubt-1', 'doubt-2', 'doubt-3', 'after']);
      for (const [at, { id, possDup }] of atVenue.entries())
        assert.ok(possDup || ids.indexOf(id) === at, `${id} came again and was not marked`);
      assert.ok(atVenue.filter(({ id }) => id.startsWith('doubt')).every(({ possDup }) => possDup));
      const executed = executions.map(({ id }) => id);
      for (const id of [...ids, 'filled-meanwhile']) assert.ok(executed.includes(id), `no execution of ${id}`);
      for (const [at, { id, possDup }] of executions.entries())
        assert.ok(possDup || executed.indexOf(id) === at, `the execution of ${id} came again and was not marked`);
      successor.close();
    } finally {
      await acceptor.close();
    }
  });
