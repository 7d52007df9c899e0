import type { Invariant } from './checkers.ts';

/** A seed that once showed something wrong. With today's code it is another world than then; it is one more that must hold. */
export interface KeptSeed {
  readonly seed: number;
  readonly invariant: Invariant;
  /** What had been wrong. */
  readonly why: string;
}

export const KEPT_SEEDS: readonly KeptSeed[] = [
  {
    seed: 105303,
    invariant: 'I10',
    why: 'an agent that had been told a record by a command, and read the authority for the first time after it was restored, never believed another record',
  },
  {
    seed: 489,
    invariant: 'assertion',
    why: 'a refused compare-and-set showed a new leader the journal’s head before the watch brought the entry: it went on from a state of the run that was over',
  },
  {
    seed: 103784,
    invariant: 'I10',
    why: 'the answer of a promotion was late, its gate was not kept open meanwhile, and the run asked for another reign in the same epoch until its deadline',
  },
  { seed: 125665, invariant: 'I10', why: 'as 103784, twice in a row: nobody served for 40 s' },
  {
    seed: 200,
    invariant: 'I10',
    why: 'a database that had halted for want of its peer stayed halted after the peer was back',
  },
  { seed: 255, invariant: 'I10', why: 'as 200, an engine' },
  { seed: 331, invariant: 'I10', why: 'as 200, after a take-over' },
  {
    seed: 610,
    invariant: 'H5',
    why: 'a leader that had been frozen made a quorum of silence out of words that the others had written seconds before',
  },
  { seed: 111617, invariant: 'H5', why: 'words that had waited in a cut made a quorum of silence when it healed' },
  { seed: 111955, invariant: 'H5', why: 'as 111617' },
  { seed: 114555, invariant: 'H5', why: 'as 111617' },
  {
    seed: 752,
    invariant: 'I9',
    why: 'an older acknowledgement set, asked for over a slow driver, undid a newer one',
  },
  {
    seed: 480,
    invariant: 'H5',
    why: 'the checker called a host steadily heard that was at the very end of what a detector bears',
  },
  {
    seed: 127468,
    invariant: 'I4',
    why: 'the checker took a promotion for done that came too late for its own lease, and is refused',
  },
  {
    seed: 131938,
    invariant: 'I10',
    why: 'the person at the desk accepted losses for ever, and never lifted the fence that was in the way',
  },
  {
    seed: 4079,
    invariant: 'I9',
    why: 'a standby acknowledged for a reign of which it had not been told, and an older order made it cut that',
  },
  {
    seed: 414299,
    invariant: 'I4',
    why: 'a member came into the record before it had what was released while nobody waited for it',
  },
  {
    seed: 2642,
    invariant: 'I10',
    why: 'the person at the desk said nothing when the loss that was accepted was another one than the plan’s',
  },
  {
    seed: 9576,
    invariant: 'I10',
    why: 'what the authority had sent to an agent that died reached the one that took its place, from a store that was gone',
  },
  {
    seed: 2928,
    invariant: 'I10',
    why: 'a promotion that waited for its lease when the authority was restored waited for ever: its agent stopped no primary that had come up by itself, and nobody could adopt the store',
  },
  {
    seed: 135837,
    invariant: 'I3',
    why: 'the checker took an order to promote for a promotion that came late to a process that had been killed',
  },
  {
    seed: 92013,
    invariant: 'I10',
    why: 'a fault began after all of them had been ended: the leader whose freeze was ended last went on to the step that called for it',
  },
  {
    seed: 102387,
    invariant: 'I10',
    why: 'a recovery was given up because an engine was lost, and order management, which it had stopped, was never told to accept again',
  },
  {
    seed: 431265,
    invariant: 'I10',
    why: 'an order to stop accepting came to a host that had been away after its recovery was given up, and nobody told order management to go on',
  },
  {
    seed: 634636,
    invariant: 'I10',
    why: 'an agent died after its order management had stopped accepting and before it had written that down, and nobody told it to go on',
  },
  {
    seed: 802634,
    invariant: 'H5',
    why: 'the word of an exit, repeated late, was of a start of the agent before the one that had been heard since, and was believed',
  },
  {
    seed: 1240002,
    invariant: 'F5',
    why: 'the checker was wrong: it held a move against a later request of the same person, which had been refused',
  },
];
