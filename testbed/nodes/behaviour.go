package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
)

// prefix of the pod annotations that say how simulated containers behave.
const prefix = "sim.sluice.dev/"

// podWide are the annotations that say something of a pod as a whole.
var podWide = []string{"runtime", "crash-backoff", "clock-skew", "volume-delay"}

// behaviour is what the annotations of a pod ask of one container. An
// annotation with a container's name behind it (`crash.app`) is for that
// container alone; one without is for all of `containers`, never for init
// containers.
type behaviour struct {
	startDelay       time.Duration
	readyDelay       time.Duration
	neverReady       bool
	crash            *crash
	configError      bool
	imageError       bool
	terminationDelay time.Duration
	initTime         time.Duration
	badValue         string
	badNeverReady    bool
	badCrash         crash
}

// crash is an exit of a container's own accord.
type crash struct {
	code  int32
	after time.Duration
}

// The runtimes a pod can ask for.
const (
	simulatedPods = "simulated"
	processPods   = "process"
)

// podBehaviour is what the annotations ask of a pod as a whole.
type podBehaviour struct {
	runtime      string // simulatedPods or processPods
	crashBackoff time.Duration
	clockSkew    time.Duration
	volumeDelay  time.Duration
}

func parsePodBehaviour(pod *v1.Pod) (podBehaviour, error) {
	b := podBehaviour{runtime: simulatedPods, crashBackoff: 10 * time.Second, volumeDelay: 2 * time.Second}
	var faults []string
	for key, value := range pod.Annotations {
		what, ours := strings.CutPrefix(key, prefix)
		if !ours {
			continue
		}
		var err error
		what, container, named := strings.Cut(what, ".")
		switch {
		case named && !hasContainer(pod, container):
			err = fmt.Errorf("expected the name of a container behind the dot, found %q", container)
		case what == "runtime":
			b.runtime, err = parseRuntime(value)
		case what == "crash-backoff":
			b.crashBackoff, err = parseDelay(value)
		case what == "clock-skew":
			b.clockSkew, err = parseSkew(value)
		case what == "volume-delay":
			b.volumeDelay, err = parseDelay(value)
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", key, err))
		}
	}
	if b.runtime == processPods {
		faults = append(faults, simulatedOnly(pod)...)
	}
	return b, joinFaults(faults)
}

// simulatedOnly are the annotations that mean nothing to a real process, as faults.
func simulatedOnly(pod *v1.Pod) []string {
	var faults []string
	for key := range pod.Annotations {
		what, ours := strings.CutPrefix(key, prefix)
		if ours && !slices.Contains(podWide, what) {
			faults = append(faults, fmt.Sprintf("%s: expected no such annotation on a pod of processes", key))
		}
	}
	return faults
}

func hasContainer(pod *v1.Pod, name string) bool {
	named := func(c v1.Container) bool { return c.Name == name }
	return slices.ContainsFunc(pod.Spec.Containers, named) || slices.ContainsFunc(pod.Spec.InitContainers, named)
}

func parseBehaviour(pod *v1.Pod, container string, init bool) (behaviour, error) {
	b := behaviour{badCrash: crash{code: 1}}
	var faults []string
	apply := func(key, what, value string) {
		if err := b.set(what, value); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", key, err))
		}
	}
	if !init {
		for key, value := range pod.Annotations {
			if what, ours := strings.CutPrefix(key, prefix); ours && !strings.Contains(what, ".") {
				apply(key, what, value)
			}
		}
	}
	// Second, so that the name of a container overrides what is said of all.
	for key, value := range pod.Annotations {
		what, ours := strings.CutPrefix(key, prefix)
		if what, named := strings.CutSuffix(what, "."+container); ours && named {
			apply(key, what, value)
		}
	}
	return b, joinFaults(faults)
}

func (b *behaviour) set(what, value string) (err error) {
	switch what {
	case "start-delay":
		b.startDelay, err = parseDelay(value)
	case "ready-delay":
		b.readyDelay, err = parseDelay(value)
	case "termination-delay":
		b.terminationDelay, err = parseDelay(value)
	case "init-time":
		b.initTime, err = parseDelay(value)
	case "never-ready":
		b.neverReady, err = strconv.ParseBool(value)
	case "config-error":
		b.configError, err = strconv.ParseBool(value)
	case "image-error":
		b.imageError, err = strconv.ParseBool(value)
	case "crash":
		b.crash, err = parseCrash(value)
	case "bad-value":
		b.badValue = value
	case "bad-value-effect":
		if value == "never-ready" {
			b.badNeverReady = true
			return nil
		}
		var c *crash
		if c, err = parseCrash(value); err == nil {
			b.badCrash = *c
		}
	default:
		if slices.Contains(podWide, what) {
			return nil
		}
		err = fmt.Errorf("expected a known annotation, found %q", what)
	}
	return err
}

func parseRuntime(value string) (string, error) {
	if value != simulatedPods && value != processPods {
		return simulatedPods, fmt.Errorf("expected %s or %s, found %q", simulatedPods, processPods, value)
	}
	return value, nil
}

func parseDelay(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("expected a duration like 500ms, found %q", value)
	}
	return d, nil
}

func parseSkew(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, fmt.Errorf("expected a duration like -30s, found %q", value)
	}
	return d, nil
}

// parseCrash reads `1` or `1 after 500ms`.
func parseCrash(value string) (*crash, error) {
	number, delay, timed := strings.Cut(value, " after ")
	if !timed {
		delay = "0s"
	}
	code, codeErr := strconv.ParseInt(number, 10, 32)
	after, delayErr := parseDelay(delay)
	if codeErr != nil || delayErr != nil {
		return nil, fmt.Errorf("expected an exit code like 1, or 1 after 500ms, found %q", value)
	}
	return &crash{code: int32(code), after: after}, nil
}

func joinFaults(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	slices.Sort(faults)
	return &waiting{reason: "InvalidSimulation", message: strings.Join(faults, "; ")}
}
