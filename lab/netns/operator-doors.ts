import { connect, createServer, type Server } from 'node:net';
import { listenOn } from '../net/listen.ts';
import { type Door, doorsOf, type NamespaceBook } from './namespace-book.ts';

/** Where the clients' machine hears of connections that people make: in its own directory, and as the ground, which works in the lab's, sees it. */
export const doorSocket = 'doors';
const seenFromGround = `machines/client/${doorSocket}`;

/**
 * Programs of people run in no namespace of a lab. What they connect to is a loopback address of the lab's; each connection goes on from
 * the clients' machine (`doorway.ts`), over the routers, so that whoever is cut off from clients is cut off from people, too.
 */
export function openDoors(book: NamespaceBook): Promise<readonly Server[]> {
  return Promise.all(doorsOf(book.layout).map((door) => openDoor(door, book)));
}

async function openDoor({ endpoint, listen }: Door, book: NamespaceBook): Promise<Server> {
  const { host, port } = book.realAddress(endpoint);
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    // Relative: the path of a socket may not be long, and the checkout's may be.
    const far = connect({ path: seenFromGround, allowHalfOpen: true });
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    far.write(`${host} ${port}\n`);
    near.pipe(far);
    far.pipe(near);
  });
  await listenOn(server, listen);
  return server;
}
