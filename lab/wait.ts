import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Looks every 5 ms until the condition holds; throws when it does not within the deadline. */
export async function waitFor(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The end of a text file, at most 16 KiB of it; empty when there is none. */
export const lastLines = (file: string, count: number): string =>
  readTail(file, 0).trimEnd().split('\n').slice(-count).join('\n');

/** What was written after `offset`, at most its last 16 KiB; empty when there is no such file. */
export const textAfter = (file: string, offset: number): string => readTail(file, offset);

function readTail(file: string, offset: number): string {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const size = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.max(0, Math.min(size - offset, 16_384)));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(fd);
  }
}
