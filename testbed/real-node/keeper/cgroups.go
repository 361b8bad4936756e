package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchy is one tree of cgroups as it is mounted: one for each controller
// in version 1, one for all of them in version 2, or both kinds beside each other.
type hierarchy struct {
	mountPoint string
	version    string // the type of its file system: cgroup or cgroup2
	options    string // in version 1: what names the hierarchy
}

// hierarchies are the mounted ones, each once.
func hierarchies() ([]hierarchy, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []hierarchy
	seen := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		h, ok := hierarchyOf(lines.Text())
		if key := h.version + " " + h.options; ok && !seen[key] {
			seen[key] = true
			all = append(all, h)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("expected mounted cgroups in /proc/self/mountinfo, found none")
	}
	return all, nil
}

// hierarchyOf reads a line of /proc/self/mountinfo; see proc_pid_mountinfo(5).
func hierarchyOf(line string) (hierarchy, bool) {
	mount, system, found := strings.Cut(line, " - ")
	before, after := strings.Fields(mount), strings.Fields(system)
	if !found || len(before) < 6 || len(after) < 3 {
		return hierarchy{}, false
	}
	h := hierarchy{mountPoint: before[4], version: after[0]}
	switch h.version {
	case "cgroup2":
		return h, true
	case "cgroup":
		var names []string
		for _, option := range strings.Split(after[2], ",") {
			// The others say how it is mounted, not which it is.
			if option != "rw" && option != "ro" && option != "xattr" && option != "clone_children" && !strings.HasPrefix(option, "release_agent=") {
				names = append(names, option)
			}
		}
		if strings.HasPrefix(strings.Join(names, ","), "name=") {
			names = append(names, "none") // no controllers, said outright
		}
		h.options = strings.Join(names, ",")
		return h, true
	}
	return hierarchy{}, false
}

const cgroupPrefix = "sluice-node-"

func cgroupOf(keeper int) string { return cgroupPrefix + strconv.Itoa(keeper) }

// create makes a cgroup of the name in each hierarchy, fit to have processes and cgroups in it.
func create(all []hierarchy, name string) error {
	for _, h := range all {
		if h.version == "cgroup2" {
			delegate(h.mountPoint)
		}
		folder := filepath.Join(h.mountPoint, name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("making a cgroup: %w", err)
		}
		// Version 1 gives a new cgroup no processors and no memory.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(h.mountPoint, file))
			if h.version == "cgroup2" || errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, file), value, 0)
			}
			if err != nil {
				return fmt.Errorf("setting up a cgroup: %w", err)
			}
		}
	}
	return nil
}

// delegate lets the cgroups below have every controller that their parent has.
// Where it may not, a kubelet says which one it lacks.
func delegate(folder string) {
	controllers, _ := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	for _, name := range strings.Fields(string(controllers)) {
		_ = os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+"+name), 0)
	}
}

// remove takes the cgroups away, which are empty by now but for the time the
// kernel needs to forget the processes that ended in them.
func remove(all []hierarchy, name string) error {
	var faults []error
	for _, h := range all {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			err := removeTree(filepath.Join(h.mountPoint, name))
			if err == nil {
				break
			}
			if time.Now().After(end) {
				faults = append(faults, fmt.Errorf("removing a cgroup: %w", err))
				break
			}
		}
	}
	return errors.Join(faults...)
}

func removeTree(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return unix.Rmdir(folder)
}

// sweep takes away what keepers left that were killed themselves.
func sweep(all []hierarchy) {
	for _, h := range all {
		left, _ := filepath.Glob(filepath.Join(h.mountPoint, cgroupPrefix+"*"))
		for _, folder := range left {
			keeper := strings.TrimPrefix(filepath.Base(folder), cgroupPrefix)
			if _, err := os.Stat(filepath.Join("/proc", keeper)); errors.Is(err, os.ErrNotExist) {
				_ = removeTree(folder) // refused as long as a process is in it
			}
		}
	}
}

// remountCgroups shows the cgroups as this process's namespace has them.
func remountCgroups() error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		// The kernel mounts no file system over itself.
		if err := unix.Unmount(h.mountPoint, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmounting the cgroups of the machine: %w", err)
		}
		if err := unix.Mount(h.version, h.mountPoint, h.version, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, h.options); err != nil {
			return fmt.Errorf("mounting the cgroups %s at %s: %w", h.options, h.mountPoint, err)
		}
		if h.version != "cgroup2" {
			continue
		}
		// A cgroup with processes in it may not give controllers to those below.
		own := filepath.Join(h.mountPoint, "init")
		if err := os.Mkdir(own, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(own, "cgroup.procs"), []byte("0"), 0); err != nil {
			return fmt.Errorf("moving into a cgroup of process 1: %w", err)
		}
		delegate(h.mountPoint)
	}
	return nil
}
