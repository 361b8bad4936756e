// Controlplane is the control plane of the test cluster in one binary: it runs
// as the program its first argument names, so that the packages these programs
// share are compiled and linked once.
package main

import (
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // time zones of CronJobs

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // build_info
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fail("expected the name of a program as first argument, found none")
	}
	// Each program reads os.Args itself, and must not see the dispatch.
	os.Args = os.Args[1:]

	switch name := os.Args[0]; name {
	case "etcd":
		go exitWithParent()
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		serve(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		serve(controllermanager.NewControllerManagerCommand())
	case "kube-scheduler":
		serve(scheduler.NewSchedulerCommand())
	case "kubectl":
		runKubectl()
	default:
		fail(fmt.Sprintf("expected etcd, kube-apiserver, kube-controller-manager, kube-scheduler or kubectl, found %q", name))
	}
}

func serve(command *cobra.Command) {
	go exitWithParent()
	os.Exit(cli.Run(command))
}

// exitWithParent ends this process when its standard input ends, that is when
// the process that holds the other end of the pipe is gone, killed ones included.
func exitWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

// runKubectl does what kubectl's own main does, so that errors read the same.
func runKubectl() {
	logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) //nolint:errcheck
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "controlplane: "+message)
	os.Exit(2)
}
