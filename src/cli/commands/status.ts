import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { exitCodes } from '../exit-code.ts';
import { readKnowledge } from '../read-knowledge.ts';
import type { Knowledge } from '../view/knowledge.ts';
import { standingOf } from '../view/standing.ts';
import { statusScreen } from '../view/status-screen.ts';
import { elapsedText } from '../view/time-text.ts';

export interface StatusOptions {
  /** Older than this and the answer is no answer: exit 5. */
  readonly maxAgeMs: number;
}

/** One screen. 0 = read and fresh; 5 = what the controller knows is older than `maxAgeMs`, or nobody leads. */
export async function statusCommand(context: CommandContext, options: StatusOptions): Promise<CommandOutcome> {
  const knowledge = await readKnowledge(context.session.controllers, context.group);
  const staleMs = staleness(knowledge, options.maxAgeMs);
  const lines = [...statusScreen(knowledge)];
  if (staleMs !== null)
    lines.splice(
      Math.min(lines.length, 23),
      0,
      `STALE   HF-8009 what ${knowledge.status.controller.id} knows is ${elapsedText(staleMs)} old`,
    );
  const exitCode = staleMs === null ? exitCodes.ok : exitCodes.unknown;
  return {
    exitCode,
    text: `${lines.slice(0, 24).join('\n')}\n`,
    json: { ...summaryOf(knowledge), status: knowledge.raw, exitCode },
  };
}

/** Age of the answer where that is more than may be; infinite when the controller never heard the authority. */
export function staleness({ status, receivedMsAgo }: Knowledge, maxAgeMs: number): number | null {
  const { heardMsAgo } = status.authority;
  const ageMs = heardMsAgo === null ? Number.POSITIVE_INFINITY : heardMsAgo + receivedMsAgo;
  return ageMs > maxAgeMs ? ageMs : null;
}

/** What the screen concludes, for scripts; changes only when something happened, not with every passing second. */
export function summaryOf(knowledge: Knowledge) {
  const { status, outlooks } = knowledge;
  return {
    groups: status.groups.map((group) => {
      const standing = standingOf(knowledge, group);
      const outlook = outlooks[group.group];
      return {
        group: group.group,
        state: standing.state,
        word: standing.word.replace(/ LOST .*/, ' LOST'),
        activeSite: group.record?.activeSite ?? null,
        epoch: group.record?.epoch ?? null,
        tradingEnabled: group.record?.tradingEnabled ?? null,
        holders: Object.fromEntries(
          Object.values(group.record?.grants ?? {}).map((grant) => [grant.component, grant.holder]),
        ),
        durability: Object.fromEntries(
          Object.values(group.record?.grants ?? {}).map((grant) => [grant.component, grant.mode.kind]),
        ),
        sites: Object.fromEntries(group.sites.map((site) => [site.site, site.state])),
        instances: Object.fromEntries(
          group.instances.map((each) => [each.instance, each.fresh ? each.state : 'unknown']),
        ),
        frozenBy: group.brakes.frozen?.by ?? null,
        maintenanceBy: group.brakes.maintenance?.by ?? null,
        waitsForApproval:
          status.controller.leading && group.decision?.verdict === 'ask-approval' ? group.decision.digest : null,
        run:
          group.run === null || group.run.result !== null
            ? null
            : { run: group.run.run, step: group.run.steps.find((step) => step.state !== 'finished')?.step.id ?? null },
        next:
          outlook?.kind === 'planned'
            ? {
                toSite: outlook.receipt.toSite,
                verdict: outlook.receipt.verdict,
                notPassing: outlook.receipt.rules.filter((rule) => rule.outcome !== 'pass').map((rule) => rule.rule),
              }
            : null,
      };
    }),
    answeredBy: status.controller.id,
    leading: status.controller.leading,
  };
}
