import { createSocket, type Socket } from 'node:dgram';
import type { Address } from '../layout.ts';
import type { DelayLine } from './delay-line.ts';
import { bindTo } from './listen.ts';
import type { PathState } from './path-model.ts';
import type { Path } from './relay.ts';

interface Exchange {
  readonly socket: Socket;
  readonly forward: DelayLine;
  readonly back: DelayLine;
  usedAtMs: number;
}

/** Like a router's: who was silent this long is another one when it speaks again. */
const forgottenAfterMs = 60_000;
const mostPeers = 64;

/**
 * Carries datagrams to another address and what comes back from there, each peer with a socket of its own. Unlike a stream's bytes, what is
 * sent while the path is cut is lost, and so is the share that the path loses; the rest arrives after the path's latency, in order.
 */
export class DatagramRelay {
  readonly #path: Path;
  readonly #target: Address;
  readonly #socket: Socket;
  readonly #peers = new Map<string, Exchange>();
  /** Datagrams that the path lost, both ways. */
  lost = 0;

  constructor(path: Path, target: Address) {
    this.#path = path;
    this.#target = target;
    this.#socket = createSocket('udp4', (message, { address, port }) => {
      const peer = this.#peer(address, port);
      if (peer !== null && this.#passes(this.#path.forward.state)) peer.forward.send(message);
    });
  }

  /** Peers that it knows at present. */
  get connections(): number {
    return this.#peers.size;
  }

  listen(address: Address): Promise<void> {
    return bindTo(this.#socket, address);
  }

  close(): void {
    this.#socket.close();
    for (const [name, peer] of this.#peers) this.#forget(name, peer);
  }

  #peer(address: string, port: number): Exchange | null {
    const name = `${address}:${port}`;
    const now = performance.now();
    const known = this.#peers.get(name);
    if (known !== undefined) {
      known.usedAtMs = now;
      return known;
    }
    for (const [other, peer] of this.#peers) if (now - peer.usedAtMs > forgottenAfterMs) this.#forget(other, peer);
    if (this.#peers.size >= mostPeers) return null;
    const peer = this.#open(address, port);
    this.#peers.set(name, peer);
    return peer;
  }

  #open(address: string, port: number): Exchange {
    const { host, port: targetPort } = this.#target;
    const forward = this.#path.forward.line((parcels) => {
      for (const parcel of parcels) if (typeof parcel !== 'string') socket.send(parcel, targetPort, host, () => {});
      return 'ready';
    });
    const back = this.#path.back.line((parcels) => {
      for (const parcel of parcels) if (typeof parcel !== 'string') this.#socket.send(parcel, port, address, () => {});
      return 'ready';
    });
    const socket = createSocket('udp4', (message, from) => {
      if (from.address === host && from.port === targetPort && this.#passes(this.#path.back.state)) back.send(message);
    });
    socket.on('error', () => {});
    return { socket, forward, back, usedAtMs: performance.now() };
  }

  #passes({ open, lossPercent }: PathState): boolean {
    const passes = open && (lossPercent === 0 || Math.random() * 100 >= lossPercent);
    if (!passes) this.lost += 1;
    return passes;
  }

  #forget(name: string, { socket, forward, back }: Exchange): void {
    this.#peers.delete(name);
    forward.close();
    back.close();
    socket.close();
  }
}
