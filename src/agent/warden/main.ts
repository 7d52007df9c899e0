import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { setPriority } from 'node:os';
import { parseWardenAddress } from '../../adapters/gate/warden-protocol.ts';
import { WardenServer } from './warden-server.ts';

/**
 * warden ADDRESS TOKEN_FILE: closes the gates of one host when their agent stops refreshing them. Started beside the agent,
 * not by it. Prints `{"event":"ready"}` once it listens, then one line per closed gate.
 */
const [addressText, tokenFile] = process.argv.slice(2);
if (addressText === undefined || tokenFile === undefined) {
  process.stderr.write('usage   warden unix:PATH|abstract:NAME|tcp:HOST:PORT TOKEN_FILE\n');
  process.exit(2);
}
const print = (line: string) => void process.stdout.write(`${line}\n`);
try {
  // On a busy host the warden goes first, where it may.
  setPriority(-20);
} catch {
  // An ordinary user may not; its bound is then the scheduler's.
}
try {
  const server = new WardenServer({ token: readFileSync(tokenFile, 'utf8').trim(), log: print });
  await server.listen(parseWardenAddress(addressText));
  // Stripping types costs 17 MB for as long as the process lives; the next warden finds the result and does without.
  flushCompileCache();
  print(JSON.stringify({ event: 'ready', pid: process.pid }));
} catch (error) {
  process.stderr.write(
    `HF-6403 the warden could not start: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
}
