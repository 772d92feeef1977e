// Command crdcheck judges a CustomResourceDefinition, and objects of its kind, as the Kubernetes API server would.
//
//	crdcheck CRD.yaml                      is the definition itself accepted?
//	crdcheck CRD.yaml create FILE...       would each object be accepted as a new one?
//	crdcheck CRD.yaml update OLD NEW ...   would each OLD be allowed to become NEW?
//
// It calls the API server's own packages (apiextensions-apiserver), so structural rules, CEL compilation, CEL cost
// limits, pruning and defaulting are the real ones. It prints one JSON report and exits 0 whatever the verdicts are;
// it exits 1 where it could not judge. A file that kubectl could not read is a fault of the field "file".
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// report is what is printed: the verdict on the definition, then one on each object, in the order of the arguments.
type report struct {
	Definition []fault   `json:"definition"`
	Objects    []verdict `json:"objects"`
}

// verdict is what the API server would say to one object. Faults refuse it; pruned fields it would drop silently.
type verdict struct {
	File   string   `json:"file"`
	Faults []fault  `json:"faults"`
	Pruned []string `json:"pruned"`
}

// fault is one reason to refuse.
type fault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func main() {
	result, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "crdcheck:", err)
		os.Exit(1)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, "crdcheck:", err)
		os.Exit(1)
	}
}

func run(args []string) (*report, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("usage: crdcheck CRD.yaml [create FILE... | update OLD NEW ...]")
	}
	definition, err := readDefinition(args[0])
	if err != nil {
		return nil, err
	}
	result := &report{Definition: definition.faults(), Objects: []verdict{}}
	if len(args) == 1 || len(result.Definition) > 0 {
		return result, nil
	}
	judge, err := definition.judge()
	if err != nil {
		return nil, err
	}
	switch files := args[2:]; {
	case args[1] == "create":
		for _, file := range files {
			result.Objects = append(result.Objects, judge.create(file))
		}
	case args[1] == "update" && len(files)%2 == 0:
		for i := 0; i < len(files); i += 2 {
			result.Objects = append(result.Objects, judge.update(files[i], files[i+1]))
		}
	default:
		return nil, fmt.Errorf("got %q; must be `create FILE...` or `update OLD NEW ...`", args[1:])
	}
	return result, nil
}
