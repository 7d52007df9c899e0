import { createInterface } from 'node:readline';
import { hostMonoMs } from '../../src/adapters/process/host-clock.ts';
import { bringBefore } from '../../src/adapters/system/scheduling.ts';
import { type Place, type Service, type Session, sessionAt } from './client-doors.ts';
import type { Acknowledgement, ClientReport } from './client-report.ts';

/**
 * An independent client, the same for every kind of failover. One line of its input says where it writes. It looks at all places again and
 * again as a proxy would, writes numbered writes to the one that says it is the writer, and looks anew when a write fails. It prints a
 * line whenever another place acknowledges, and its report when its input ends.
 */
export interface ClientWish {
  readonly service: Service;
  readonly places: readonly Place[];
  /** Its writes have the numbers after it. */
  readonly first: number;
}

/** A line of its output. */
export type ClientLine =
  | { readonly kind: 'served'; readonly place: string; readonly atMs: number }
  | { readonly kind: 'report'; readonly report: ClientReport };

const writeEveryMs = 5;
const lookEveryMs = 20;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const tell = (line: ClientLine, then: () => void = () => {}) =>
  void process.stdout.write(`${JSON.stringify(line)}\n`, then);

/** Whoever says so first; null when it is over before. One that does not answer holds up nobody. */
async function findWriter({ service, places }: ClientWish, isOver: () => boolean) {
  const looking = new Set<Place>();
  const found: { readonly place: Place; readonly session: Session }[] = [];
  let taken = false;
  const look = async (place: Place) => {
    looking.add(place);
    const session = await sessionAt(service, place);
    looking.delete(place);
    if (session === null) return;
    if (taken) session.close();
    else found.push({ place, session });
  };
  while (found.length === 0 && !isOver()) {
    for (const place of places) if (!looking.has(place)) void look(place);
    await pause(lookEveryMs);
  }
  taken = true;
  for (const { session } of found.slice(1)) session.close();
  return found[0] ?? null;
}

async function write(wish: ClientWish, isOver: () => boolean): Promise<ClientReport> {
  const acknowledged: Acknowledgement[] = [];
  const unknown: number[] = [];
  let writer: Awaited<ReturnType<typeof findWriter>> = null;
  let id = wish.first;
  while (!isOver()) {
    writer ??= await findWriter(wish, isOver);
    if (writer === null) break;
    id += 1;
    const sentAtMs = hostMonoMs();
    if (await writer.session.write(id)) {
      const { name } = writer.place;
      const atMs = hostMonoMs();
      if (acknowledged.at(-1)?.place !== name) tell({ kind: 'served', place: name, atMs });
      acknowledged.push({ id, place: name, sentAtMs, atMs });
    } else {
      unknown.push(id);
      writer.session.close();
      writer = null;
    }
    await pause(writeEveryMs);
  }
  writer?.session.close();
  return { sent: id - wish.first, acknowledged, unknown };
}

// Otherwise it measures how long it waits for a processor itself.
await bringBefore(process.pid, { rank: 'serves', atMost: 'raised' });
let over = false;
createInterface({ input: process.stdin })
  .once('line', (line) => {
    void write(JSON.parse(line) as ClientWish, () => over).then((report) =>
      tell({ kind: 'report', report }, () => process.exit(0)),
    );
  })
  .on('close', () => {
    over = true;
  });
