import { mayAsk, type OperatorRequest, type Role, requestWords } from '../core/operator/operator-request.ts';
import { isRead } from '../wire/operator-api.ts';
import type { CommandContext } from './command-context.ts';
import type { CommandOutcome } from './command-outcome.ts';
import type { Controllers } from './connect/session.ts';
import { exitCodes } from './exit-code.ts';
import { roleWarning } from './role-warning.ts';
import { labelled } from './view/text.ts';

/** Ends a command with `--dry-run` where it would have changed something. */
export class DryRunEnd extends Error {
  readonly request: OperatorRequest;
  constructor(request: OperatorRequest) {
    super(`would ${requestWords(request)}`);
    this.request = request;
  }
}

/** Controllers that are only read from: what would change something ends the command instead and is not sent. */
export const readOnly = (controllers: Controllers): Controllers => ({
  names: controllers.names,
  ask: (request, options) => {
    if (!isRead(request)) throw new DryRunEnd(request);
    return controllers.ask(request, options);
  },
  history: (query) => controllers.history(query),
  follow: (options) => controllers.follow(options),
  close: () => controllers.close(),
});

/** What would have been asked for. 0 = the person's role allows it; 1 = it does not. The controllers were not asked. */
export function dryRunOutcome(context: CommandContext, { request }: DryRunEnd): CommandOutcome {
  const { name, role } = context.session.person;
  const allowed = mayAsk({ name, role: role as Role }, request);
  const exitCode = allowed ? exitCodes.ok : exitCodes.failed;
  const lines = [
    ...labelled('DRY RUN', `would ${requestWords(request)}, as ${name}. Nothing was asked for and nothing was done`),
    ...roleWarning(context, request),
  ];
  return {
    exitCode,
    text: `${lines.join('\n')}\n`,
    json: {
      dryRun: true,
      would: requestWords(request),
      request: { ...request } as never,
      roleAllows: allowed,
      exitCode,
    },
  };
}
