package main

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
)

// startError is the exit code of a container whose command could not be run.
const startError = 128

// process is an instance that is a local process.
type process struct {
	changed func()
	// ahead is how far the clock of the pod's node is ahead of this machine's.
	ahead time.Duration
	grace time.Duration
	// probes run until ended is called; those but readiness until stopping is.
	ended, stopping context.CancelFunc
	start           []func() // of the probes, when there is a process to probe

	mu         sync.Mutex // over what follows
	pid        int        // 0 before it starts and after it was waited for
	seen       observation
	started    *verdict // nil: no such probe
	ready      *verdict
	killer     *time.Timer
	deadline   time.Time
	terminated bool // has been sent SIGTERM
}

func newProcess(now time.Time, l launch) *process {
	return &process{
		changed: l.changed, ahead: now.Sub(time.Now()), grace: gracePeriod(l.pod),
		seen:  observation{startedAt: now},
		ended: func() {}, stopping: func() {},
	}
}

// watch sets up the probes of a container; they begin with the process.
func (p *process) watch(l launch, command func(context.Context, []string) *exec.Cmd) error {
	alive, ended := context.WithCancel(context.Background())
	wanted, stopping := context.WithCancel(alive)
	p.ended, p.stopping = ended, stopping

	add := func(ctx context.Context, probe *v1.Probe, result func(error)) error {
		attempt, err := attemptOf(probe, l.container, l.ip, command)
		if err != nil {
			return err
		}
		p.start = append(p.start, func() { go probeUntilDone(ctx, probe, attempt, result) })
		return nil
	}
	var faults []error
	c := l.container
	if c.StartupProbe != nil {
		p.started = newVerdict(c.StartupProbe, false)
		faults = append(faults, add(wanted, c.StartupProbe, func(err error) { p.judgeStart(err == nil) }))
	}
	if c.ReadinessProbe != nil {
		p.ready = newVerdict(c.ReadinessProbe, false)
		faults = append(faults, add(alive, c.ReadinessProbe, func(err error) {
			p.judge(func() bool { return p.begun() && p.ready.count(err == nil) })
		}))
	}
	if c.LivenessProbe != nil {
		live := newVerdict(c.LivenessProbe, true)
		faults = append(faults, add(wanted, c.LivenessProbe, func(err error) {
			if p.judge(func() bool { return p.begun() && live.count(err == nil) }) && !live.holds {
				p.giveUp()
			}
		}))
	}
	return errors.Join(faults...)
}

// begun says whether the startup probe, if there is one, lets the others count.
func (p *process) begun() bool { return p.started == nil || p.started.holds }

// judge lets a result count, and tells if it made a difference.
func (p *process) judge(count func() bool) bool {
	p.mu.Lock()
	different := count()
	p.mu.Unlock()
	if different {
		p.changed()
	}
	return different
}

func (p *process) judgeStart(success bool) {
	failed := false
	p.judge(func() bool {
		if p.started.holds {
			return false
		}
		changed := p.started.count(success)
		failed = !success && p.started.run >= p.started.probe.FailureThreshold
		return changed
	})
	if failed {
		p.giveUp()
	}
}

// giveUp ends a process that failed its liveness or startup probe; the life of its pod starts the next one.
func (p *process) giveUp() {
	now := time.Now().Add(p.ahead)
	p.stop(now, now.Add(p.grace))
}

// begin waits for the end of a process that has just been started.
func (p *process) begin(cmd *exec.Cmd, u *undertaker) {
	p.mu.Lock()
	p.pid, p.seen.phase = cmd.Process.Pid, running
	p.mu.Unlock()
	for _, start := range p.start {
		start()
	}
	go func() {
		pid := cmd.Process.Pid
		_ = cmd.Wait() // how it ended is in its state
		_ = killGroup(pid)
		u.buried(pid)
		p.end(exitCode(cmd))
	}()
}

func (p *process) failedToStart() {
	p.seen.exitReason = "StartError"
	p.end(startError)
}

func (p *process) end(code int32) {
	p.ended()
	p.mu.Lock()
	p.pid, p.seen.phase, p.seen.exitCode = 0, exited, code
	p.seen.finishedAt = time.Now().Add(p.ahead)
	if p.killer != nil {
		p.killer.Stop()
	}
	p.mu.Unlock()
	p.changed()
}

// exitCode is 128 and the number of the signal for a process that one ended, as a shell has it.
func exitCode(cmd *exec.Cmd) int32 {
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int32(status.Signal())
	}
	return int32(cmd.ProcessState.ExitCode())
}

func (p *process) observe(_ time.Time, _ *v1.Pod) observation {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.seen
	o.started = o.phase == running && p.begun()
	o.ready = o.started && (p.ready == nil || p.ready.holds)
	return o
}

func (p *process) stop(now, deadline time.Time) {
	p.stopping()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return
	}
	if !p.terminated {
		p.terminated = true
		_ = syscall.Kill(p.pid, syscall.SIGTERM) // it may have ended by now
	}
	if p.killer != nil && !deadline.Before(p.deadline) {
		return
	}
	if p.killer != nil {
		p.killer.Stop()
	}
	p.deadline = deadline
	p.killer = time.AfterFunc(deadline.Sub(now), func() { p.kill(deadline) })
}

func (p *process) kill(time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 {
		_ = killGroup(p.pid)
	}
}
