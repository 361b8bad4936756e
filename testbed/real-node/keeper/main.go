// Keeper keeps a real Kubernetes node, containerd and kubelet, in namespaces
// and cgroups of its own, and leaves nothing of it behind. It runs as three
// processes: `keep` stays outside, `enter` becomes process 1 of the new
// namespaces and moves into the new cgroups, and `init` is the same process
// once it sees nothing but these. When process 1 ends the kernel ends all that
// the node ever started, and takes its mounts and addresses away.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// node is what the stages are told by their flags.
type node struct {
	dir       string // of everything the node writes
	name      string
	apiServer string // host and port, outside and inside
	keeper    int    // the process that keeps it, as its own namespace numbers it
	probe     bool   // make everything but the node, to see whether this machine allows it
}

func main() {
	if filepath.Base(os.Args[0]) == "runc" {
		exitOn(runcWithoutSeccomp(os.Args))
		return
	}
	if len(os.Args) < 2 {
		exitOn(fmt.Errorf("expected keep, probe, image or pause as first argument, found none"))
	}
	switch stage := os.Args[1]; stage {
	case "image":
		exitOn(image(os.Args[2:]))
	case "pause":
		pause()
	case "keep", "probe":
		n := parse(os.Args[2:])
		n.keeper, n.probe = os.Getpid(), stage == "probe"
		exitOn(n.keep())
	case "enter":
		exitOn(parse(os.Args[2:]).enter())
	case "init":
		exitOn(parse(os.Args[2:]).init())
	default:
		exitOn(fmt.Errorf("expected keep, probe, image or pause as first argument, found %q", stage))
	}
}

func parse(args []string) node {
	var n node
	flags := flag.NewFlagSet("keeper", flag.ExitOnError)
	flags.StringVar(&n.dir, "dir", "", "folder of the node: bin with the programs, their configuration, what they write")
	flags.StringVar(&n.name, "name", "", "name of the node")
	flags.StringVar(&n.apiServer, "api-server", "", "host and port of the API server")
	flags.IntVar(&n.keeper, "keeper", 0, "set by keep itself")
	flags.BoolVar(&n.probe, "probe", false, "set by probe itself")
	_ = flags.Parse(args) // exits
	return n
}

func (n node) args(stage string) []string {
	return []string{stage, "--dir=" + n.dir, "--name=" + n.name, "--api-server=" + n.apiServer,
		"--keeper=" + strconv.Itoa(n.keeper), "--probe=" + strconv.FormatBool(n.probe)}
}

func (n node) path(elements ...string) string {
	return filepath.Join(append([]string{n.dir}, elements...)...)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "keeper: "+err.Error())
		os.Exit(1)
	}
}
