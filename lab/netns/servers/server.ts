import type { PlannedNode } from '../network-plan.ts';

/** One server of a lab, on one machine: what it starts with, how it is started, and how it is known to serve. */
export interface LabServer {
  /** Unique on its machine; also its directory there. Letters, digits, dashes. */
  readonly name: string;
  readonly node: PlannedNode;
  /** A user that the server's Debian package made. */
  readonly user: string;
  /**
   * By name, in its directory; 0600 and the user's own. Written once, before the first start: what the server changes in them stays over
   * a loss of power, as on a disk.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Stays in the foreground, begins in the server's directory, and names it `serverDirectory(name)`. */
  readonly command: readonly [string, ...string[]];
  /** Leases wait for it, or clients: it comes before the other work of this machine, as the platform does. */
  readonly comesFirst?: true;
  /** What it lacks to serve, in words; null when nothing. Asked again until then. */
  readonly lacks: (ask: AskMachine) => Promise<string | null>;
}

/** Runs a command on the server's machine and returns what it prints; null when it failed or took too long. */
export type AskMachine = (command: readonly string[]) => Promise<string | null>;

/** The same on every machine and for every checkout, so that no path of the caller's gets into a configuration. */
export const serverDirectory = (name: string): string => `/run/servers/${name}`;

/** The key of its process: `kill`, `freeze` and `restart` of the lab take it; power is its host's. */
export const serverKey = ({ name, node }: Pick<LabServer, 'name' | 'node'>): string =>
  `${name}/${node.host ?? node.id.replaceAll('/', '-')}`;

/** For servers that are ready as soon as they listen. */
export const listens = (port: number) => async (ask: AskMachine) => {
  const lines = await ask(['ss', '-Hltn', `sport = :${port}`]);
  return lines === null || lines.trim() === '' ? `nobody listens on port ${port}` : null;
};
