import { ConfigFile, type ListenAddress } from '../base/config-file.ts';

export interface FrontConfig {
  readonly instance: string;
  readonly site: string;
  readonly dataDir: string;
  readonly control: ListenAddress;
  readonly tokenFile: string;
  /** Where clients of each service connect. */
  readonly services: Readonly<Record<string, ListenAddress>>;
  readonly dialDeadlineMs: number;
}

export const readFrontConfig = (path: string | undefined): FrontConfig => {
  const file = ConfigFile.read(path);
  const services = file.requiredSection('services');
  return {
    instance: file.text('instance'),
    site: file.text('site', ''),
    dataDir: file.directory('dataDir'),
    control: file.listen('control'),
    tokenFile: file.requiredSection('control').filePath('tokenFile'),
    services: Object.fromEntries(services.names().map((name) => [name, services.listen(name)])),
    dialDeadlineMs: file.count('dialDeadlineMs', 1000),
  };
};
