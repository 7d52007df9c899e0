import type { SiteInventory } from '../topology.ts';

const earthRadiusKm = 6371;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Great-circle distance in kilometres; null when a position is not stated. */
export function distanceKm(left: SiteInventory | null, right: SiteInventory | null): number | null {
  if (left?.latitude == null || left.longitude === null || right?.latitude == null || right.longitude === null)
    return null;
  const north = Math.sin(radians(right.latitude - left.latitude) / 2) ** 2;
  const east = Math.sin(radians(right.longitude - left.longitude) / 2) ** 2;
  const chord = north + Math.cos(radians(left.latitude)) * Math.cos(radians(right.latitude)) * east;
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(Math.min(1, chord)));
}
