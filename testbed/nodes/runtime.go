package main

import (
	"time"

	v1 "k8s.io/api/core/v1"
)

// A runtime runs the containers of pods. The life of a pod (lifecycle.go) asks
// it for instances and looks at them; it never waits for one.
type runtime interface {
	// create makes one instance of a container. A *waiting error says why
	// there can be none yet.
	create(now time.Time, l launch) (instance, error)
	// publish brings the files of a pod's Secret volumes up to date.
	publish(pod *v1.Pod, volumes podVolumes) error
	// forget removes what is kept of a pod that has ended.
	forget(pod *v1.Pod)
}

// launch is what an instance is made of.
type launch struct {
	pod       *v1.Pod
	container *v1.Container
	ip        string
	holds     *content
	// changed is called when the instance looks different by its own doing; at any time, from anywhere.
	changed func()
}

// An instance is one run of a container, from its creation to its exit.
type instance interface {
	// observe says what the instance is doing at now.
	observe(now time.Time, pod *v1.Pod) observation
	// stop asks it to exit, and makes it exit at the deadline. A second call
	// can only bring the exit forward.
	stop(now, deadline time.Time)
	// kill makes it exit now.
	kill(now time.Time)
}

type phase int

const (
	creating phase = iota
	running
	exited
)

// observation is what an instance looks like at one time.
type observation struct {
	phase      phase
	startedAt  time.Time
	started    bool // as its startup probe says
	ready      bool
	finishedAt time.Time
	exitCode   int32
	exitReason string // where it does not follow from the code
	// next is when it will look different without anybody's doing; zero if never.
	next time.Time
}

// waiting is why a container has no instance, in the words of a kubelet.
type waiting struct {
	reason  string
	message string
}

func (w *waiting) Error() string { return w.reason + ": " + w.message }
