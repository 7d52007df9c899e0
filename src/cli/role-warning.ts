import { type OperatorRequest, ROLES, riskIn, roleNeeded } from '../core/operator/operator-request.ts';
import type { CommandContext } from './command-context.ts';
import { labelled } from './view/text.ts';

/**
 * Said before the target has to be typed, so that nobody learns it only afterwards. The connection file is not believed over the
 * certificate: the controllers decide.
 */
export function roleWarning({ session }: CommandContext, request: OperatorRequest): readonly string[] {
  const { name, role } = session.person;
  const needed = roleNeeded(request);
  const held = ROLES.indexOf(role as (typeof ROLES)[number]);
  if (held < 0 || held >= ROLES.indexOf(needed)) return [];
  return labelled(
    'ROLE',
    `${riskIn(request)} needs ${needed}; ${name} is ${role}, so this will be refused (--as NAME)`,
  );
}
