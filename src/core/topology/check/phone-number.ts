/**
 * A number reduced to what is dialled, with letters as on a key pad (`+1-888-EQUINIX`); null for none and for a place-holder such
 * as `+1-XXX-XXX-XXXX`.
 */
export function dialled(phone: string | null): string | null {
  if (phone === null || isPlaceholder(phone)) return null;
  return phone
    .toUpperCase()
    .replace(/[A-Z]/g, keyOf)
    .replace(/[^0-9]/g, '');
}

export const isPlaceholder = (phone: string): boolean => /X{3,}|\?|TBD|N\/A/i.test(phone) || !/\d{3}/.test(phone);

const keys = ['ABC', 'DEF', 'GHI', 'JKL', 'MNO', 'PQRS', 'TUV', 'WXYZ'];
const keyOf = (letter: string) => String(keys.findIndex((letters) => letters.includes(letter)) + 2);
