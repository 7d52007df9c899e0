import type { TopologyRule } from '../topology-finding.ts';
import { alertBelowTolerance } from './alert-below-tolerance.ts';
import { availabilityAboveDependency } from './availability-above-dependency.ts';
import { calendarUnread } from './calendar-unread.ts';
import { categoryContradictsObjective } from './category-contradicts-objective.ts';
import { componentWithoutGroup } from './component-without-group.ts';
import { contactUnreachable } from './contact-unreachable.ts';
import { coolingNotFromPower } from './cooling-not-from-power.ts';
import { crisisLeadNotSingle } from './crisis-lead-not-single.ts';
import { dataClassMechanism } from './data-class-mechanism.ts';
import { dataClassNotKept } from './data-class-not-kept.ts';
import { derivedDataRpo } from './derived-data-rpo.ts';
import { drSiteSmaller } from './dr-site-smaller.ts';
import { drillScheduledTwice } from './drill-scheduled-twice.ts';
import { drillWindowTooShort } from './drill-window-too-short.ts';
import { evenNumberOfVoters } from './even-number-of-voters.ts';
import { fewerThanThreeVoters } from './fewer-than-three-voters.ts';
import { followerWithoutEngine } from './follower-without-engine.ts';
import { linksSharePath } from './links-share-path.ts';
import { nowhereToFailOver } from './nowhere-to-fail-over.ts';
import { objectiveStatedTwice } from './objective-stated-twice.ts';
import { peerLossUnstated } from './peer-loss-unstated.ts';
import { probeIntervalTooLong } from './probe-interval-too-long.ts';
import { recoveredBeforeDependency } from './recovered-before-dependency.ts';
import { redundancyNotStated } from './redundancy-not-stated.ts';
import { roleWithTwoNumbers } from './role-with-two-numbers.ts';
import { rtoOutsidePriorityBand } from './rto-outside-priority-band.ts';
import { rtoShorterThanDependency } from './rto-shorter-than-dependency.ts';
import { scenarioWithoutTimeToDecide } from './scenario-without-time-to-decide.ts';
import { sharedPhoneNumber } from './shared-phone-number.ts';
import { singleLinkBetweenServingSites } from './single-link-between-serving-sites.ts';
import { siteFailoverAutomatic } from './site-failover-automatic.ts';
import { sitePlaceNotStated } from './site-place-not-stated.ts';
import { siteScoreNotFromWeights } from './site-score-not-from-weights.ts';
import { sitesOnOneGrid } from './sites-on-one-grid.ts';
import { sitesTooNear } from './sites-too-near.ts';
import { stageTargetsExceedRto } from './stage-targets-exceed-rto.ts';
import { takeoverSlowerThanRto } from './takeover-slower-than-rto.ts';
import { toleranceHidesLots } from './tolerance-hides-lots.ts';
import { unknownCalendar } from './unknown-calendar.ts';
import { venueWithoutSite } from './venue-without-site.ts';
import { videoRetentionShort } from './video-retention-short.ts';
import { zeroLossWithoutSyncCopy } from './zero-loss-without-sync-copy.ts';

/** Every rule, in the order in which a report lists them: authority and copies, objectives, places, people, practice. */
export const allTopologyRules: readonly TopologyRule[] = [
  fewerThanThreeVoters,
  evenNumberOfVoters,
  nowhereToFailOver,
  componentWithoutGroup,
  followerWithoutEngine,
  zeroLossWithoutSyncCopy,
  peerLossUnstated,
  siteFailoverAutomatic,
  takeoverSlowerThanRto,
  objectiveStatedTwice,
  stageTargetsExceedRto,
  rtoShorterThanDependency,
  availabilityAboveDependency,
  rtoOutsidePriorityBand,
  recoveredBeforeDependency,
  categoryContradictsObjective,
  derivedDataRpo,
  dataClassNotKept,
  dataClassMechanism,
  alertBelowTolerance,
  toleranceHidesLots,
  probeIntervalTooLong,
  scenarioWithoutTimeToDecide,
  venueWithoutSite,
  unknownCalendar,
  calendarUnread,
  linksSharePath,
  singleLinkBetweenServingSites,
  drSiteSmaller,
  sitesTooNear,
  sitesOnOneGrid,
  sitePlaceNotStated,
  redundancyNotStated,
  coolingNotFromPower,
  videoRetentionShort,
  siteScoreNotFromWeights,
  crisisLeadNotSingle,
  sharedPhoneNumber,
  roleWithTwoNumbers,
  contactUnreachable,
  drillWindowTooShort,
  drillScheduledTwice,
];
