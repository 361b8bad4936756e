package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// bench runs one pod on the simulated runtime, by a clock that only moves when told.
type bench struct {
	t    *testing.T
	now  time.Time
	life *life
}

func newBench(t *testing.T, pod *v1.Pod) *bench {
	t.Helper()
	asked, err := parsePodBehaviour(pod)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.life = newLife(pod, b.now, "127.64.0.1", "127.32.0.1", asked)
	b.after(0)
	return b
}

// after lets time pass, and does what the agent does in it.
func (b *bench) after(d time.Duration) {
	b.t.Helper()
	for end := b.now.Add(d); ; {
		b.act()
		next := b.life.next(b.now)
		if next.IsZero() || next.After(end) {
			b.now = end
			b.act()
			return
		}
		b.now = next
	}
}

func (b *bench) act() {
	b.t.Helper()
	err := b.life.advance(b.now, func(c *containerLife) error {
		holds := &content{}
		i, err := simulated{}.create(b.now, launch{pod: b.life.pod, container: c.spec, holds: holds})
		var why *waiting
		switch {
		case errors.As(err, &why):
			c.refuse(why, b.now)
		case err != nil:
			return err
		default:
			c.created(newContainerID(b.life.runtime), i, holds)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// expect compares the pod with a summary like `Running app:running,ready`.
func (b *bench) expect(want string) {
	b.t.Helper()
	s := b.life.status(b.now)
	words := []string{string(s.Phase)}
	for _, c := range slices.Concat(s.InitContainerStatuses, s.ContainerStatuses) {
		state := "running"
		switch {
		case c.State.Waiting != nil:
			state = c.State.Waiting.Reason
		case c.State.Terminated != nil:
			state = c.State.Terminated.Reason
		}
		if c.Ready {
			state += ",ready"
		}
		words = append(words, c.Name+":"+state)
	}
	if got := strings.Join(words, " "); got != want {
		b.t.Errorf("after %s: expected %q, found %q", b.now.Sub(b.life.startedAt), want, got)
	}
}

func (b *bench) restarts(want int32) {
	b.t.Helper()
	if got := b.life.status(b.now).ContainerStatuses[0].RestartCount; got != want {
		b.t.Errorf("after %s: expected %d restarts, found %d", b.now.Sub(b.life.startedAt), want, got)
	}
}

func pod(annotations map[string]string, init ...v1.Container) *v1.Pod {
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "u", Annotations: map[string]string{}}}
	for what, value := range annotations {
		p.Annotations[prefix+what] = value
	}
	p.Spec.RestartPolicy = v1.RestartPolicyAlways
	p.Spec.InitContainers = init
	p.Spec.Containers = []v1.Container{{Name: "app"}}
	return p
}

func sidecar(name string) v1.Container {
	always := v1.ContainerRestartPolicyAlways
	return v1.Container{Name: name, RestartPolicy: &always}
}

func TestAPodWithoutAnnotationsIsReadyAtOnce(t *testing.T) {
	newBench(t, pod(nil)).expect("Running app:running,ready")
}

func TestDelaysComeOneAfterTheOther(t *testing.T) {
	b := newBench(t, pod(map[string]string{"start-delay": "2s", "ready-delay": "3s"}))
	b.expect("Pending app:ContainerCreating")
	b.after(2 * time.Second)
	b.expect("Running app:running")
	b.after(2999 * time.Millisecond)
	b.expect("Running app:running")
	b.after(time.Millisecond)
	b.expect("Running app:running,ready")
}

func TestTheFirstRestartIsImmediateAndTheNextOnesBackOffTwiceAsLong(t *testing.T) {
	b := newBench(t, pod(map[string]string{"crash": "1 after 1s", "crash-backoff": "4s"}))
	b.after(time.Second)
	b.expect("Running app:running,ready")
	b.restarts(1)
	b.after(time.Second)
	b.expect("Running app:CrashLoopBackOff")
	b.after(3999 * time.Millisecond)
	b.expect("Running app:CrashLoopBackOff")
	b.restarts(1)
	b.after(time.Millisecond)
	b.expect("Running app:running,ready")
	b.restarts(2)
	b.after(time.Second + 7*time.Second)
	b.expect("Running app:CrashLoopBackOff")
	b.after(time.Second)
	b.restarts(3)
}

func TestCrashLoopBackOffKeepsTheLastExit(t *testing.T) {
	b := newBench(t, pod(map[string]string{"crash": "3"}))
	c := b.life.status(b.now).ContainerStatuses[0]
	last := c.LastTerminationState.Terminated
	if c.State.Waiting == nil || last == nil || last.ExitCode != 3 || last.ContainerID != c.ContainerID {
		t.Errorf("expected to wait with the exit of %s as last state, found %+v", c.ContainerID, c)
	}
}

func TestAKilledContainerComesBackAsAnotherOne(t *testing.T) {
	b := newBench(t, pod(nil))
	before := b.life.containers[0].id
	b.after(time.Minute)
	b.life.containers[0].instance.kill(b.now)
	b.after(0)
	b.expect("Running app:running,ready")
	b.restarts(1)
	c := b.life.status(b.now).ContainerStatuses[0]
	if last := c.LastTerminationState.Terminated; c.ContainerID == before || last.ContainerID != before || last.ExitCode != 137 {
		t.Errorf("expected a new container after the exit 137 of %s, found %+v", before, c)
	}
}

func TestReadinessFollowsTheAnnotationOfARunningPod(t *testing.T) {
	b := newBench(t, pod(nil))
	ready := func() v1.PodCondition { b.life.status(b.now); return b.life.conditions[v1.PodReady] }
	since := ready().LastTransitionTime
	b.after(time.Minute)
	if ready().LastTransitionTime != since {
		t.Errorf("expected the transition time to stay %s, found %s", since, ready().LastTransitionTime)
	}
	b.life.pod = pod(map[string]string{"never-ready": "true"})
	b.after(0)
	b.expect("Running app:running")
	if c := ready(); c.Status != v1.ConditionFalse || !c.LastTransitionTime.Time.Equal(b.now) || c.Reason != "ContainersNotReady" {
		t.Errorf("expected not Ready since %s, found %+v", b.now, c)
	}
}

func TestAContainerThatCannotBeCreatedIsTriedAgain(t *testing.T) {
	b := newBench(t, pod(map[string]string{"image-error": "true"}))
	b.expect("Pending app:ImagePullBackOff")
	b.life.pod = pod(nil)
	b.after(retryDelay)
	b.expect("Running app:running,ready")
	b.restarts(0)
}

func TestInitContainersRunInOrderAndSidecarsStay(t *testing.T) {
	b := newBench(t, pod(map[string]string{"init-time.migrate": "5s", "start-delay.proxy": "1s"},
		v1.Container{Name: "first"}, sidecar("proxy"), v1.Container{Name: "migrate"}))
	b.expect("Pending first:Completed,ready proxy:ContainerCreating migrate:PodInitializing app:PodInitializing")
	b.after(time.Second)
	b.expect("Pending first:Completed,ready proxy:running,ready migrate:running app:PodInitializing")
	b.after(5 * time.Second)
	b.expect("Running first:Completed,ready proxy:running,ready migrate:Completed,ready app:running,ready")
}

func TestACrashingInitContainerHoldsThePod(t *testing.T) {
	b := newBench(t, pod(map[string]string{"crash.migrate": "1", "crash": "9 after 1h"}, v1.Container{Name: "migrate"}))
	b.expect("Pending migrate:CrashLoopBackOff app:PodInitializing")
}

func TestASidecarThatCrashesDoesNotUndoTheInitialization(t *testing.T) {
	b := newBench(t, pod(map[string]string{"crash.proxy": "1 after 1s"}, sidecar("proxy")))
	b.after(2 * time.Second)
	b.expect("Running proxy:CrashLoopBackOff app:running,ready")
	if c := b.life.conditions[v1.PodInitialized]; c.Status != v1.ConditionTrue {
		t.Errorf("expected to stay initialized, found %+v", c)
	}
}

func TestRestartPolicyDecidesHowAPodEnds(t *testing.T) {
	for _, test := range []struct {
		policy v1.RestartPolicy
		crash  string
		want   string
	}{
		{v1.RestartPolicyNever, "0", "Succeeded app:Completed"},
		{v1.RestartPolicyNever, "1", "Failed app:Error"},
		{v1.RestartPolicyOnFailure, "0", "Succeeded app:Completed"},
		{v1.RestartPolicyOnFailure, "1", "Running app:CrashLoopBackOff"},
		{v1.RestartPolicyAlways, "0", "Running app:CrashLoopBackOff"},
	} {
		p := pod(map[string]string{"crash": test.crash})
		p.Spec.RestartPolicy = test.policy
		newBench(t, p).expect(test.want)
	}
}

func TestATerminatingPodIsOverWhenItsContainersAre(t *testing.T) {
	b := newBench(t, pod(map[string]string{"termination-delay": "2s", "termination-delay.proxy": "1s"}, sidecar("proxy")))
	b.life.terminate(b.now, 30*time.Second)
	b.after(1999 * time.Millisecond)
	b.expect("Running proxy:running,ready app:running,ready")
	b.after(time.Millisecond)
	b.expect("Running proxy:running,ready app:Completed")
	b.after(time.Second)
	if !b.life.over() {
		t.Error("expected the pod to be over after 3 s")
	}
	b.expect("Succeeded proxy:Completed app:Completed")
}

func TestTheGracePeriodEndsWhatLingers(t *testing.T) {
	b := newBench(t, pod(map[string]string{"termination-delay": "1h"}))
	b.life.terminate(b.now, 30*time.Second)
	b.after(10 * time.Second)
	b.life.terminate(b.now, 5*time.Second)
	b.after(5 * time.Second)
	if !b.life.over() {
		t.Error("expected the second, shorter grace period to end the pod")
	}
	b.expect("Failed app:Error")
}

func TestAPodThatNeverRanIsOverAtOnce(t *testing.T) {
	b := newBench(t, pod(map[string]string{"config-error": "true"}))
	b.life.terminate(b.now, 30*time.Second)
	if !b.life.over() || b.life.everRan() {
		t.Error("expected a pod without any instance to be over")
	}
}

func TestAClosedReadinessGateKeepsThePodUnready(t *testing.T) {
	p := pod(nil)
	p.Spec.ReadinessGates = []v1.PodReadinessGate{{ConditionType: "example.com/open"}}
	b := newBench(t, p)
	b.life.status(b.now)
	if c := b.life.conditions[v1.PodReady]; c.Status != v1.ConditionFalse || c.Reason != "ReadinessGatesNotReady" {
		t.Errorf("expected the gate to keep the pod unready, found %+v", c)
	}
	p.Status.Conditions = []v1.PodCondition{{Type: "example.com/open", Status: v1.ConditionTrue}}
	b.life.status(b.now)
	if c := b.life.conditions[v1.PodReady]; c.Status != v1.ConditionTrue {
		t.Errorf("expected the open gate to let the pod be Ready, found %+v", c)
	}
}
