package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/workqueue"
)

// agent keeps the pods of its nodes going: an event or a timer puts a pod's
// UID on the queue, and sync does whatever is due for that pod by then.
type agent struct {
	core     corev1.CoreV1Interface
	runtimes map[string]runtime // by name
	history  *sourceHistory
	nodes    map[string]string // address by name
	queue    workqueue.TypedDelayingInterface[types.UID]

	mu        sync.Mutex
	pods      map[types.UID]*tracked
	addressed uint32 // the address that was given last, as a number
}

// tracked is one pod of one of the nodes.
type tracked struct {
	latest atomic.Pointer[v1.Pod]
	gone   atomic.Bool // the API object is

	mu       sync.Mutex // over what follows
	life     *life
	volumes  podVolumes
	written  v1.PodStatus
	finished bool // nothing is left to do but to see the API object go
}

func newAgent(core corev1.CoreV1Interface, runtimes map[string]runtime, nodes map[string]string) *agent {
	return &agent{
		core: core, runtimes: runtimes, history: newSourceHistory(), nodes: nodes,
		queue: workqueue.NewTypedDelayingQueue[types.UID](),
		pods:  map[types.UID]*tracked{}, addressed: mathrand.Uint32(),
	}
}

// run works until the context ends.
func (a *agent) run(ctx context.Context, workers int) {
	for range workers {
		go func() {
			for {
				uid, shutdown := a.queue.Get()
				if shutdown {
					return
				}
				// Bounded, so that an API server that hangs does not take the worker.
				attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
				again, err := a.sync(attempt, uid)
				cancel()
				if err != nil {
					log.Printf("pod %s: %v", uid, err)
					again = retryDelay / 4
				}
				if again > 0 {
					a.queue.AddAfter(uid, again)
				}
				a.queue.Done(uid)
			}
		}()
	}
	<-ctx.Done()
	a.queue.ShutDown()
}

// saw takes in the newest state of a pod.
func (a *agent) saw(pod *v1.Pod) {
	if _, ours := a.nodes[pod.Spec.NodeName]; !ours {
		return
	}
	a.mu.Lock()
	t, known := a.pods[pod.UID]
	if !known {
		t = &tracked{}
		a.pods[pod.UID] = t
	}
	a.mu.Unlock()
	t.latest.Store(pod)
	a.queue.Add(pod.UID)
}

// lost takes in that a pod's API object is gone.
func (a *agent) lost(pod *v1.Pod) {
	if t := a.find(pod.UID); t != nil {
		t.gone.Store(true)
		a.queue.Add(pod.UID)
	}
}

func (a *agent) find(uid types.UID) *tracked {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pods[uid]
}

// sync does what is due for a pod, and says when to look again; 0: on the next event.
func (a *agent) sync(ctx context.Context, uid types.UID) (time.Duration, error) {
	t := a.find(uid)
	if t == nil {
		return 0, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()

	pod := t.latest.Load()
	asked, fault := parsePodBehaviour(pod)
	now := time.Now().Add(asked.clockSkew) // the clock of the pod's node
	if t.life == nil {
		t.life = newLife(pod, now, a.address(pod), a.nodes[pod.Spec.NodeName], asked)
	}
	l := t.life
	l.pod = pod

	if t.gone.Load() {
		for _, c := range l.containers {
			if c.live() {
				c.instance.kill(now)
			}
		}
		a.runtimes[l.runtime].forget(pod)
		a.mu.Lock()
		delete(a.pods, uid)
		a.mu.Unlock()
		return 0, nil
	}
	if t.finished {
		return 0, nil
	}
	if pod.DeletionTimestamp != nil {
		l.terminate(now, gracePeriod(pod))
	}

	var again time.Duration
	if t.volumes == nil && !l.ending() {
		volumes, err := mount(ctx, a, pod)
		if err != nil {
			log.Printf("pod %s/%s: %v", pod.Namespace, pod.Name, err)
			again = retryDelay
		} else {
			t.volumes = volumes
		}
	}
	if t.volumes != nil {
		t.volumes.follow(a.history, time.Now().Add(-asked.volumeDelay))
		if err := a.runtimes[l.runtime].publish(pod, t.volumes); err != nil {
			return 0, fmt.Errorf("writing the files of volumes: %w", err)
		}
		err := l.advance(now, func(c *containerLife) error {
			return a.create(ctx, t, c, now, fault)
		})
		if err != nil {
			return 0, err
		}
	}

	// A pod that never ran anything has no last words.
	if !l.over() || l.everRan() {
		if err := a.write(ctx, t, l.status(now)); err != nil {
			return 0, err
		}
	}
	if l.over() {
		if err := a.remove(ctx, pod); err != nil {
			return 0, err
		}
		t.finished = true
		return 0, nil
	}
	if next := l.next(now); !next.IsZero() {
		again = max(next.Sub(now), time.Millisecond)
	}
	return again, nil
}

// create makes an instance of a container, or records why there is none.
func (a *agent) create(ctx context.Context, t *tracked, c *containerLife, now time.Time, fault error) error {
	l, uid, err := t.life, t.life.pod.UID, fault
	var holds *content
	var i instance
	if err == nil {
		holds, err = resolve(ctx, a, l.pod, l.ip, c.spec, t.volumes)
	}
	if err == nil {
		i, err = a.runtimes[l.runtime].create(now, launch{
			pod: l.pod, container: c.spec, ip: l.ip, holds: holds, changed: func() { a.queue.Add(uid) },
		})
	}
	var why *waiting
	switch {
	case errors.As(err, &why):
		c.refuse(why, now)
	case err != nil:
		return fmt.Errorf("container %s: %w", c.spec.Name, err)
	default:
		c.created(newContainerID(l.runtime), i, holds)
	}
	return nil
}

func newContainerID(runtime string) string {
	var id [32]byte
	_, _ = rand.Read(id[:]) // never fails
	return runtime + "://" + hex.EncodeToString(id[:])
}

// sawSource takes in what a source holds from now on: the volumes that show it follow after a while.
func (a *agent) sawSource(s *source) {
	a.history.saw(s, time.Now())
	for uid, t := range a.all() {
		pod := t.latest.Load()
		asked, _ := parsePodBehaviour(pod)
		if asked.runtime == processPods && volumesOf(pod).reads(s) {
			a.queue.AddAfter(uid, asked.volumeDelay)
		}
	}
}

// write patches the status if it differs from what was written last.
func (a *agent) write(ctx context.Context, t *tracked, status v1.PodStatus) error {
	if equality.Semantic.DeepEqual(status, t.written) {
		return nil
	}
	pod := t.life.pod
	body, err := json.Marshal(newStatusPatch(pod.UID, status))
	if err != nil {
		return err
	}
	_, err = a.core.Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or another pod of the same name: the watch will say so
	}
	if err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	t.written = status
	return nil
}

// statusPatch is a strategic merge patch: conditions merge by type, so those
// that others own stay.
type statusPatch struct {
	Metadata struct {
		UID types.UID `json:"uid"` // a precondition
	} `json:"metadata"`
	Status struct {
		v1.PodStatus
		Conditions []conditionPatch `json:"conditions"`
	} `json:"status"`
}

// conditionPatch spells out an empty reason and message, since leaving them
// out of a merge patch would keep the old ones.
type conditionPatch struct {
	v1.PodCondition
	Reason  *string `json:"reason"`
	Message *string `json:"message"`
}

func newStatusPatch(uid types.UID, status v1.PodStatus) statusPatch {
	var p statusPatch
	p.Metadata.UID = uid
	p.Status.PodStatus = status
	for _, c := range status.Conditions {
		p.Status.Conditions = append(p.Status.Conditions,
			conditionPatch{PodCondition: c, Reason: orNull(c.Reason), Message: orNull(c.Message)})
	}
	return p
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// remove takes the API object of an ended pod away, as a kubelet does.
func (a *agent) remove(ctx context.Context, pod *v1.Pod) error {
	err := a.core.Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64),
		Preconditions:      &metav1.Preconditions{UID: &pod.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("removing the API object: %w", err)
	}
	return nil
}

// address is one of 127.64.0.0/10 that no other pod of this agent ever had, so
// that nothing can take a new pod for an old one. Where an agent begins is left
// to chance: of two on one machine, one would else find the ports of its pods
// taken by the other's.
func (a *agent) address(pod *v1.Pod) string {
	if pod.Spec.HostNetwork {
		return a.nodes[pod.Spec.NodeName]
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addressed++
	n := a.addressed
	return fmt.Sprintf("127.%d.%d.%d", 64+n>>16&63, n>>8&255, n&255)
}
