import { openSync, readSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * wrong-failovers-clock SECONDS PARENT first|as-any: looks at the clock every 10 ms and takes no part in anything. What it is late by is
 * divided into what the kernel says it waited for a processor, or ran, and the rest: for the rest this processor stood still,
 * because something below the kernel did. `first`: at the highest priority that it may have. One line a second, and one per
 * standstill; ends after so long, or when the process PARENT, which started it, is gone. Somebody who stops this process and continues it is no
 * standstill of the processor, and is told apart.
 */
const [secondsText, parentText, rank] = process.argv.slice(2);
const LOOKS_EVERY_MS = 10;
const TELLS_EVERY_MS = 1000;
/** Shorter ones are a timer's slack. */
const STANDSTILL_FROM_MS = 20;
const FIRST = -20;

const parent = Number(parentText);
const endsAt = performance.now() + Number(secondsText) * 1000;
const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);

if (rank === 'first') {
  try {
    setPriority(FIRST);
    // Where the kernel shares processors between sessions first, a process's own niceness says nothing.
    writeFileSync('/proc/self/autogroup', `${FIRST}`);
  } catch {
    // Not root, or a kernel without such groups.
  }
}

const accounts = openSync('/proc/self/schedstat', 'r');
const buffer = Buffer.alloc(128);
/** Milliseconds on a processor and waiting for one, as the kernel has them. */
function accounted(): number {
  const text = buffer.toString('latin1', 0, readSync(accounts, buffer, 0, buffer.length, 0));
  const [ranNs = 0, waitedNs = 0] = text.split(' ').map(Number);
  return (ranNs + waitedNs) / 1e6;
}

let at = performance.now();
let known = accounted();
let toldAt = at;
let longestLateMs = 0;
let continued = false;
process.on('SIGCONT', () => {
  continued = true;
});

/** Signals are delivered before the next turn: whether this process was continued is known only then. */
const look = (): void => void setImmediate(judge);

function judge(): void {
  const now = performance.now();
  const knownNow = accounted();
  const lateMs = now - at - LOOKS_EVERY_MS;
  const stoodStillMs = lateMs - (knownNow - known);
  if (continued) say({ kind: 'stopped', endedAt: Date.now(), ms: Math.round(lateMs) });
  else longestLateMs = Math.max(longestLateMs, lateMs);
  if (!continued && stoodStillMs >= STANDSTILL_FROM_MS)
    say({ kind: 'standstill', endedAt: Date.now(), ms: Math.round(stoodStillMs) });
  if (now - toldAt >= TELLS_EVERY_MS) {
    if (process.ppid !== parent || now > endsAt) process.exit(0);
    say({ kind: 'late', longestMs: Math.round(longestLateMs) });
    longestLateMs = 0;
    toldAt = now;
  }
  continued = false;
  at = now;
  known = knownNow;
  setTimeout(look, LOOKS_EVERY_MS);
}

process.stdout.on('error', () => process.exit(0));
setTimeout(look, LOOKS_EVERY_MS);
