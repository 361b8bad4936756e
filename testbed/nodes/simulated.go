package main

import (
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
)

// simulated is a runtime without processes: what an instance does at any time
// follows from the annotations its pod had when it was created.
type simulated struct{}

type simulatedInstance struct {
	container string
	init      bool
	runsAt    time.Time
	readyAt   time.Time
	exitsAt   time.Time // zero: never of its own accord
	exitCode  int32
	// deaf instances never become Ready, whatever their pod's annotations say later.
	deaf bool
	// lingers is how long it goes on after a SIGTERM.
	lingers time.Duration
}

func (simulated) create(now time.Time, l launch) (instance, error) {
	pod, c, holds := l.pod, l.container, l.holds
	init := isInit(pod, c)
	b, err := parseBehaviour(pod, c.Name, init)
	if err != nil {
		return nil, err
	}
	if b.imageError {
		return nil, &waiting{"ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q", c.Image)}
	}
	if b.configError {
		return nil, &waiting{"CreateContainerConfigError", "asked for by annotation"}
	}

	s := &simulatedInstance{container: c.Name, init: init, lingers: b.terminationDelay}
	s.runsAt = now.Add(b.startDelay)
	s.readyAt = s.runsAt.Add(b.readyDelay)
	exit := b.crash
	if exit == nil && init && !isSidecar(c) {
		exit = &crash{code: 0, after: b.initTime}
	}
	if b.badValue != "" && holds.has(b.badValue) {
		if b.badNeverReady {
			s.deaf = true
		} else {
			exit = &b.badCrash
		}
	}
	if exit != nil {
		s.exitsAt, s.exitCode = s.runsAt.Add(exit.after), exit.code
	}
	return s, nil
}

// Nobody reads the files of a simulated pod.
func (simulated) publish(*v1.Pod, podVolumes) error { return nil }
func (simulated) forget(*v1.Pod)                    {}

func (s *simulatedInstance) observe(now time.Time, pod *v1.Pod) observation {
	o := observation{startedAt: s.runsAt, exitCode: s.exitCode}
	switch {
	case !s.exitsAt.IsZero() && !now.Before(s.exitsAt):
		o.phase, o.finishedAt = exited, s.exitsAt
		if s.exitsAt.Before(s.runsAt) {
			o.startedAt = s.exitsAt
		}
	case now.Before(s.runsAt):
		o.phase, o.next = creating, earliest(s.runsAt, s.exitsAt)
	default:
		o.phase, o.started, o.next = running, true, s.exitsAt
		if now.Before(s.readyAt) {
			o.next = earliest(s.readyAt, s.exitsAt)
		} else {
			// Read anew each time, so that a test can make a running pod unready.
			b, err := parseBehaviour(pod, s.container, s.init)
			o.ready = err == nil && !b.neverReady && !s.deaf
		}
	}
	return o
}

func (s *simulatedInstance) stop(now, deadline time.Time) {
	end, code := now.Add(s.lingers), int32(0)
	if end.After(deadline) {
		end, code = deadline, 137
	}
	s.exitBy(end, code)
}

func (s *simulatedInstance) kill(now time.Time) { s.exitBy(now, 137) }

func (s *simulatedInstance) exitBy(end time.Time, code int32) {
	if s.exitsAt.IsZero() || end.Before(s.exitsAt) {
		s.exitsAt, s.exitCode = end, code
	}
}

// earliest of two times, where zero stands for never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
