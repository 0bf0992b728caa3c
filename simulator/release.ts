/*
 * What of a release of FreeBSD the model knows. 14.0 is the recorded host; 13.4 and 15.0 are from manual pages, release
 * notes and source only.
 */
export interface Release {
  /** `uname -r` */
  readonly name: string;
  /** __FreeBSD_version, `uname -K` */
  readonly osreldate: number;
  /** Of the kernel's build, as `uname -v` has it. */
  readonly built: string;
  /** Whether jail.conf(5) has `.include`. */
  readonly jailIncludes: boolean;
}

export const releases = {
  "13.4": {
    name: "13.4-RELEASE",
    osreldate: 1304000,
    built: "Tue Sep 17 00:00:00 UTC 2024",
    jailIncludes: false,
  },
  "14.0": {
    name: "14.0-STABLE",
    osreldate: 1400507,
    built: "Fri Nov 24 00:00:00 UTC 2023",
    jailIncludes: true,
  },
  "15.0": {
    name: "15.0-RELEASE",
    osreldate: 1500068,
    built: "Tue Dec  2 00:00:00 UTC 2025",
    jailIncludes: true,
  },
} satisfies Record<string, Release>;

export type ReleaseNumber = keyof typeof releases;
