package main

import "fmt"

// init sets up the world of the node, starts its programs, and is their process 1.
func (n node) init() error {
	if err := n.mounts(); err != nil {
		return err
	}
	if err := n.network(); err != nil {
		return err
	}
	if n.probe {
		fmt.Println(n.snapshotter())
		return nil
	}
	if _, err := forward("tcp", n.apiServer, "unix", n.path("apiserver.sock")); err != nil {
		return err
	}
	containerd, err := n.start("containerd", "--config="+n.path("containerd.toml"))
	if err != nil {
		return err
	}
	if err := containerd.untilListening(n.path("containerd.sock")); err != nil {
		return err
	}
	kubelet, err := n.start("kubelet",
		"--config="+n.path("kubelet.yaml"),
		"--kubeconfig="+n.path("kubeconfig"),
		"--hostname-override="+n.name,
		"--node-ip="+nodeAddress,
		"--root-dir="+n.path("kubelet"),
		"--v=2",
	)
	if err != nil {
		return err
	}
	return supervise(containerd, kubelet)
}
