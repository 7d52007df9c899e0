import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createToken } from '../../pki.ts';

/** Passwords and keys of a lab's servers: each a line of text in a file of its own, 0600, made when it is first asked for. */
export const secretFiles =
  (directory: string) =>
  (name: string): string => {
    const file = join(directory, `server-${name}.secret`);
    return existsSync(file) ? file : createToken(file);
  };

/** What is in these files. */
export const serverSecrets =
  (directory: string) =>
  (name: string): string =>
    readFileSync(secretFiles(directory)(name), 'utf8').trim();
