import type { LinkTiming } from '../adapters/peer-link/frame-socket.ts';
import { PeerDialer } from '../adapters/peer-link/peer-dialer.ts';
import type { ChainHeadNotice, PeerFrame } from '../adapters/peer-link/peer-frames.ts';
import type { HostReport } from '../core/health/host-report.ts';
import type { NetworkReport } from '../core/network/network-report.ts';
import type { NetworkTest, NetworkTestResult } from '../core/network/throughput.ts';
import type { AgentReport, Command, CommandOutcome } from '../engine/messages.ts';
import type { PeerIdentity, TlsIdentity } from '../wire/peer-identity.ts';
import type { ClockAnswer } from './host-watch.ts';

export interface ControllerLinksOptions {
  readonly controllers: readonly { readonly site: string; readonly host: string; readonly port: number }[];
  readonly self: PeerIdentity;
  readonly boot: string;
  readonly identity: TlsIdentity;
  readonly timing?: LinkTiming;
  /** Somebody wants a path measured. */
  readonly onNetworkTest: (test: NetworkTest) => void;
  readonly onCommand: (command: Command) => void;
  readonly onClock: (answer: ClockAnswer) => void;
  readonly log: (line: string) => void;
}

/** Outcomes kept for a controller whose link is down; more than this and the oldest go: it will ask again. */
const KEPT_OUTCOMES = 64;

/** The agent's links, one to every controller. */
export class ControllerLinks {
  readonly #links: readonly Link[];
  #lastReport: string | null = null;
  #head: ChainHeadNotice | null = null;

  constructor(options: ControllerLinksOptions) {
    this.#links = options.controllers.map((controller) => new Link(controller, options, () => this.#greeting()));
  }

  /** To every controller that can be reached; a report that could not be sent is replaced by the next. */
  report(report: AgentReport): void {
    this.#lastReport = lineOf({ t: 'report', report });
    for (const link of this.#links) link.dialer.sendLine(this.#lastReport);
  }

  /** To every controller: whoever leads now may not be the one that asked. */
  answer(outcome: CommandOutcome): void {
    const line = lineOf({ t: 'outcome', outcome });
    for (const link of this.#links) link.deliver(line);
  }

  head(head: ChainHeadNotice): void {
    if (this.#head?.hash === head.hash) return;
    this.#head = head;
    for (const link of this.#links) link.dialer.send({ t: 'head', head });
  }

  /** To every controller that can be reached; nothing of it is kept. */
  network(report: NetworkReport): void {
    const line = lineOf({ t: 'network', report });
    for (const link of this.#links) link.dialer.sendLine(line);
  }

  /** To every controller that can be reached; the next one replaces it. */
  host(report: HostReport): void {
    const line = lineOf({ t: 'host', report });
    for (const link of this.#links) link.dialer.sendLine(line);
  }

  networkResult(result: NetworkTestResult): void {
    const line = lineOf({ t: 'network-result', result });
    for (const link of this.#links) link.dialer.sendLine(line);
  }

  close(): void {
    for (const link of this.#links) link.dialer.close();
  }

  #greeting(): readonly string[] {
    return [
      ...(this.#lastReport === null ? [] : [this.#lastReport]),
      ...(this.#head === null ? [] : [lineOf({ t: 'head', head: this.#head })]),
    ];
  }
}

class Link {
  readonly dialer: PeerDialer;
  readonly #kept: string[] = [];
  readonly #greeting: () => readonly string[];
  #complainedOf: string | null = null;

  constructor(
    controller: ControllerLinksOptions['controllers'][number],
    options: ControllerLinksOptions,
    greeting: () => readonly string[],
  ) {
    const { self, boot, identity, timing, onCommand, onClock, onNetworkTest, log } = options;
    this.#greeting = greeting;
    this.dialer = new PeerDialer({
      host: controller.host,
      port: controller.port,
      expect: { name: controller.site, role: 'controller' },
      self,
      boot,
      identity,
      ...(timing === undefined ? {} : { timing }),
      sink: {
        up: () => {
          this.#complainedOf = null;
          log(`controller ${controller.site}: linked`);
          this.#catchUp();
        },
        down: (reason) => log(`controller ${controller.site}: link lost: ${reason}`),
        unreachable: (reason) => {
          if (this.#complainedOf !== reason) log(`controller ${controller.site}: not reached: ${reason}`);
          this.#complainedOf = reason;
        },
        frame: (frame) => {
          if (frame.t === 'command') onCommand(frame.command);
          if (frame.t === 'network-test') onNetworkTest(frame.test);
          if (frame.t === 'clock') onClock({ controller: controller.site, ...frame.clock });
        },
      },
    });
  }

  deliver(line: string): void {
    if (this.dialer.sendLine(line)) return;
    this.#kept.push(line);
    if (this.#kept.length > KEPT_OUTCOMES) this.#kept.shift();
  }

  #catchUp(): void {
    for (const line of [...this.#greeting(), ...this.#kept.splice(0)]) this.dialer.sendLine(line);
  }
}

const lineOf = (frame: PeerFrame): string => `${JSON.stringify(frame)}\n`;
