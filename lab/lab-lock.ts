import { connect, createServer, type Server } from 'node:net';
import { systemCode } from './lab-error.ts';

/** Who ends or claims a lab at this moment, as far as it says. */
export interface LockHolder {
  readonly pid: number;
  /** e.g. `ending it`. */
  readonly doing: string;
}

export interface LockWish {
  /** Told to whoever waits meanwhile. */
  readonly doing: string;
  readonly deadlineMs: number;
  /** Called once, when somebody else is first. Null when it does not say who it is: it may be frozen. */
  readonly onWait: (holder: LockHolder | null) => void;
  /** What is thrown when the other one is not done by the deadline. */
  readonly late: (holder: LockHolder | null) => Error;
}

const answerWithinMs = 500;

/**
 * Only one process at a time ends or claims a lab of this id; others wait until it is done or dead. The lock is a name that the
 * kernel takes back with its holder, so that nothing is ever left to be cleaned. Not to be taken again by who has it.
 */
export async function withLabLock<Value>(id: string, wish: LockWish, work: () => Promise<Value>): Promise<Value> {
  const path = `\0holdfast-lab-${id}`;
  const deadline = performance.now() + wish.deadlineMs;
  let told = false;
  for (;;) {
    const server = await take(path, { pid: process.pid, doing: wish.doing });
    if (server === 'held') {
      const leftMs = deadline - performance.now();
      const holder = await gone(path, leftMs, (who) => {
        if (!told) wish.onWait(who);
        told = true;
      });
      if (holder !== 'gone') throw wish.late(holder);
      continue;
    }
    try {
      return await work();
    } finally {
      await release(server);
    }
  }
}

interface Held {
  readonly server: Server;
  readonly waiting: Set<{ destroy(): void }>;
}

/** Null where the system gives no such names: then everybody goes on, as somebody who must end a lab has to. */
function take(path: string, holder: LockHolder): Promise<Held | 'held' | null> {
  const waiting = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => waiting.delete(socket));
    socket.write(`${JSON.stringify(holder)}\n`);
  });
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(systemCode(error) === 'EADDRINUSE' ? 'held' : null));
    server.listen(path, () => resolve({ server, waiting }));
  });
}

async function release(held: Held | null): Promise<void> {
  if (held === null) return;
  const closed = new Promise((resolve) => held.server.close(resolve));
  for (const socket of held.waiting) socket.destroy();
  await closed;
}

/** Resolves when the holder let go or died; to what is known of it when it has not within `withinMs`. */
function gone(
  path: string,
  withinMs: number,
  onHolder: (holder: LockHolder | null) => void,
): Promise<'gone' | LockHolder | null> {
  return new Promise((resolve) => {
    let holder: LockHolder | null = null;
    let said = '';
    const socket = connect(path);
    const silent = setTimeout(() => onHolder(null), Math.max(0, Math.min(answerWithinMs, withinMs)));
    const late = setTimeout(() => end(holder), Math.max(0, withinMs));
    const end = (outcome: 'gone' | LockHolder | null) => {
      clearTimeout(silent);
      clearTimeout(late);
      socket.destroy();
      resolve(outcome);
    };
    socket.on('data', (bytes) => {
      said += bytes.toString('utf8');
      if (holder !== null || !said.includes('\n')) return;
      clearTimeout(silent);
      holder = parseHolder(said);
      onHolder(holder);
    });
    socket.on('error', () => end('gone'));
    socket.on('close', () => end('gone'));
  });
}

function parseHolder(line: string): LockHolder | null {
  try {
    const { pid, doing } = JSON.parse(line) as Partial<LockHolder>;
    return typeof pid === 'number' && typeof doing === 'string' ? { pid, doing } : null;
  } catch {
    return null;
  }
}
