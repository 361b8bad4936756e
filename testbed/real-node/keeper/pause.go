package main

import (
	"os"
	"os/signal"
	"syscall"
)

// pause is the program of a pod's sandbox: it holds the pod's namespaces open
// until it is told to end.
func pause() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
}
