import type { TopologyRule } from '../topology-finding.ts';
import { isPlaceholder } from './phone-number.ts';

export const contactUnreachable: TopologyRule = {
  id: 'contact-unreachable',
  title: 'Every contact can be reached, whoever leads a crisis by phone',
  severity: 'warning',
  check: ({ topology }) =>
    topology.contacts.flatMap((contact, index) => {
      const placeholder = contact.phone !== null && isPlaceholder(contact.phone);
      const noPhone = contact.phone === null || placeholder;
      if (!placeholder && !(noPhone && contact.email === null) && !(noPhone && contact.crisisLead)) return [];
      const found = placeholder
        ? `the place-holder ${contact.phone}`
        : contact.email === null
          ? 'neither phone nor e-mail'
          : 'no phone';
      return [
        {
          path: `contacts.${index}${placeholder ? '.phone' : ''}`,
          message: `"${contact.role}" has ${found}`,
          remedy: contact.crisisLead
            ? 'state a number that is answered at any hour'
            : 'state a number or an address that is answered',
        },
      ];
    }),
};
