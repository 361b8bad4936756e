package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// heldPod is what the containers of a pod hold, for an observer that trusts
// nobody's bookkeeping. Values are shown by their SHA-256, in hex.
type heldPod struct {
	Namespace  string          `json:"namespace"`
	Name       string          `json:"name"`
	UID        types.UID       `json:"uid"`
	Node       string          `json:"node"`
	Containers []heldContainer `json:"containers"`
}

type heldContainer struct {
	Name        string            `json:"name"`
	ContainerID string            `json:"containerID"`
	ResolvedAt  time.Time         `json:"resolvedAt"`
	Env         map[string]string `json:"env"`
	Files       map[string]string `json:"files"`
}

// api serves what a test wants to see of the nodes, and to do to them.
func (a *agent) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /pods", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a.held())
	})
	mux.HandleFunc("POST /pods/{namespace}/{name}/containers/{container}/kill", func(w http.ResponseWriter, r *http.Request) {
		if err := a.kill(r.PathValue("namespace"), r.PathValue("name"), r.PathValue("container")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// held lists every pod of the nodes, with the containers that have an instance now.
func (a *agent) held() []heldPod {
	pods := []heldPod{}
	for uid, t := range a.all() {
		pod := t.latest.Load()
		held := heldPod{Namespace: pod.Namespace, Name: pod.Name, UID: uid, Node: pod.Spec.NodeName, Containers: []heldContainer{}}
		t.mu.Lock()
		if t.life != nil {
			for _, c := range t.life.containers {
				if c.live() {
					held.Containers = append(held.Containers, heldContainer{
						Name: c.spec.Name, ContainerID: c.id, ResolvedAt: c.holds.resolvedAt,
						Env: digests(c.holds.env), Files: digests(c.holds.files),
					})
				}
			}
		}
		t.mu.Unlock()
		pods = append(pods, held)
	}
	sort.Slice(pods, func(i, j int) bool {
		return pods[i].Namespace+"/"+pods[i].Name < pods[j].Namespace+"/"+pods[j].Name
	})
	return pods
}

// kill ends the running instance of a container, as an OOM killer would.
func (a *agent) kill(namespace, name, container string) error {
	for uid, t := range a.all() {
		if pod := t.latest.Load(); pod.Namespace != namespace || pod.Name != name || t.gone.Load() {
			continue
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.life != nil {
			for _, c := range t.life.containers {
				if c.spec.Name == container && c.live() {
					asked, _ := parsePodBehaviour(t.life.pod)
					c.instance.kill(time.Now().Add(asked.clockSkew))
					a.queue.Add(uid)
					return nil
				}
			}
		}
		return fmt.Errorf("expected a live container %s in pod %s/%s, found none", container, namespace, name)
	}
	return fmt.Errorf("expected pod %s/%s on a node of this agent, found none", namespace, name)
}

func (a *agent) all() map[types.UID]*tracked {
	a.mu.Lock()
	defer a.mu.Unlock()
	pods := make(map[types.UID]*tracked, len(a.pods))
	for uid, t := range a.pods {
		pods[uid] = t
	}
	return pods
}

func digests(values map[string]string) map[string]string {
	shown := make(map[string]string, len(values))
	for name, value := range values {
		sum := sha256.Sum256([]byte(value))
		shown[name] = hex.EncodeToString(sum[:])
	}
	return shown
}
