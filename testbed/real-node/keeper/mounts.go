package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// tunables are the kernel's settings that a kubelet wants, and would set for
// the whole machine. It is shown files that have these values instead.
var tunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// mounts makes the file system of the machine that of the node: with its own
// processes and cgroups, and with folders of its own wherever a kubelet or
// containerd writes to a fixed place.
func (n node) mounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping the mounts of the node to itself: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if err := remountCgroups(); err != nil {
		return err
	}
	for name, value := range tunables {
		own := n.path("sysctl", name)
		if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(own, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := bind(own, filepath.Join("/proc/sys", name)); err != nil {
			return err
		}
	}
	if err := n.shadow("/var/lib", "kubelet"); err != nil {
		return err
	}
	if err := n.shadow("/var/log", "containers"); err != nil {
		return err
	}
	// Sockets, and among them those of the machine's own services.
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mounting /run: %w", err)
	}
	return nil
}

// shadow puts a folder of the node at a place where the machine has another
// one, or none: then a copy of the parent, made of mounts, takes the parent's place.
func (n node) shadow(parent, name string) error {
	own := n.path("shadow", name)
	if err := os.MkdirAll(own, 0o755); err != nil {
		return err
	}
	place := filepath.Join(parent, name)
	if _, err := os.Stat(place); err == nil {
		return bind(own, place)
	}
	mirror := n.path("shadow", "of-"+filepath.Base(parent))
	if err := os.MkdirAll(mirror, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", mirror, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting %s: %w", mirror, err)
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := show(filepath.Join(parent, entry.Name()), filepath.Join(mirror, entry.Name()), entry.Type()); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(mirror, name), 0o755); err != nil {
		return err
	}
	return errors.Join(bind(own, filepath.Join(mirror, name)), bind(mirror, parent))
}

// show makes an entry of a folder visible in another one.
func show(from, to string, kind os.FileMode) error {
	switch {
	case kind&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case kind.IsDir():
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(to, nil, 0o644); err != nil {
			return err
		}
	}
	return bind(from, to)
}

func bind(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("showing %s at %s: %w", from, to, err)
	}
	return nil
}

// snapshotter is how containerd can make the root of a container: as a layer
// over its image, which overlayfs refuses on some file systems, or as a copy.
func (n node) snapshotter() string {
	lower, upper, work, merged := n.path("probe", "lower"), n.path("probe", "upper"), n.path("probe", "work"), n.path("probe", "merged")
	for _, folder := range []string{lower, upper, work, merged} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return "native"
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		return "native"
	}
	return "overlayfs"
}
