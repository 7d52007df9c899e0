/** Writes a safe integer ≥ 0 as eight bytes, the lowest first. Of any other number it writes something, and says nothing. */
export const writeU64 = (view: DataView, offset: number, value: number): void => {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, value / 0x1_0000_0000, true);
};
