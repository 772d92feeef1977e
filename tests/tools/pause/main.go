// Command pause holds a pod's network namespace open: it does nothing until it is told to end.
//
// Kubernetes starts one in every pod, before the pod's own containers. Without C compiler and registry, this is
// where the tests' node gets it from.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM)
	<-told
}
