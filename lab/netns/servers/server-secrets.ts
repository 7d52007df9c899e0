import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createToken } from '../../pki.ts';

/** Passwords and keys of a lab's servers: each a line of text in a file of its own, 0600, made when it is first asked for. */
export function serverSecrets(directory: string): (name: string) => string {
  return (name) => {
    const file = join(directory, `server-${name}.secret`);
    if (!existsSync(file)) createToken(file);
    return readFileSync(file, 'utf8').trim();
  };
}
