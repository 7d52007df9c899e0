import { createServer } from 'node:net';
/** Below the range that systems give to outgoing connections (Linux: from 32768), above what servers commonly listen on. */
const FIRST_PORT = 12_000;
const LAST_PORT = 19_999;
const TRIES = 200;
const held = (port, host) => new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, host, () => resolve(server));
});
/**
 * Ports of an address that nobody listens on at the moment, each once. A port that the system picks for `listen(0)` may be the local
 * end of somebody's connection a moment later; these are none that it picks.
 */
export async function freePorts(count, host = '127.0.0.1') {
    const servers = new Map();
    for (let tries = 0; servers.size < count && tries < TRIES + count; tries += 1) {
        const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
        const server = servers.has(port) ? null : await held(port, host);
        if (server !== null)
            servers.set(port, server);
    }
    await Promise.all([...servers.values()].map((server) => new Promise((resolve) => server.close(resolve))));
    if (servers.size < count)
        throw new Error(`found ${servers.size} of ${count} free ports of ${host}`);
    return [...servers.keys()];
}
export async function freePort(host = '127.0.0.1') {
    const [port] = await freePorts(1, host);
    if (port === undefined)
        throw new Error(`no free port of ${host}`);
    return port;
}
//# sourceMappingURL=free-ports.js.map