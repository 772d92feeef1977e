// Command kubebox is Kubernetes and etcd in one file, so that tests can start a real cluster from it.
//
// The first argument names the component, all others are that component's own flags:
//
//	kubebox etcd --data-dir DIR
//	kubebox kube-apiserver --etcd-servers URL ...
//	kubebox kubectl get pods
//
// The components are upstream's, imported as they are; only their choice is made here. They share most of
// their packages, so one program compiles and links in a fraction of the time and space of seven.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubescheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// Registered by import, as upstream's own main packages do: the JSON log format, and client and version metrics.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// component makes the command that reads a component's flags; etcd is none, it has its own main function.
type component func() *cobra.Command

func components() map[string]component {
	return map[string]component{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": controllermanager.NewControllerManagerCommand,
		"kube-proxy":              kubeproxy.NewProxyCommand,
		"kube-scheduler":          func() *cobra.Command { return kubescheduler.NewSchedulerCommand() },
		"kubectl":                 kubectl.NewDefaultKubectlCommand,
		"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	}
}

func main() {
	known := components()
	if len(os.Args) < 2 {
		refuse(known, "nothing")
	}
	os.Args = os.Args[1:] // a component takes the first argument for the program's name
	if os.Args[0] == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	command, ok := known[os.Args[0]]
	if !ok {
		refuse(known, os.Args[0])
	}
	os.Exit(cli.Run(command()))
}

// refuse says which components there are and ends the program as a wrong use.
func refuse(known map[string]component, got string) {
	names := slices.Sorted(maps.Keys(known))
	fmt.Fprintf(os.Stderr, "kubebox: got %s; must be etcd or one of %s\n", got, strings.Join(names, ", "))
	os.Exit(2)
}
