import { HoldfastError } from '../wire/holdfast-error.ts';
import type { CommandContext } from './command-context.ts';

export interface Consent {
  /** `--yes`: do not ask. Skips no safety rule. */
  readonly yes: boolean;
  /** `--plan DIGEST`: only this plan. */
  readonly digest: string | null;
}

/**
 * Asks for the target's name to be typed. With `--yes` nobody is asked; what has a plan then needs its digest. With `--dry-run`
 * there is nothing to confirm.
 * @throws HoldfastError HF-8004 nobody can be asked · HF-8005 something else was typed; nothing was done in either case
 */
export async function confirmTarget(
  { terminal, json, dryRun }: CommandContext,
  question: {
    readonly consent: Consent;
    readonly target: string;
    readonly attempted: string;
    readonly hasPlan: boolean;
  },
): Promise<void> {
  if (dryRun === true) return;
  const { consent, target, attempted, hasPlan } = question;
  if (consent.yes) {
    if (hasPlan && consent.digest === null)
      throw new HoldfastError({
        code: 'HF-8004',
        attempted,
        found: '--yes without --plan: nobody would know which plan was meant. Nothing was done',
        next: 'take the digest from `holdfast plan … --json`, then add --plan DIGEST',
      });
    return;
  }
  if (json || !terminal.interactive)
    throw new HoldfastError({
      code: 'HF-8004',
      attempted,
      found: `nobody can be asked: ${json ? '--json was given' : 'this is not a terminal'}. Nothing was done`,
      next: hasPlan ? 'run it on a terminal, or give --plan DIGEST --yes' : 'run it on a terminal, or give --yes',
    });
  const typed = await terminal.ask(`\nThis is for real. Type the target's name to go on (${target}): `);
  if (typed?.trim() === target) return;
  throw new HoldfastError({
    code: 'HF-8005',
    attempted,
    found: typed === null ? 'the input ended' : `"${typed.trim()}" was typed, not "${target}". Nothing was done`,
    next: 'start again; the name must be typed exactly',
  });
}
