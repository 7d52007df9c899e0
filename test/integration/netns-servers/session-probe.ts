import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { lossIn } from '../../../lab/netns/path-probe.ts';
import { bringBefore } from '../../../src/adapters/system/scheduling.ts';

/**
 * On a machine of a lab. `serve NAME PORT`: answers every byte with its name. `keep NAME PORT`: the same, and ends no session. `ask HOST PORT`: asks over new sessions, one after the
 * other, and holds one from the first answer on; when its input ends it prints who answered when, as `SessionReport`. `open HOST PORT
 * EVERY_MS`: opens sessions at a fixed rhythm, whatever becomes of the earlier ones, and prints which were answered, as `ProbeReport`. `flow HOST PORT
 * EVERY_MS SESSIONS`: asks over sessions that are kept, and opened anew where they end; at each line of its input it prints what was since the last
 * one, as `FlowReport`.
 */
export interface SessionReport {
  /** In the order of their first answers. Milliseconds of the asking machine. */
  readonly answers: readonly {
    readonly name: string;
    readonly firstMs: number;
    readonly lastMs: number;
    readonly count: number;
  }[];
  readonly failures: number;
  /** Longest time between two answers. */
  readonly longestGapMs: number;
  /** Null: the held session still stood at the end. */
  readonly heldUntilMs: number | null;
}

/** From one line of the input to the next: the gap that is open then counts here, and in the next one as well. */
export interface FlowReport {
  readonly answered: number;
  /** Questions over a session that ended before the answer, and sessions that ended before they stood. */
  readonly failed: number;
  /** Longest time between two answers, of whichever session. */
  readonly longestGapMs: number;
  /** Between the last answer of one and the first of whoever answered next; null = nobody else answered. */
  readonly movedGapMs: number | null;
}

const askWithinMs = 1_000;
/** A session that the kernel asked for a second time was lost the first time. */
const openWithinMs = 300;

function serve(name: string, port: number, allowHalfOpen: boolean): void {
  const server = createServer({ allowHalfOpen }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(name));
  });
  server.listen(port, () => process.stdout.write('ready\n'));
}

/** The name that answered, and the session; null when none did. */
function ask(host: string, port: number, withinMs = askWithinMs) {
  const { promise, resolve } = Promise.withResolvers<{
    readonly name: string;
    readonly socket: ReturnType<typeof connect>;
  } | null>();
  const socket = connect({ host, port });
  const fail = () => {
    socket.destroy();
    resolve(null);
  };
  const timer = setTimeout(fail, withinMs);
  socket.on('close', () => clearTimeout(timer));
  socket.on('error', fail);
  socket.on('close', () => resolve(null));
  socket.on('connect', () => socket.write('?'));
  socket.once('data', (bytes) => {
    clearTimeout(timer);
    resolve({ name: bytes.toString('utf8'), socket });
  });
  return promise;
}

async function askOn(host: string, port: number): Promise<void> {
  const answers = new Map<string, { firstMs: number; lastMs: number; count: number }>();
  let [failures, longestGapMs, ended, lastMs] = [0, 0, false, Number.NaN];
  let heldUntilMs: number | null = null;
  let held: ReturnType<typeof connect> | null = null;
  process.stdin.on('end', () => {
    ended = true;
  });
  process.stdin.resume();
  process.stdout.write('ready\n');
  while (!ended) {
    const answer = await ask(host, port);
    const nowMs = performance.now();
    if (answer === null) {
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const { name, socket } = answer;
    if (!Number.isNaN(lastMs)) longestGapMs = Math.max(longestGapMs, nowMs - lastMs);
    lastMs = nowMs;
    const known = answers.get(name) ?? { firstMs: nowMs, lastMs: nowMs, count: 0 };
    answers.set(name, { ...known, lastMs: nowMs, count: known.count + 1 });
    if (held === null) {
      held = socket;
      socket.on('close', () => {
        heldUntilMs = performance.now();
      });
    } else socket.destroy();
  }
  const list = [...answers].map(([name, known]) => ({ name, ...known }));
  const report: SessionReport = { answers: list, failures, longestGapMs, heldUntilMs };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}

function open(host: string, port: number, everyMs: number): void {
  const sentAt: number[] = [];
  const cameBack = new Set<number>();
  const timer = setInterval(async () => {
    const index = sentAt.push(performance.now()) - 1;
    const answer = await ask(host, port, openWithinMs);
    if (answer === null) return;
    cameBack.add(index);
    answer.socket.destroy();
  }, everyMs);
  process.stdout.write('ready\n');
  process.stdin.on('end', () => {
    clearInterval(timer);
    const report = lossIn(sentAt, cameBack, performance.now() - openWithinMs);
    process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
  });
  process.stdin.resume();
}

function flow(
  host: string,
  port: number,
  { everyMs, sessions }: { readonly everyMs: number; readonly sessions: number },
) {
  let [answered, failed, longestGapMs] = [0, 0, 0];
  let last: { readonly name: string; readonly atMs: number } | null = null;
  let movedGapMs: number | null = null;
  const hear = (name: string) => {
    const atMs = performance.now();
    const gapMs = last === null ? 0 : atMs - last.atMs;
    longestGapMs = Math.max(longestGapMs, gapMs);
    if (last !== null && last.name !== name) movedGapMs = gapMs;
    last = { name, atMs };
    answered += 1;
  };
  const keepAsking = () => {
    let isAsked = true;
    const socket = connect({ host, port, noDelay: true }, () => socket.write('?'));
    socket.on('data', (bytes) => {
      isAsked = false;
      hear(bytes.toString('utf8'));
      setTimeout(() => {
        isAsked = !socket.destroyed;
        socket.write('?');
      }, everyMs);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (isAsked) failed += 1;
      setTimeout(keepAsking, 1);
    });
  };
  for (let session = 0; session < sessions; session += 1) setTimeout(keepAsking, (session * everyMs) / sessions);
  process.stdout.write('ready\n');
  createInterface({ input: process.stdin })
    .on('line', () => {
      const openMs = last === null ? 0 : performance.now() - last.atMs;
      const report: FlowReport = { answered, failed, longestGapMs: Math.max(longestGapMs, openMs), movedGapMs };
      process.stdout.write(`${JSON.stringify(report)}\n`);
      [answered, failed, longestGapMs, movedGapMs] = [0, 0, 0, null];
    })
    .on('close', () => process.exit(0));
}

// Otherwise it measures how long it waits for a processor itself.
await bringBefore(process.pid, { rank: 'serves', atMost: 'raised' });
const [role, ...args] = process.argv.slice(2);
if (role === 'serve' || role === 'keep') {
  serve(args[0]!, Number(args[1]), role === 'keep');
  process.stdin.on('end', () => process.exit(0)).resume();
} else if (role === 'open') open(args[0]!, Number(args[1]), Number(args[2]));
else if (role === 'flow') flow(args[0]!, Number(args[1]), { everyMs: Number(args[2]), sessions: Number(args[3]) });
else await askOn(args[0]!, Number(args[1]));
