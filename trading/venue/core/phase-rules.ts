import { FOK, IOC, type Phase, type Reason, type TimeInForce } from './terms.ts';

/** In which phases orders meet at once, are only collected, or are not taken. Cancels are taken in every phase. */
export const matchesAtOnce = (phase: Phase): boolean => phase === 'continuous';

export const isCall = (phase: Phase): boolean =>
  phase === 'pre-open' || phase === 'opening-auction' || phase === 'closing-auction';

/** Why a phase does not take an order of this kind, or ''. */
export const phaseRefuses = (phase: Phase, timeInForce: TimeInForce): Reason => {
  if (phase === 'closed') return 'market-closed';
  if (phase === 'halted') return 'halted';
  if (isCall(phase) && (timeInForce === IOC || timeInForce === FOK)) return 'not-in-this-phase';
  return '';
};

/**
 * Going from one phase to the other is an auction: what can trade at one price does, and market orders that find nobody end. Nothing
 * that crosses, and no market order, ever rests in continuous trading.
 */
export const uncrossesBetween = (from: Phase, to: Phase): boolean =>
  to === 'continuous' || (from === 'closing-auction' && to === 'closed');
