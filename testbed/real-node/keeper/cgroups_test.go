package main

import "testing"

func TestHierarchiesAreReadFromTheMountsOfAllKinds(t *testing.T) {
	for line, want := range map[string]hierarchy{
		"33 32 0:29 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory":                     {"/sys/fs/cgroup/memory", "cgroup", "memory"},
		"34 32 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct":                             {"/sys/fs/cgroup/cpu,cpuacct", "cgroup", "cpu,cpuacct"},
		"35 32 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd": {"/sys/fs/cgroup/systemd", "cgroup", "name=systemd,none"},
		"36 32 0:32 /docker/1 /sys/fs/cgroup/unified rw,relatime master:4 - cgroup2 cgroup2 rw,nsdelegate":      {"/sys/fs/cgroup/unified", "cgroup2", ""},
	} {
		if got, ok := hierarchyOf(line); !ok || got != want {
			t.Errorf("%s: expected %v, found %v", line, want, got)
		}
	}
	for _, line := range []string{"", "30 1 254:0 / / rw,relatime - ext4 /dev/vda rw", "1 2 3"} {
		if got, ok := hierarchyOf(line); ok {
			t.Errorf("%q: expected no hierarchy, found %v", line, got)
		}
	}
}
