/**
 * Everything a controller, an agent or the lab may record, with the one sentence that documents, console and report use.
 * A closed list: an entry of another kind is refused by the writer and reported by the verifier.
 */
export const evidenceKinds = {
  'observation-summary': 'What the observers saw of an instance or a site, condensed at the moment it mattered.',
  verdict: 'What enough observers together concluded about an instance or a site, with the opinions for and against.',
  diagnosis: 'Which fault of the closed list explains the verdicts; recorded also while automation is frozen.',
  decision:
    'The receipt of one decision, also of a decision not to act: digest of the facts, every rule result, alternatives, policy, outcome.',
  plan: 'A runbook bound to present facts: its steps, targets, loss bounds and digest.',
  approval: 'A named person in a named role approved, or withdrew approval of, one plan digest until a stated time.',
  'run-opened': 'A run of one plan was claimed for a failover group; only this run may act on the group.',
  'step-started': 'A step is about to be commanded; written before the command leaves.',
  'step-finished':
    'A step ended as ok, failed, unknown, skipped, compensated or not applicable, with what confirmed it.',
  'run-abandoned':
    'A planned run was given up before anything was revoked, and why; what it had stopped is resumed before it is closed.',
  'run-closed': 'A run ended: its outcome, and what it left open.',
  'run-superseded': 'A wider diagnosis replaced this run at its next safe point; it may not act any more.',
  'epoch-raised': 'The authority accepted a newer epoch for a failover group; older commands are refused from here on.',
  'fencing-proof':
    'Why the old writer cannot write any more: method, scope, epoch, and whether it survives heal and reboot.',
  'fencing-attested':
    'A named person said that the host of an old writer is off, or a second one confirmed it; until when it counts.',
  'authority-adopted':
    'A named person said that a restored authority is to be believed: its epoch before and after, whose word was believed, whose not.',
  'exposure-accepted':
    'A named person let a halted component go on: without whom, how far its log was, and why. What follows is at risk until a peer has caught up.',
  grant: 'The authority gave one instance the right to be primary in one epoch, or took it away.',
  'delegate-adopted':
    'A primary that something else chose (Patroni) was seen to have its lock and to say that it is primary; what leads to it follows. Says whether a run had asked for it.',
  'promotion-checked':
    'A delegate (Patroni) asked before it promoted a member: granted or refused, with the code and the reason, and how long the answer took.',
  'writer-closed':
    'A Redis that let writers in is lost: the epoch was raised, and nobody is let in until it is proved that it lets nobody in. Says why it was taken for lost.',
  'writer-named': 'Another server of that set is named at that epoch, with the proof of the former one.',
  'writer-opened':
    'The named one was seen open; what it lacks of the former one: none, bytes of the replication stream (exact, or at least), at most what the former one took in its last milliseconds, or unknown.',
  'writer-diverged':
    'The Redis that lets writers in has another history than it led: what of that it lacks, counted as for `writer-opened`.',
  'writer-kept': 'A Redis that let writers in is lost and stays where it is; why.',
  'lease-lost': 'A holder could not renew its right in time, or learned that it had been revoked.',
  'self-fenced': 'An agent or its gate closed a writer by itself, without being told to.',
  'durability-changed':
    'The durability mode of a component changed; a degraded stretch carries the count of writes at risk.',
  brake:
    'A person applied or lifted a freeze, a maintenance window, an acknowledgement or a cool-down override, with a reason.',
  'operator-command': 'A person asked for something, with the exact arguments and what was answered.',
  access: 'A person or a process was let in or turned away.',
  anchor: 'The heads of all chains as the authority sequenced them; what makes a cut tail visible.',
  countersign: 'Another site keeps a signed copy of an anchor, so that one site alone cannot rewrite it.',
  'fault-injected': 'The lab or a drill caused this fault on purpose; never written in production outside a drill.',
  measurement: 'A measured value against its objective: met, missed or inconclusive, and how it was measured.',
  residue: 'Something a run or a fault left behind that somebody has to look at.',
  leadership: 'This controller began to lead, or saw that it no longer does, and in which term.',
  'command-performed':
    'An agent carried out a command of the leading controller; the key says which, and appears once however often it arrived.',
  'command-refused': 'An agent refused a command because it had seen a newer epoch or term.',
  reconciled: 'An agent brought a standby or a front to where the group record says it belongs, by itself.',
  'tail-listed':
    'The divergent tail of a former primary was decoded: SHA-256 of the list, how many rows it names, and how many reasons there are why there may be more.',
  exited: 'An agent saw the process of an instance end, and whether anything of its tree was left.',
  started: 'The process began, or resumed, its chain: version, public key, and a torn tail that it set aside.',
  stopped: 'The process ended its chain in good order; a start without one before it means that it died.',
} as const satisfies Readonly<Record<string, string>>;

export type EvidenceKind = keyof typeof evidenceKinds;

export const isEvidenceKind = (text: string): text is EvidenceKind => Object.hasOwn(evidenceKinds, text);
