import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';

/**
 * doorway SOCKET: connects, from the machine on which it runs, to whatever the first line of a connection names (`HOST PORT`), and passes
 * everything on. Prints `ready` once it listens; who may open its socket may use it, which is root.
 */
const [path = ''] = process.argv.slice(2);
rmSync(path, { force: true });
process.umask(0o077);

createServer({ allowHalfOpen: true }, (near) => {
  let head = Buffer.alloc(0);
  const onData = (bytes: Buffer) => {
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf('\n');
    if (end === -1) return;
    near.off('data', onData);
    near.pause();
    const [host = '', port = ''] = head.subarray(0, end).toString('utf8').split(' ');
    const far = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
    near.on('close', () => far.destroy());
    far.on('error', () => near.destroy());
    far.on('close', () => near.destroy());
    if (end + 1 < head.length) far.write(head.subarray(end + 1));
    near.pipe(far);
    far.pipe(near);
  };
  near.on('error', () => near.destroy());
  near.on('data', onData);
}).listen(path, () => process.stdout.write('ready\n'));
