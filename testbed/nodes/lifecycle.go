package main

import (
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
)

const (
	// maxBackoff bounds the delay between restarts, as in a kubelet.
	maxBackoff = 5 * time.Minute
	// minBackoff keeps a container that exits at once from spinning.
	minBackoff = 10 * time.Millisecond
	// retryDelay is how long a container that could not be created waits.
	retryDelay = time.Second
)

// life is what the node knows of one pod. It has no clock and does no I/O: the
// agent tells it the time, and creates the instances.
type life struct {
	pod        *v1.Pod
	backoff    time.Duration
	runtime    string // its name
	startedAt  time.Time
	ip         string
	hostIP     string
	containers []*containerLife // init containers first, in the order of the spec
	// deadline of the termination; zero while nobody asked for it.
	deadline   time.Time
	conditions map[v1.PodConditionType]v1.PodCondition
}

type containerLife struct {
	spec     *v1.Container
	init     bool
	sidecar  bool
	id       string
	instance instance
	holds    *content
	seen     observation
	// refused is why no instance could be created when it was last tried.
	refused *waiting
	// retryAt is the earliest time of the next creation.
	retryAt  time.Time
	delay    time.Duration
	restarts int32
	last     *v1.ContainerStateTerminated
}

func newLife(pod *v1.Pod, now time.Time, ip, hostIP string, asked podBehaviour) *life {
	l := &life{
		pod: pod, backoff: asked.crashBackoff, runtime: asked.runtime, startedAt: now, ip: ip, hostIP: hostIP,
		conditions: map[v1.PodConditionType]v1.PodCondition{},
	}
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		l.containers = append(l.containers, &containerLife{spec: c, init: true, sidecar: isSidecar(c)})
	}
	for i := range pod.Spec.Containers {
		l.containers = append(l.containers, &containerLife{spec: &pod.Spec.Containers[i]})
	}
	return l
}

// advance does everything that is due at now. The given function creates an
// instance of a container, or refuses to; what it returns ends the advance.
func (l *life) advance(now time.Time, create func(*containerLife) error) error {
	l.look(now)
	// Again and again, since a container that is done lets the next one start.
	for due := l.due(now); len(due) > 0; due = l.due(now) {
		for _, c := range due {
			if err := create(c); err != nil {
				return err
			}
		}
		l.look(now)
	}
	for _, c := range l.doomed() {
		c.instance.stop(now, l.deadlineFrom(now))
	}
	l.look(now)
	return nil
}

// look brings what is known of every instance up to now.
func (l *life) look(now time.Time) {
	for _, c := range l.containers {
		if c.instance == nil || c.seen.phase == exited {
			continue
		}
		c.seen = c.instance.observe(now, l.pod)
		if c.seen.phase == exited {
			c.backOff(l.backoff)
		}
	}
}

// backOff sets when an exited container may start again: at once the first
// time, then after a delay that doubles.
func (c *containerLife) backOff(base time.Duration) {
	if c.seen.finishedAt.Sub(c.seen.startedAt) > 2*maxBackoff {
		c.delay = 0
	}
	c.retryAt = c.seen.finishedAt.Add(c.delay)
	c.delay = min(max(2*c.delay, base, minBackoff), maxBackoff)
}

// due are the containers to create now, in order.
func (l *life) due(now time.Time) []*containerLife {
	if l.ending() {
		return nil
	}
	var due []*containerLife
	consider := func(c *containerLife) {
		if l.wanted(c) && !now.Before(c.retryAt) {
			due = append(due, c)
		}
	}
	initialized := l.initialized()
	for _, c := range l.containers {
		switch {
		case !initialized && !c.init:
			return due
		case initialized && c.init && !c.sidecar:
			continue
		default:
			consider(c)
		}
		if !initialized && !c.passed() {
			return due
		}
	}
	return due
}

// wanted says whether a container without a live instance should get one.
func (l *life) wanted(c *containerLife) bool {
	switch {
	case c.live():
		return false
	case c.instance == nil || c.sidecar:
		return true
	case c.init && c.seen.exitCode == 0:
		return false
	}
	switch l.pod.Spec.RestartPolicy {
	case v1.RestartPolicyNever:
		return false
	case v1.RestartPolicyOnFailure:
		return c.seen.exitCode != 0
	}
	return !c.init || c.seen.exitCode != 0
}

// passed says whether the init container lets the next one start.
func (c *containerLife) passed() bool {
	if c.sidecar {
		return c.seen.phase == running && c.seen.started
	}
	return c.instance != nil && c.seen.phase == exited && c.seen.exitCode == 0
}

func (c *containerLife) live() bool {
	return c.instance != nil && c.seen.phase != exited
}

// initialized says whether the containers proper may start. Once any of them
// was created it stays true: a sidecar that restarts does not undo it.
func (l *life) initialized() bool {
	for _, c := range l.containers {
		if !c.init && (c.instance != nil || c.refused != nil) {
			return true
		}
	}
	for _, c := range l.containers {
		if c.init && !c.passed() {
			return false
		}
	}
	return true
}

// created records a new instance of a container.
func (c *containerLife) created(id string, i instance, holds *content) {
	if c.instance != nil {
		c.last = c.terminated()
		c.restarts++
	}
	c.id, c.instance, c.holds, c.refused = id, i, holds, nil
	c.seen = observation{}
}

// refuse records that no instance could be created.
func (c *containerLife) refuse(why *waiting, now time.Time) {
	c.refused, c.retryAt = why, now.Add(retryDelay)
}

// terminate begins the end of the pod. A later call with less grace shortens it.
func (l *life) terminate(now time.Time, grace time.Duration) {
	if end := now.Add(grace); l.deadline.IsZero() || end.Before(l.deadline) {
		l.deadline = end
	}
}

// deadlineFrom is when instances that are stopped now have to be gone: also
// those that outlive the work of a pod nobody deleted.
func (l *life) deadlineFrom(now time.Time) time.Time {
	if l.deadline.IsZero() {
		return now.Add(gracePeriod(l.pod))
	}
	return l.deadline
}

// gracePeriod is what the deletion gave the pod, or what its spec says.
func gracePeriod(pod *v1.Pod) time.Duration {
	seconds := pod.DeletionGracePeriodSeconds
	if seconds == nil {
		seconds = pod.Spec.TerminationGracePeriodSeconds
	}
	if seconds == nil {
		return 30 * time.Second
	}
	return time.Duration(*seconds) * time.Second
}

// ending says whether no container is to be created any more.
func (l *life) ending() bool { return !l.deadline.IsZero() || l.complete() }

// complete says whether the pod has done its work, or failed at it, for good.
func (l *life) complete() bool {
	mains := 0
	for _, c := range l.containers {
		if c.init && !c.sidecar && c.instance != nil && !c.live() && c.seen.exitCode != 0 && !l.wanted(c) {
			return true
		}
		if c.init {
			continue
		}
		if c.instance == nil || c.live() || l.wanted(c) {
			return false
		}
		mains++
	}
	return mains > 0
}

// doomed are the instances to stop now: sidecars outlive the containers they serve.
func (l *life) doomed() []*containerLife {
	if !l.ending() {
		return nil
	}
	var proper, sidecars []*containerLife
	for _, c := range l.containers {
		switch {
		case !c.live():
		case c.sidecar:
			sidecars = append(sidecars, c)
		default:
			proper = append(proper, c)
		}
	}
	if len(proper) > 0 {
		return proper
	}
	return sidecars
}

// over says whether a terminating pod has nothing left that runs.
func (l *life) over() bool {
	if l.deadline.IsZero() {
		return false
	}
	for _, c := range l.containers {
		if c.live() {
			return false
		}
	}
	return true
}

// everRan says whether a container of the pod was ever created.
func (l *life) everRan() bool {
	for _, c := range l.containers {
		if c.instance != nil {
			return true
		}
	}
	return false
}

// next is when the pod will look different, or something will be due, without
// anybody's doing; zero if never.
func (l *life) next(now time.Time) time.Time {
	var next time.Time
	for _, c := range l.containers {
		if c.live() {
			next = earliest(next, c.seen.next)
		} else if !l.ending() && c.retryAt.After(now) {
			next = earliest(next, c.retryAt)
		}
	}
	return next
}

func isSidecar(c *v1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == v1.ContainerRestartPolicyAlways
}

func isInit(pod *v1.Pod, c *v1.Container) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(other v1.Container) bool { return other.Name == c.Name })
}
