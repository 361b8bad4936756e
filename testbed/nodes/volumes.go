package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// podVolumes are the volumes of a pod that Secrets fill, by name.
type podVolumes map[string]*secretVolume

// secretVolume is a secret or projected volume. Its files are read live when
// the pod starts, and follow the Secrets later, some time behind.
type secretVolume struct {
	sources []*volumeSource
	// published is what a runtime last wrote of them.
	published map[string]string
}

type volumeSource struct {
	namespace, name string
	optional        bool
	items           []v1.KeyToPath
	current         version
}

// volumesOf are the volumes of a pod that Secrets fill, without content yet.
func volumesOf(pod *v1.Pod) podVolumes {
	volumes := podVolumes{}
	for _, v := range pod.Spec.Volumes {
		volume := &secretVolume{}
		add := func(name string, optional *bool, items []v1.KeyToPath) {
			volume.sources = append(volume.sources, &volumeSource{
				namespace: pod.Namespace, name: name, optional: isTrue(optional), items: items,
			})
		}
		switch {
		case v.Secret != nil:
			add(v.Secret.SecretName, v.Secret.Optional, v.Secret.Items)
		case v.Projected != nil:
			for _, p := range v.Projected.Sources {
				if p.Secret != nil {
					add(p.Secret.Name, p.Secret.Optional, p.Secret.Items)
				}
			}
		}
		if len(volume.sources) > 0 {
			volumes[v.Name] = volume
		}
	}
	return volumes
}

// mount reads the volumes of a pod for the first time. A kubelet creates no
// container before that has succeeded.
func mount(ctx context.Context, secrets secretReader, pod *v1.Pod) (podVolumes, error) {
	volumes := volumesOf(pod)
	for name, volume := range volumes {
		for _, source := range volume.sources {
			s, err := secrets.secret(ctx, source.namespace, source.name)
			if apierrors.IsNotFound(err) && source.optional {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", name, err)
			}
			if key := source.missing(s.Data); key != "" {
				return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q: references non-existent secret key: %s", name, key)
			}
			source.current = versionOf(s, time.Time{})
		}
	}
	return volumes, nil
}

// missing is the first item whose key the data lacks, or "".
func (s *volumeSource) missing(data map[string][]byte) string {
	if s.optional {
		return ""
	}
	for _, item := range s.items {
		if _, found := data[item.Key]; !found {
			return item.Key
		}
	}
	return ""
}

// follow brings the files to what their Secrets held at the given time. A
// version that lacks a required item leaves the files as they were.
func (v podVolumes) follow(history *secretHistory, at time.Time) {
	for _, volume := range v {
		for _, source := range volume.sources {
			then, known := history.at(source.namespace, source.name, at)
			if known && then.number > source.current.number && source.missing(then.data) == "" {
				source.current = then
			}
		}
	}
}

// reads says whether any of the volumes shows the Secret.
func (v podVolumes) reads(namespace, name string) bool {
	for _, volume := range v {
		for _, source := range volume.sources {
			if source.namespace == namespace && source.name == name {
				return true
			}
		}
	}
	return false
}

// content is every file of the volume, by path.
func (v *secretVolume) content() map[string]string {
	files := map[string]string{}
	for _, source := range v.sources {
		for key, value := range source.current.data {
			if len(source.items) == 0 {
				files[key] = string(value)
			}
			for _, item := range source.items {
				if item.Key == key {
					files[item.Path] = string(value)
				}
			}
		}
	}
	return files
}

// version is the content of a Secret from one time on.
type version struct {
	number uint64 // resourceVersion
	data   map[string][]byte
	since  time.Time
}

func versionOf(s *v1.Secret, since time.Time) version {
	number, err := strconv.ParseUint(s.ResourceVersion, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("expected a numeric resourceVersion of Secret %s/%s, found %q", s.Namespace, s.Name, s.ResourceVersion))
	}
	return version{number: number, data: s.Data, since: since}
}

// remembered is how long a version that is no longer current stays known: the
// longest useful volume-delay.
const remembered = 5 * time.Minute

// secretHistory knows what every Secret held when, as far back as remembered.
type secretHistory struct {
	mu       sync.Mutex
	versions map[string][]version // oldest first
}

func newSecretHistory() *secretHistory {
	return &secretHistory{versions: map[string][]version{}}
}

// saw records the content a Secret has from now on.
func (h *secretHistory) saw(s *v1.Secret, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := s.Namespace + "/" + s.Name
	known := append(h.versions[key], versionOf(s, now))
	for len(known) > 1 && now.Sub(known[1].since) >= remembered {
		known = known[1:]
	}
	h.versions[key] = known
}

// at is the version that was current at a time.
func (h *secretHistory) at(namespace, name string, when time.Time) (version, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.versions[namespace+"/"+name]
	for i := len(known) - 1; i >= 0; i-- {
		if !known[i].since.After(when) {
			return known[i], true
		}
	}
	return version{}, false
}
