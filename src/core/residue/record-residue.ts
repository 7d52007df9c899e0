import { brakeHolds } from '../decision/brakes.ts';
import { leftBehind, notSeen, type ResidueFinding, type ResidueLook } from './finding.ts';

/** Runs that ended and are still named, and grants between two holders that nobody is about. `residueOf` has seen to open runs. */
export const authorityLook: ResidueLook = ({ record, brakes, authority, group, wallMs }) => {
  if (record === null) return [];
  const findings: ResidueFinding[] = [];
  const key = `group/${group.id}`;
  if (!authority.incarnationMatches)
    findings.push(leftBehind(key, 'it is of another store than the present one', 'holdfast authority adopt'));
  if (record.run !== null)
    findings.push(leftBehind(key, `it names ${record.run}, which is not under way`, `holdfast runs ${record.run}`));
  for (const grant of Object.values(record.grants))
    if (grant.holder === null)
      findings.push(leftBehind(key, `nobody holds ${grant.component}, and no run is about it`, 'holdfast failover'));
  for (const { component, holder } of Object.values(record.delegates ?? {}))
    if (holder === null)
      findings.push(leftBehind(key, `nobody is led to ${component}, and no run is about it`, 'holdfast failover'));
  for (const what of ['freeze', 'maintenance'] as const) {
    const brake = brakes[what];
    if (brakeHolds(brake, wallMs) && brake.run !== undefined)
      findings.push(
        leftBehind(
          `brakes/${group.id}`,
          `${what} of ${brake.run}, which is not under way, still holds`,
          what === 'freeze' ? 'holdfast unfreeze' : 'holdfast maintenance --end',
        ),
      );
  }
  return findings;
};

/** Leases of somebody who holds no more, or of an earlier epoch of the same one. */
export const leaseLook: ResidueLook = ({ record, leases, group, successorWaitMs }) =>
  Object.values(record?.grants ?? {}).flatMap((grant): readonly ResidueFinding[] => {
    const place = `lease/${group.id}/${grant.component}`;
    const lease = leases.get(grant.component);
    if (grant.holder === null) return [];
    if (lease === undefined) return [notSeen(place, `no renewal of ${grant.holder} was seen`, 'holdfast status')];
    if (lease.holder !== grant.holder)
      return [
        leftBehind(place, `it is that of ${lease.holder}, and ${grant.holder} holds`, `holdfast fence ${lease.holder}`),
      ];
    if (lease.epoch !== grant.epoch)
      return [leftBehind(place, `it is of epoch ${lease.epoch}, and granted was ${grant.epoch}`, 'holdfast status')];
    if (lease.seenMsAgo > successorWaitMs)
      return [notSeen(place, `no renewal was seen for ${(lease.seenMsAgo / 1000).toFixed(1)} s`, 'holdfast status')];
    return [];
  });
