import { readFileSync } from 'node:fs';
import { isDead, isGone, type ProcEntry, readProcess } from './proc-entry.ts';

/** A process that others started, on this machine, named by its pid and its start. */
export interface WatchedProcess {
  readonly pid: number;
  /** It executes nothing any more: a fact. False also where that cannot be told. */
  hasEnded(): boolean;
  /** SIGKILL; what has ended already is left alone. Throws where that is not allowed. */
  kill(): void;
}

export interface ExpectedProcess {
  readonly pid: number;
  readonly command: string;
  /** As it says itself. */
  readonly upMs: number;
}

/** Clocks are read one after the other, and a server counts in whole seconds. */
const toleranceMs = 2_500;
const tickMs = 10;

/** Null where no process of this machine, as seen from here, fits: a pid of another machine or container names somebody else. */
export function watchProcess({ pid, command, upMs }: ExpectedProcess): WatchedProcess | null {
  const seen = readProcess(pid);
  const upSinceBootMs = bootAgeMs();
  if (seen === null || upSinceBootMs === null || isDead(seen) || seen.command !== command) return null;
  if (Math.abs(upSinceBootMs - seen.startTicks * tickMs - upMs) > toleranceMs) return null;
  const isIt = (now: ProcEntry) => now.startTicks === seen.startTicks;
  return {
    pid,
    hasEnded: () => {
      const now = readProcess(pid);
      return now === null ? isGone(pid) : !isIt(now) || isDead(now);
    },
    kill: () => {
      const now = readProcess(pid);
      if (now !== null && isIt(now) && !isDead(now)) process.kill(pid, 'SIGKILL');
    },
  };
}

function bootAgeMs(): number | null {
  try {
    return 1000 * Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  } catch {
    return null;
  }
}
