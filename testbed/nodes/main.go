// Nodes is the node side of the test cluster: it registers nodes and runs their
// pods, which are simulated, or local processes. What it writes to the API server is what a kubelet
// would write, as far as an operator can tell.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the API server")
	listen := flag.String("listen", "127.0.0.1:0", "address of the HTTP endpoint")
	count := flag.Int("nodes", 1, "number of nodes")
	dir := flag.String("dir", "", "folder for the files and logs of processes")
	flag.Parse()
	if flag.Arg(0) == undertakerCommand {
		if err := bury(os.Stdin, killGroup); err != nil {
			log.Fatal(err)
		}
		return
	}
	go exitWithParent()

	if err := run(context.Background(), *kubeconfig, *listen, *dir, *count); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig, listen, dir string, count int) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS = -1 // the queue's workers are the limit
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	core, err := corev1.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}

	nodes := map[string]string{}
	for i := 1; i <= count; i++ {
		nodes[fmt.Sprintf("node-%d", i)] = fmt.Sprintf("127.32.%d.%d", i>>8, i&255)
	}
	undertaker, err := callUndertaker()
	if err != nil {
		return err
	}
	a := newAgent(core, map[string]runtime{
		simulatedPods: simulated{},
		processPods:   &processes{dir: dir, undertaker: undertaker},
	}, nodes)
	if err := follow(ctx, core, a); err != nil {
		return err
	}
	for name, address := range nodes {
		if err := register(ctx, core, name, address); err != nil {
			return err
		}
	}
	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe(listen, a.api()) }()
	go a.run(ctx, 32)
	return <-failed
}

// follow watches the pods on nodes, and the Secrets and ConfigMaps, and returns when all are known.
func follow(ctx context.Context, core corev1.CoreV1Interface, a *agent) error {
	pods := watch(ctx, core, "pods", fields.OneTermNotEqualSelector("spec.nodeName", ""), &v1.Pod{}, a.saw, a.lost)
	secrets := watch(ctx, core, "secrets", fields.Everything(), &v1.Secret{},
		func(s *v1.Secret) { a.sawSource(ofSecret(s)) }, func(*v1.Secret) {})
	configMaps := watch(ctx, core, "configmaps", fields.Everything(), &v1.ConfigMap{},
		func(c *v1.ConfigMap) { a.sawSource(ofConfigMap(c)) }, func(*v1.ConfigMap) {})
	if !cache.WaitForCacheSync(ctx.Done(), pods.HasSynced, secrets.HasSynced, configMaps.HasSynced) {
		return fmt.Errorf("waiting for the first lists: %w", ctx.Err())
	}
	return nil
}

// watched is an object of the API.
type watched interface {
	apiruntime.Object
	metav1.Object
}

// watch calls saw with every new state of the objects of a resource, and lost
// with those that are gone.
func watch[T watched](ctx context.Context, core corev1.CoreV1Interface, resource string, selector fields.Selector, example T, saw, lost func(T)) cache.Controller {
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(core.RESTClient(), resource, metav1.NamespaceAll, selector),
		ObjectType:    example,
		Transform: func(o any) (any, error) {
			if object, ok := o.(T); ok {
				object.SetManagedFields(nil) // half of the memory, read by nobody here
			}
			return o, nil
		},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: func(o any) { saw(o.(T)) },
			UpdateFunc: func(before, after any) {
				// A watch that was away may take a new object of the same name for a change.
				if before.(T).GetUID() != after.(T).GetUID() {
					lost(before.(T))
				}
				saw(after.(T))
			},
			DeleteFunc: func(o any) {
				if unseen, ok := o.(cache.DeletedFinalStateUnknown); ok {
					o = unseen.Obj
				}
				lost(o.(T))
			},
		},
	})
	go controller.RunWithContext(ctx)
	return controller
}

// exitWithParent ends this process when its standard input ends, that is when
// the process that holds the other end of the pipe is gone, killed ones included.
func exitWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}
