import type { HostId, SiteId, WallMs } from '../../core/base/ids.ts';
import type { CertificateLife, ClockDifference, DiskSpace, HostReport } from '../../core/health/host-report.ts';
import { type ServiceLook, serviceStates } from '../../core/health/service-state.ts';
import { Fields } from '../../wire/fields.ts';

/** A controller's answer to a host's report: what its clock said when that came. */
export interface ClockFrame {
  /** `sentAt` of the report. */
  readonly asked: number;
  readonly answered: number;
}

/** @throws ShapeError */
export function parseHostReport(fields: Fields): HostReport {
  const memory = fields.fieldsOrNull('memory');
  return {
    host: fields.text<HostId>('host'),
    site: fields.text<SiteId>('site'),
    sentAt: fields.number('sentAt') as WallMs,
    disks: fields.list('disks', (value, at) => parseDisk(Fields.of(value, at))),
    certificates: fields.list('certificates', (value, at) => parseCertificate(Fields.of(value, at))),
    memory:
      memory === null
        ? null
        : { availableBytes: memory.number('availableBytes'), totalBytes: memory.number('totalBytes') },
    memoryWaitPercent: fields.numberOrNull('memoryWaitPercent'),
    loadPerProcessor: fields.numberOrNull('loadPerProcessor'),
    clocks: fields.list('clocks', (value, at) => parseClock(Fields.of(value, at))),
    services: fields.list('services', (value, at) => parseService(Fields.of(value, at))),
  };
}

/** @throws ShapeError */
export const parseClockFrame = (fields: Fields): ClockFrame => ({
  asked: fields.number('asked'),
  answered: fields.number('answered'),
});

function parseDisk(fields: Fields): DiskSpace {
  const space = fields.fieldsOrNull('space');
  return {
    path: fields.text('path'),
    space: space === null ? null : { freeBytes: space.number('freeBytes'), totalBytes: space.number('totalBytes') },
  };
}

const parseCertificate = (fields: Fields): CertificateLife => ({
  name: fields.text('name'),
  notAfter: fields.numberOrNull('notAfter') as WallMs | null,
});

const parseService = (fields: Fields): ServiceLook => ({
  service: fields.text('service'),
  state: fields.has('state') ? fields.oneOf('state', serviceStates) : null,
  said: fields.text('said'),
});

const parseClock = (fields: Fields): ClockDifference => ({
  controller: fields.text('controller'),
  offsetMs: fields.number('offsetMs'),
  uncertaintyMs: fields.number('uncertaintyMs'),
  ageMs: fields.number('ageMs'),
});
