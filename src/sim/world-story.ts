import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { SiteId } from '../core/base/ids.ts';
import type { JournalEntry } from '../core/run/run.ts';

/** Tells what controllers decided and wrote: all of it in the trace, and in the story what people would tell each other afterwards. */
export class WorldStory {
  readonly #say: (line: string) => void;
  readonly #story: (line: string) => void;

  constructor(to: { readonly say: (line: string) => void; readonly story: (line: string) => void }) {
    this.#say = to.say;
    this.#story = to.story;
  }

  decision(site: SiteId, data: Json): void {
    const { verdict, reason, toSite, rules } = data as unknown as {
      verdict: string;
      reason: string;
      toSite: string;
      rules: { rule: string; outcome: string }[];
    };
    this.#say(`${site} decides ${verdict} → ${toSite}: ${reason}`);
    const against = rules.filter((each) => each.outcome !== 'pass').map((each) => `${each.rule} ${each.outcome}`);
    this.#story(`${site} decides: ${verdict}, to ${toSite}${against.length > 0 ? `; ${against.join(', ')}` : ''}`);
  }

  record(record: GroupRecord): void {
    const grants = Object.values(record.grants).map(
      (grant) =>
        `${grant.component} ${grant.holder ?? 'nobody'}${grant.promotable.length > 0 ? ` +${grant.promotable.join('+')}` : ''}${grant.mode.kind === 'strict' ? '' : ` ${grant.mode.kind}`}`,
    );
    const delegates = Object.values(record.delegates ?? {}).map(
      (each) => `, ${each.component} led to ${each.holder ?? 'nobody'}`,
    );
    const writers = Object.values(record.writers ?? {}).map(
      ({ component, instance }) => `, ${component} ${instance === null ? 'closed' : `on ${instance}`}`,
    );
    this.#tell(
      `record: epoch ${record.epoch}, ${grants.join(', ')}${[...delegates, ...writers].join('')}${record.tradingEnabled ? ', trading' : ''}`,
    );
  }

  writer(site: SiteId, kind: string, data: Json): void {
    const about = Object.entries(data as Readonly<Record<string, Json>>).map(([name, value]) =>
      typeof value === 'string' ? `${name} ${value}` : `${name} ${JSON.stringify(value)}`,
    );
    this.#tell(`${site}: ${kind}: ${about.join(', ')}`);
  }

  journal({ run, events }: JournalEntry): void {
    for (const event of events) {
      if (event.kind === 'opened')
        this.#tell(`journal: ${run} opened: ${event.plan.runbook} → ${event.plan.toSite}, by ${event.by}`);
      else if (event.kind === 'abandoned') this.#tell(`journal: ${run} is given up`);
      else if (event.kind === 'closed') this.#tell(`journal: ${run} ${event.result}`);
      else if (event.kind === 'step-started') this.#say(`journal: ${event.step} begins, attempt ${event.attempt}`);
      else {
        this.#say(`journal: ${event.step} ${event.outcome} ${event.detail ?? ''}`);
        const proofs = (event.proofs ?? []).map((proof) => `${proof.scope} ${proof.method}`);
        this.#story(`journal: ${event.step} ${event.outcome}${proofs.length > 0 ? `: ${proofs.join(', ')}` : ''}`);
      }
    }
  }

  #tell(line: string): void {
    this.#say(line);
    this.#story(line);
  }
}
