package main

import (
	"fmt"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// status is the pod status as a kubelet would show it at now. Conditions that
// others own (PodScheduled, DisruptionTarget, readiness gates) are not in it.
func (l *life) status(now time.Time) v1.PodStatus {
	s := v1.PodStatus{
		ObservedGeneration: l.pod.Generation,
		StartTime:          &metav1.Time{Time: l.startedAt},
		HostIP:             l.hostIP,
		HostIPs:            []v1.HostIP{{IP: l.hostIP}},
		PodIP:              l.ip,
		PodIPs:             []v1.PodIP{{IP: l.ip}},
	}
	initialized := l.initialized()
	for _, c := range l.containers {
		cs := l.containerStatus(c, now, initialized)
		if c.init {
			s.InitContainerStatuses = append(s.InitContainerStatuses, cs)
		} else {
			s.ContainerStatuses = append(s.ContainerStatuses, cs)
		}
	}
	s.Phase = l.phase()
	s.Conditions = l.currentConditions(now, s)
	return s
}

func (l *life) containerStatus(c *containerLife, now time.Time, initialized bool) v1.ContainerStatus {
	isRunning := c.live() && c.seen.phase == running
	isStarted := isRunning && c.seen.started
	cs := v1.ContainerStatus{
		Name:         c.spec.Name,
		Image:        c.spec.Image,
		ImageID:      l.runtime + "://" + c.spec.Image,
		ContainerID:  c.id,
		RestartCount: c.restarts,
		Started:      &isStarted,
		Ready:        isRunning && c.seen.ready,
	}
	if c.init && !c.sidecar {
		// A kubelet calls an init container ready when it has done its work.
		cs.Ready = c.passed()
	}
	if c.last != nil {
		cs.LastTerminationState.Terminated = c.last
	}
	wait := func(reason, message string) {
		cs.State.Waiting = &v1.ContainerStateWaiting{Reason: reason, Message: message}
		if c.instance != nil && c.seen.phase == exited {
			cs.LastTerminationState.Terminated = c.terminated()
		}
	}
	switch {
	case isRunning:
		cs.State.Running = &v1.ContainerStateRunning{StartedAt: metav1.NewTime(c.seen.startedAt)}
	case c.live():
		wait("ContainerCreating", "")
	case c.refused != nil && !l.ending():
		wait(c.refused.reason, c.refused.message)
	case c.instance == nil && !initialized && !c.init, c.instance == nil && c.init:
		wait("PodInitializing", "")
	case c.instance == nil:
		wait("ContainerCreating", "")
	case l.wanted(c) && !l.ending():
		wait("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
			c.retryAt.Sub(c.seen.finishedAt), c.spec.Name, l.pod.Name, l.pod.Namespace, l.pod.UID))
	default:
		cs.State.Terminated = c.terminated()
	}
	return cs
}

// terminated describes the exit of the current instance.
func (c *containerLife) terminated() *v1.ContainerStateTerminated {
	reason := "Completed"
	if c.seen.exitCode != 0 {
		reason = "Error"
	}
	if c.seen.exitReason != "" {
		reason = c.seen.exitReason
	}
	return &v1.ContainerStateTerminated{
		ExitCode:    c.seen.exitCode,
		Reason:      reason,
		StartedAt:   metav1.NewTime(c.seen.startedAt),
		FinishedAt:  metav1.NewTime(c.seen.finishedAt),
		ContainerID: c.id,
	}
}

func (l *life) phase() v1.PodPhase {
	succeeded, stopped, runs, mains := 0, 0, 0, 0
	pendingInit := false
	for _, c := range l.containers {
		exitedOnce := c.instance != nil && (c.seen.phase == exited || c.last != nil)
		switch {
		case c.sidecar:
			pendingInit = pendingInit || (c.instance == nil && !l.initialized())
		case c.init:
			pendingInit = pendingInit || !(c.passed() || exitedOnce)
		default:
			mains++
			switch {
			case c.live() && c.seen.phase == running:
				runs++
			case exitedOnce:
				stopped++
				if c.seen.phase == exited && c.seen.exitCode == 0 {
					succeeded++
				}
			}
		}
	}
	done := l.complete() || l.over()
	switch {
	case done && mains == succeeded:
		return v1.PodSucceeded
	case done:
		return v1.PodFailed
	case pendingInit || runs+stopped < mains:
		return v1.PodPending
	}
	return v1.PodRunning
}

// currentConditions keeps the transition time of every condition that did not change.
func (l *life) currentConditions(now time.Time, s v1.PodStatus) []v1.PodCondition {
	completed := s.Phase == v1.PodSucceeded
	var incomplete, unready []string
	for _, c := range l.containers {
		if c.init && !(c.passed() || (c.sidecar && l.initialized())) {
			incomplete = append(incomplete, c.spec.Name)
		}
		if (!c.init || c.sidecar) && !(c.live() && c.seen.phase == running && c.seen.ready) {
			unready = append(unready, c.spec.Name)
		}
	}

	l.judge(now, v1.PodReadyToStartContainers, l.everRan() && !l.over() && !l.complete(), "", "")
	l.judge(now, v1.PodInitialized, len(incomplete) == 0 || completed,
		"ContainersNotInitialized", containers("incomplete status", incomplete))

	reason, message := "ContainersNotReady", containers("unready status", unready)
	if completed {
		reason, message = "PodCompleted", ""
	}
	ready := len(unready) == 0
	l.judge(now, v1.ContainersReady, ready, reason, message)
	if gate := l.closedGate(); ready && gate != "" {
		ready, reason = false, "ReadinessGatesNotReady"
		message = fmt.Sprintf("the status of pod readiness gate %q is not \"True\"", gate)
	}
	l.judge(now, v1.PodReady, ready, reason, message)

	return []v1.PodCondition{
		l.conditions[v1.PodReadyToStartContainers], l.conditions[v1.PodInitialized],
		l.conditions[v1.PodReady], l.conditions[v1.ContainersReady],
	}
}

func (l *life) judge(now time.Time, kind v1.PodConditionType, holds bool, reason, message string) {
	c := v1.PodCondition{Type: kind, Status: v1.ConditionTrue, ObservedGeneration: l.pod.Generation}
	if !holds {
		c.Status, c.Reason, c.Message = v1.ConditionFalse, reason, message
	}
	c.LastTransitionTime = metav1.NewTime(now)
	if before, known := l.conditions[kind]; known && before.Status == c.Status {
		c.LastTransitionTime = before.LastTransitionTime
	}
	l.conditions[kind] = c
}

// closedGate is the first readiness gate that nobody opened, or "".
func (l *life) closedGate() v1.PodConditionType {
	for _, gate := range l.pod.Spec.ReadinessGates {
		open := false
		for _, c := range l.pod.Status.Conditions {
			open = open || (c.Type == gate.ConditionType && c.Status == v1.ConditionTrue)
		}
		if !open {
			return gate.ConditionType
		}
	}
	return ""
}

func containers(what string, names []string) string {
	return fmt.Sprintf("containers with %s: [%s]", what, strings.Join(names, " "))
}
