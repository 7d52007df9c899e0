import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { SiteId } from '../../core/base/ids.ts';
import type { MeasuredPath } from '../../core/network/network-report.ts';
import { inWindow, roundTripsOf, type Sample } from '../../core/network/round-trips.ts';
import { causeText } from '../../wire/holdfast-error.ts';
import { onBeat } from '../system/shared-beat.ts';
import { systemClock } from '../system/system-clock.ts';
import { probePacket, readProbePacket } from './probe-packet.ts';

export interface SiteProberOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly peers: readonly { readonly site: SiteId; readonly host: string; readonly port: number }[];
  readonly everyMs: number;
  readonly answerWithinMs: number;
  readonly windowMs: number;
}

interface Probed {
  readonly site: SiteId;
  readonly host: string;
  readonly port: number;
  readonly samples: Sample[];
  answeredAt: number | null;
}

interface UnderWay {
  readonly peer: Probed;
  readonly sentAt: number;
}

/** More is dropped unread: nobody needs more, and nobody is served faster than he is asked. */
export const answersPerSecond = 200;

/**
 * Sends small datagrams to the other sites and answers theirs, over one socket of its own (ADR 0020). What is not answered in time is
 * lost; what was under way while this process itself did not run is neither lost nor answered. Nothing of it is ever waited for.
 */
export class SiteProber {
  readonly #options: SiteProberOptions;
  readonly #socket: Socket;
  readonly #peers: readonly Probed[];
  readonly #underWay = new Map<string, UnderWay>();
  #endBeat: () => void = () => {};
  #lastBeatAt: number;
  #second = 0;
  #answeredInSecond = 0;
  /** Asked beyond what is answered, or not understood. */
  dropped = 0;

  private constructor(options: SiteProberOptions) {
    this.#options = options;
    this.#socket = createSocket('udp4', (message, from) => this.#heard(message, from));
    this.#lastBeatAt = systemClock.monoMs();
    this.#peers = options.peers.map((peer) => ({ ...peer, samples: [], answeredAt: null }));
  }

  /** Rejects when the address cannot be had. */
  static async open(options: SiteProberOptions): Promise<SiteProber> {
    const prober = new SiteProber(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    prober.#socket.once('error', reject);
    prober.#socket.bind({ address: options.listen.host, port: options.listen.port }, () => resolve());
    try {
      await promise;
    } catch (cause) {
      prober.#socket.close();
      throw new Error(`no probe at ${options.listen.host}:${options.listen.port}: ${causeText(cause)}`, { cause });
    }
    prober.#socket.removeListener('error', reject);
    // A refused datagram comes back as an error of the socket; it stays unanswered.
    prober.#socket.on('error', () => {});
    prober.#endBeat = onBeat(options.everyMs, () => prober.#beat());
    return prober;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** What the window holds now. */
  paths(): readonly MeasuredPath[] {
    const now = systemClock.monoMs();
    return this.#peers.map(({ site, samples, answeredAt }) => ({
      to: site,
      trips: roundTripsOf(inWindow(samples, now, this.#options.windowMs)),
      answeredMsAgo: answeredAt === null ? null : Math.round(now - answeredAt),
    }));
  }

  close(): void {
    this.#endBeat();
    this.#socket.close();
  }

  #beat(): void {
    const now = systemClock.monoMs();
    const { everyMs, answerWithinMs, windowMs } = this.#options;
    const away = now - this.#lastBeatAt > everyMs + answerWithinMs / 2;
    this.#lastBeatAt = now;
    if (away) this.#underWay.clear();
    for (const [nonce, { peer, sentAt }] of this.#underWay)
      if (now - sentAt > answerWithinMs) this.#decide(nonce, peer, { sentAt, rttMs: null });
    for (const peer of this.#peers) {
      const old = peer.samples.findIndex(({ sentAt }) => now - sentAt <= windowMs);
      peer.samples.splice(0, old === -1 ? peer.samples.length : old);
      const nonce = randomBytes(8).toString('hex');
      const sentAt = systemClock.monoMs();
      this.#underWay.set(nonce, { peer, sentAt });
      this.#socket.send(probePacket({ kind: 'ask', nonce }), peer.port, peer.host, () => {});
    }
  }

  #heard(message: Buffer, from: RemoteInfo): void {
    const now = systemClock.monoMs();
    const packet = readProbePacket(message);
    if (packet === null) {
      this.dropped += 1;
      return;
    }
    if (packet.kind === 'ask') {
      if (this.#mayAnswer(now))
        this.#socket.send(probePacket({ kind: 'answer', nonce: packet.nonce }), from.port, from.address, () => {});
      return;
    }
    const asked = this.#underWay.get(packet.nonce);
    if (asked === undefined || asked.peer.host !== from.address || asked.peer.port !== from.port) {
      this.dropped += 1;
      return;
    }
    const { peer, sentAt } = asked;
    const rttMs = now - sentAt;
    if (rttMs > this.#options.answerWithinMs) return this.#decide(packet.nonce, peer, { sentAt, rttMs: null });
    peer.answeredAt = now;
    this.#decide(packet.nonce, peer, { sentAt, rttMs });
  }

  /** Answers may overtake one another; samples stay in the order in which they were sent. */
  #decide(nonce: string, { samples }: Probed, sample: Sample): void {
    this.#underWay.delete(nonce);
    let at = samples.length;
    while (at > 0 && samples[at - 1]!.sentAt > sample.sentAt) at -= 1;
    samples.splice(at, 0, sample);
  }

  #mayAnswer(now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#answeredInSecond = 0;
    }
    if (this.#answeredInSecond >= answersPerSecond) {
      this.dropped += 1;
      return false;
    }
    this.#answeredInSecond += 1;
    return true;
  }
}
