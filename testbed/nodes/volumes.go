package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// podVolumes are the volumes of a pod that Secrets and ConfigMaps fill, by name.
type podVolumes map[string]*sourceVolume

// sourceVolume is a secret, configMap or projected volume. Its files are read live when
// the pod starts, and follow the sources later, some time behind.
type sourceVolume struct {
	sources []*volumeSource
	// published is what a runtime last wrote of them.
	published map[string]string
}

type volumeSource struct {
	kind            kind
	namespace, name string
	optional        bool
	items           []v1.KeyToPath
	current         version
}

// volumesOf are the volumes of a pod that Secrets and ConfigMaps fill, without content yet.
func volumesOf(pod *v1.Pod) podVolumes {
	volumes := podVolumes{}
	for _, v := range pod.Spec.Volumes {
		volume := &sourceVolume{}
		add := func(of kind, name string, optional *bool, items []v1.KeyToPath) {
			volume.sources = append(volume.sources, &volumeSource{
				kind: of, namespace: pod.Namespace, name: name, optional: isTrue(optional), items: items,
			})
		}
		switch {
		case v.Secret != nil:
			add(secretKind, v.Secret.SecretName, v.Secret.Optional, v.Secret.Items)
		case v.ConfigMap != nil:
			add(configMapKind, v.ConfigMap.Name, v.ConfigMap.Optional, v.ConfigMap.Items)
		// What every pod gets for its service account gives these containers nothing.
		case v.Projected != nil && !strings.HasPrefix(v.Name, "kube-api-access-"):
			for _, p := range v.Projected.Sources {
				if p.Secret != nil {
					add(secretKind, p.Secret.Name, p.Secret.Optional, p.Secret.Items)
				}
				if p.ConfigMap != nil {
					add(configMapKind, p.ConfigMap.Name, p.ConfigMap.Optional, p.ConfigMap.Items)
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
func mount(ctx context.Context, sources sourceReader, pod *v1.Pod) (podVolumes, error) {
	volumes := volumesOf(pod)
	for name, volume := range volumes {
		for _, source := range volume.sources {
			s, err := sources.source(ctx, source.kind, source.namespace, source.name)
			if apierrors.IsNotFound(err) && source.optional {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", name, err)
			}
			if key := source.missing(s.data); key != "" {
				return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q: references non-existent %s key: %s", name, source.kind.keyed(), key)
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

// follow brings the files to what their sources held at the given time. A
// version that lacks a required item leaves the files as they were.
func (v podVolumes) follow(history *sourceHistory, at time.Time) {
	for _, volume := range v {
		for _, source := range volume.sources {
			then, known := history.at(source.kind, source.namespace, source.name, at)
			if known && then.number > source.current.number && source.missing(then.data) == "" {
				source.current = then
			}
		}
	}
}

// reads says whether any of the volumes shows the source.
func (v podVolumes) reads(of *source) bool {
	for _, volume := range v {
		for _, source := range volume.sources {
			if source.kind == of.kind && source.namespace == of.namespace && source.name == of.name {
				return true
			}
		}
	}
	return false
}

// content is every file of the volume, by path.
func (v *sourceVolume) content() map[string]string {
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

// version is the content of a source from one time on.
type version struct {
	number uint64 // resourceVersion
	data   map[string][]byte
	since  time.Time
}

func versionOf(s *source, since time.Time) version {
	number, err := strconv.ParseUint(s.resourceVersion, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("expected a numeric resourceVersion of %s %s/%s, found %q", s.kind, s.namespace, s.name, s.resourceVersion))
	}
	return version{number: number, data: s.data, since: since}
}

// remembered is how long a version that is no longer current stays known: the
// longest useful volume-delay.
const remembered = 5 * time.Minute

// sourceHistory knows what every source held when, as far back as remembered.
type sourceHistory struct {
	mu       sync.Mutex
	versions map[string][]version // oldest first
}

func newSourceHistory() *sourceHistory {
	return &sourceHistory{versions: map[string][]version{}}
}

// saw records the content a source has from now on.
func (h *sourceHistory) saw(s *source, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := string(s.kind) + "/" + s.namespace + "/" + s.name
	known := append(h.versions[key], versionOf(s, now))
	for len(known) > 1 && now.Sub(known[1].since) >= remembered {
		known = known[1:]
	}
	h.versions[key] = known
}

// at is the version that was current at a time.
func (h *sourceHistory) at(of kind, namespace, name string, when time.Time) (version, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.versions[string(of)+"/"+namespace+"/"+name]
	for i := len(known) - 1; i >= 0; i-- {
		if !known[i].since.After(when) {
			return known[i], true
		}
	}
	return version{}, false
}
