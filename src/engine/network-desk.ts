import type { Json } from '../core/base/canonical-json.ts';
import { siteId } from '../core/base/ids.ts';
import { testLimits } from '../core/network/throughput.ts';
import { type OperatorRequest, requestWords } from '../core/operator/operator-request.ts';
import type { Asked, DeskService } from './desk-service.ts';

type TestRequest = Extract<OperatorRequest, { kind: 'network-test' }>;

/** Where people ask for a measurement. It is bounded, changes nothing but takes some of a path, so it is evidence who asked. */
export class NetworkDesk {
  readonly #service: DeskService;

  constructor(service: DeskService) {
    this.#service = service;
  }

  /** Answers with the id under which the result is told, or refuses: HF-4125 when nobody measures that path or the size is beyond the limits. */
  test(request: TestRequest, asked: Asked): void {
    const { controller } = this.#service;
    const { from, to, bytes } = request;
    const host = controller.network.proberOf(siteId(from));
    const refuse = (found: string, next: string) =>
      this.#service.refuse(asked, { code: 'HF-4125', tried: requestWords(request), found, next });
    if (controller.config.topology.network === undefined)
      return refuse('the topology has no "network:" section', 'add "network: {}" and start its processes with it');
    if (host === null || controller.network.proberOf(siteId(to)) === null || from === to)
      return refuse(
        `nobody measures from ${from} to ${to}`,
        `two different sites of: ${controller.config.topology.sites.map(({ id }) => id).join(', ')}`,
      );
    if (bytes < testLimits.leastBytes || bytes > testLimits.mostBytes)
      return refuse(
        `${bytes} bytes are not between ${testLimits.leastBytes} and ${testLimits.mostBytes}`,
        'give another number of bytes',
      );
    const { name, role } = asked.person;
    controller.emit({
      kind: 'evidence',
      entry: {
        kind: 'operator-command',
        group: null,
        run: null,
        epoch: null,
        term: controller.leadership.term,
        data: { person: name, role, request: request as unknown as Json },
      },
    });
    const id = `${controller.config.id}-${asked.ticket}-${asked.wall}`;
    controller.emit({ kind: 'network-test', host, test: { id, to: siteId(to), bytes } });
    this.#service.answer(asked, { kind: 'ok', result: { id, host, withinMs: testLimits.withinMs } });
  }
}
