import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './watch-log.ts';

/** SIGSTOP, and waits until no thread runs any more: the signal alone leaves a running one a few milliseconds. */
export async function freezeProcess(child: ChildProcess | null): Promise<void> {
  if (child?.pid === undefined) throw new Error('there is no process to freeze');
  const tasks = `/proc/${child.pid}/task`;
  child.kill('SIGSTOP');
  await eventually(
    () => readdirSync(tasks).every((task) => stateOf(readFileSync(`${tasks}/${task}/stat`, 'utf8')) === 'T'),
    `process ${child.pid} stands still`,
  );
}

/** The letter after the command's name, which is in parentheses and may hold anything. */
const stateOf = (stat: string): string => stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
