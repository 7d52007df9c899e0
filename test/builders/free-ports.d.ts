/**
 * Ports of an address that nobody listens on at the moment, each once. A port that the system picks for `listen(0)` may be the local
 * end of somebody's connection a moment later; these are none that it picks.
 */
export declare function freePorts(count: number, host?: string): Promise<readonly number[]>;
export declare function freePort(host?: string): Promise<number>;
