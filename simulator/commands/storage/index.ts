import type { Commands } from "../../command";
import { devfs } from "./devfs";
import { df } from "./df";
import { mountMissing, mountNullfs, mountUnionfs } from "./layers";
import { mdmfs } from "./mdmfs";
import { mount } from "./mount";
import { umount } from "./umount";
import { zfs } from "./zfs";
import { zpool } from "./zpool";

export { loadDevfsRules } from "./devfs";

export const storage: Commands = {
  "/bin/df": df,
  "/sbin/devfs": devfs,
  "/sbin/mdmfs": mdmfs,
  "/sbin/mount": mount,
  "/sbin/mount_cd9660": mountMissing("mount_cd9660"),
  "/sbin/mount_mfs": mdmfs,
  "/sbin/mount_msdosfs": mountMissing("mount_msdosfs"),
  "/sbin/mount_nfs": mountMissing("mount_nfs"),
  "/sbin/mount_nullfs": mountNullfs,
  "/sbin/mount_udf": mountMissing("mount_udf"),
  "/sbin/mount_unionfs": mountUnionfs,
  "/sbin/umount": umount,
  "/sbin/zfs": zfs,
  "/sbin/zpool": zpool,
};
